"""The code itself, parsed once in a process, for the tests that read it."""

from __future__ import annotations

import ast
import functools
import gc
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def files(*folders: str) -> Iterator[Path]:
    """Every Python file below these folders, in order."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    """A file's statements; the garbage collector, which would look through all that was parsed again and again, is kept away."""
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"), str(path))
    finally:
        gc.freeze()
        gc.enable()


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Everything in a file, as ``ast.walk`` comes upon it, in half its time."""
    found: list[ast.AST] = [tree(path)]
    for node in found:
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found += [each for each in value if isinstance(each, ast.AST)]
    return tuple(found)


@functools.cache
def calls(path: Path) -> tuple[ast.Call, ...]:
    """Every call in a file."""
    return tuple(node for node in nodes(path) if isinstance(node, ast.Call))


def dotted(expression: ast.expr) -> str:
    """``a.b.c`` of a name or an attribute of one; of anything else the last attribute after a dot, or nothing."""
    if isinstance(expression, ast.Name):
        return expression.id
    return f"{dotted(expression.value)}.{expression.attr}" if isinstance(expression, ast.Attribute) else ""
