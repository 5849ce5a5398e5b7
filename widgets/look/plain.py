"""Tooltips of text that a stranger may have written: Qt would read markup in it, and load the pictures it names."""

from __future__ import annotations

import html


def plain_tip(text: str) -> str:
    """The same words as a tooltip that is never read as markup."""
    return f"<span style='white-space: pre-wrap'>{html.escape(text)}</span>" if "<" in text else text
