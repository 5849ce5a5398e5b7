"""Text that every file, store and window takes."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""The text with lone surrogates written out (``\udce9``): names on a disk need not be UTF-8, and JSON may hold halves.

    Different names stay different.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text
