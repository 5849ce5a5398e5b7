"""Sentences that core and studio put together with values, read from the source as the templates the tables translate.

A template is the sentence with every value replaced by ``{a}``, ``{b}``, ... in order of appearance.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

Piece = str | ast.expr

# What these are called with is a sentence for a person, with values in it or without.
KEYWORDS = {
    "Problem": ("what", "hint"),
    "Fix": ("text",),
    "refuse": ("what", "hint"),
    "Misread": ("what", "hint"),
    "_wrong": ("what", "hint"),
    "Mark": ("text",),
    "LogLine": ("text",),
    "Heirloom": ("title", "reason"),
    "Proposal": ("what", "reason"),
    "Evidence": ("figure",),
    "Hearing": ("sentence",),
}
CALLS = frozenset({
    "refuse", "ValueError", "warn", "log", "leave_out", "remark", "fail", "end", "Busy", "WorkerLost", "_tell", "_warn", "_stop", "whose",
})  # fmt: skip
NOUNS = {"Catalog": 1, "folder": 1, "pick_column": 3}  # calls whose argument stands in a sentence as a word

# What programmers and machines read: no person sees it in the window.
UNSAID_CALLS = frozenset({
    "AssertionError", "NotImplementedError", "TypeError", "OverflowError", "RuntimeError", "tr", "exec_driver_sql", "execute", "print",
    "Thread", "Process", "setStyleSheet", "compile", "debug", "info", "warning", "exception", "ImportError", "KeyError",
})  # fmt: skip
UNSAID_FILES = (
    "core/compiler/script.py", "core/runs/paper.py", "core/exploring/pages.py", "core/store/export.py", "studio/benches/", "studio/commands/",
    "studio/watching/device_line.py", "studio/telling/health.py", "studio/open/stores.py", "core/runs/working.py", "widgets/",
    "core/compiler/contract/measures.py",
)  # fmt: skip
UNSAID_FUNCTIONS = frozenset(
    {"detail", "as_text", "_in_short"}
)  # figures under a node's title; a command line's; a fingerprint
UNSAID = frozenset({
    "crossmodal-studio {a}", "Crossmodal Studio {a}", "Python {a} · {b}", "without {a}", "Twemoji {a}", "{a} across", "{a} across {b}", "{a} within {b}", "level {a}", "similarity, {a}", "{a} MiB", "{a} pp",
    "PRAGMA wal_checkpoint({a})", "{a} on {b}", "chunk {a} of series {b} is damaged", "{a}, {b} GiB, CUDA {c}",
})  # fmt: skip  # names of configurations, credits, maps and series, which are data; figures with their unit
PROSE = re.compile(r"[A-Za-z]{2,},? [A-Za-z]{2,}|[A-Za-z]{3,}[,:;]? \{|\}[,:;]? [a-z]{2,}")
SENTENCE = re.compile(r"[A-Z].* .*[.?]", re.DOTALL)


def said_sentences(trees: dict[str, ast.Module]) -> Iterator[tuple[str, str]]:
    """Every sentence and template, with the place that says it."""
    for file, tree in trees.items():
        if not file.startswith(UNSAID_FILES):
            for text, line in _of_file(tree):
                if text not in UNSAID and re.search(r"[A-Za-z]{2}", re.sub(r"\{\w\}", "", text)):
                    yield text, f"{file}:{line}"


def nouns(trees: dict[str, ast.Module]) -> Iterator[tuple[str, str]]:
    """Words that are put into sentences: what a catalogue calls its entries, what a folder holds, choices inside a sentence."""
    for file, tree in trees.items():
        if file.startswith("core/"):
            for node in _walk(tree):
                if isinstance(node, ast.Call) and len(node.args) > NOUNS.get(_name(node), 99):
                    yield from ((text, file) for text in _constants(node.args[NOUNS[_name(node)]]))
                if isinstance(node, ast.JoinedStr) and PROSE.search(template(_pieces(node))):
                    yield from ((word, file) for word in _choices(node))


def _of_file(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in _walk(tree):
        if isinstance(node, ast.Call):
            for said in _told(node):
                yield from _sentences(said, lambda text: " " in text)
        elif isinstance(node, ast.Return | ast.Assign) and node.value is not None:
            yield from _sentences(node.value, lambda text: SENTENCE.fullmatch(text) is not None)
        elif isinstance(node, ast.JoinedStr) and PROSE.search(template(_pieces(node))):
            yield template(_pieces(node)), node.lineno


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """What is in a tree, without pieces of a longer string and without what is no person's to read."""
    yield node
    below: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.Call) and _name(node) in UNSAID_CALLS:
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in UNSAID_FUNCTIONS:
        return
    if isinstance(node, ast.JoinedStr):
        below = (value.value for value in node.values if isinstance(value, ast.FormattedValue))
    if (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add)
        and any(isinstance(piece, str) for piece in _pieces(node))
    ):
        yield from (inner for piece in _pieces(node) if isinstance(piece, ast.expr) for inner in _walk(piece))
        return
    for child in below:
        yield from _walk(child)


def _told(call: ast.Call) -> list[ast.expr]:
    name = _name(call)
    told = [keyword.value for keyword in call.keywords if keyword.arg in KEYWORDS.get(name, ())]
    return told + (call.args[:1] if name in CALLS else [])


def _sentences(said: ast.expr, is_sentence: object) -> Iterator[tuple[str, int]]:
    """The sentences between which an expression chooses; one without values must look like a sentence."""
    if isinstance(said, ast.IfExp):
        yield from _sentences(said.body, is_sentence)
        yield from _sentences(said.orelse, is_sentence)
    elif isinstance(said, ast.BoolOp):
        for value in said.values:
            yield from _sentences(value, is_sentence)
    else:
        pieces = _pieces(said)
        values = [piece for piece in pieces if not isinstance(piece, str)]
        if not values and callable(is_sentence) and is_sentence("".join(map(str, pieces))):
            yield "".join(map(str, pieces)), said.lineno
        elif values and len(values) < len(pieces) and " " in template(pieces).strip():
            yield template(pieces), said.lineno


def _pieces(expression: ast.expr) -> list[Piece]:
    """Literal text and values, in order."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return [expression.value]
    if isinstance(expression, ast.JoinedStr):
        return [piece.value if isinstance(piece, ast.Constant) else piece for piece in expression.values]  # type: ignore[misc]
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        return _pieces(expression.left) + _pieces(expression.right)
    return [expression]


def template(pieces: list[Piece]) -> str:
    """The pieces with ``{a}``, ``{b}``, ... for the values."""
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    return "".join(
        piece.replace("{", "{{").replace("}", "}}") if isinstance(piece, str) else f"{{{next(letters)}}}"
        for piece in pieces
    )


def _choices(said: ast.JoinedStr) -> Iterator[str]:
    """Words between which a value of a sentence chooses: ``{'whole ' if whole else ''}``."""
    for value in (piece.value for piece in said.values if isinstance(piece, ast.FormattedValue)):
        configurations = (
            [value.body, value.orelse]
            if isinstance(value, ast.IfExp)
            else value.values
            if isinstance(value, ast.BoolOp)
            else []
        )
        for word in (text for configuration in configurations for text in _constants(configuration)):
            if re.search(r"[A-Za-z]{2}", word):
                yield word


def _constants(expression: ast.expr) -> list[str]:
    return [expression.value] if isinstance(expression, ast.Constant) and isinstance(expression.value, str) else []


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
