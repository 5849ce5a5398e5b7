"""Every name under which blocks, training options and diagnostics say a figure, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.code import ROOT, nodes

SAYING = ("core/blocks", "core/training", "core/telemetry", "core/runs/launch.py")
FIGURES = ("dict[str, float", "Mapping[str, float")


def _says_figures(function: ast.FunctionDef) -> bool:
    return function.returns is not None and ast.unparse(function.returns).startswith(FIGURES)


def _texts(node: ast.expr) -> Iterator[str]:
    """A name, or the parts of one that are filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)


def _keys(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key in node.keys:
                yield from _texts(key) if key is not None else ()
        elif isinstance(node, ast.DictComp):
            yield from _texts(node.key)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield from _texts(node.slice)


def _has(function: ast.FunctionDef, lines: list[str], word: str) -> bool:
    return any(word in line for line in lines[function.lineno - 1 : function.end_lineno])


def figure_names() -> dict[str, str]:
    """Name -> the file that says it. Filled-in parts are ``{}``."""
    found: dict[str, str] = {}
    for place in SAYING:
        root = ROOT / place
        for path in [root] if root.is_file() else sorted(root.rglob("*.py")):
            lines = path.read_text(encoding="utf-8").splitlines()
            for node in nodes(path):
                if isinstance(node, ast.FunctionDef) and (_says_figures(node) or _has(node, lines, "Scalars(")):
                    found |= {name: path.relative_to(ROOT).as_posix() for name in _keys(node)}
    return found
