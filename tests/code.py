"""The code itself, parsed once in a process, for the tests that read it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def files(*folders: str) -> Iterator[Path]:
    """Every Python file below these folders, in order."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    """A file's statements."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Everything in a file, as ``ast.walk`` comes upon it."""
    return tuple(ast.walk(tree(path)))


@functools.cache
def calls(path: Path) -> tuple[ast.Call, ...]:
    """Every call in a file."""
    return tuple(node for node in nodes(path) if isinstance(node, ast.Call))


def dotted(expression: ast.expr) -> str:
    """``a.b.c`` of a name or an attribute of one; of anything else the last attribute after a dot, or nothing."""
    if isinstance(expression, ast.Name):
        return expression.id
    return f"{dotted(expression.value)}.{expression.attr}" if isinstance(expression, ast.Attribute) else ""
