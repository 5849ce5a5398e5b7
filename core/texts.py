"""Text that every file, store and window takes."""

from __future__ import annotations

import re

_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""The text with lone surrogates written out (``\udce9``): names on a disk need not be UTF-8, and JSON may hold halves.

    Different names stay different.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def seen(text: str) -> str:
    """The text without marks that nobody sees and no word needs: zero-width blanks, soft hyphens, marks of direction.

    Joiners stay: words of many scripts are written with them.
    """
    return _UNSEEN.sub("", text)


def harmless(text: str) -> str:
    r"""A person's words for a terminal: what would act on it, or turn the line around, is written out (``\x1b``)."""
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
