"""A filter's text cut into words, names, numbers, texts and signs, each with its place; and what is wrong with it, where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from core.problems import Problem, Refused

Kind = Literal["word", "name", "number", "text", "sign", "end"]
_TOKEN = re.compile(
    r"(?P<blank>\s+)"
    r"|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w@])(?:\s?%)?)"
    r'|"(?P<text>[^"]*)"|“(?P<curly>[^”]*)”|\'(?P<single>[^\']*)\''
    r"|`(?P<name>[^`]+)`"
    r"|(?P<word>[^\W\d][\w./@*+]*(?:-[^\W\d][\w./@*+]*)*)"
    r"|(?P<sign>!=|<=|>=|==|!~|[=<>~(),≤≥≠（），])"
)
SPELLED = {"==": "=", "≤": "<=", "≥": ">=", "≠": "!=", "（": "(", "）": ")", "，": ","}


@dataclass(frozen=True, kw_only=True)
class Token:
    """One piece of a filter."""

    kind: Kind
    text: str
    at: int
    length: int
    number: float = 0.0


class Misread(Refused):
    """A filter that cannot be read; :attr:`pointed` shows where."""

    def __init__(self, text: str, at: int, length: int, *, what: str, hint: str) -> None:
        super().__init__(Problem(what=what, hint=hint))
        self.text, self.at, self.length = text, at, max(1, length)

    @property
    def pointed(self) -> str:
        """The line of the text with carets under what is meant."""
        start = self.text.rfind("\n", 0, self.at) + 1
        line = self.text[start:].split("\n", 1)[0]
        return f"{line}\n{' ' * (self.at - start)}{'^' * self.length}"


def tokens(text: str) -> list[Token]:
    """Every piece, and the end. Raises Misread at what is none."""
    found, at = list[Token](), 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        if match.lastgroup != "blank":
            found.append(_token(match))
        at = match.end()
    return [*found, Token(kind="end", text="", at=len(text), length=1)]


def _token(match: re.Match[str]) -> Token:
    kind, at, length = str(match.lastgroup), match.start(), match.end() - match.start()
    text = match[kind]
    if kind == "number":
        value = float(text.rstrip("% ")) / (100 if text.endswith("%") else 1)
        return Token(kind="number", text=text, at=at, length=length, number=value)
    if kind in ("text", "curly", "single"):
        return Token(kind="text", text=text, at=at, length=length)
    if kind == "sign":
        return Token(kind="sign", text=SPELLED.get(text, text), at=at, length=length)
    return Token(kind="name" if kind == "name" else "word", text=text, at=at, length=length)


def _unreadable(text: str, at: int) -> Misread:
    if text[at] in "\"'“`":
        return Misread(text, at, 1, what="This quotation is not closed.", hint="Write the same mark where it ends.")
    hint = "Known are = != < <= > >= ~ !~, and, or, not, in, brackets and names."
    return Misread(text, at, 1, what=f"“{text[at]}” means nothing in a filter.", hint=hint)
