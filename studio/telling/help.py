"""The help: pages in the person's language, from the installation; where a page lists keys, they are those of the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from widgets.look.language import language

ORDER = (
    "first_steps", "canvas", "data", "training", "monitors", "query", "runs", "keyboard", "command_line", "own_blocks",
    "troubleshooting",
)  # fmt: skip
OF_PAGES: Mapping[str, str] = {  # of the window -> of the help
    "design": "canvas", "data": "data", "train": "monitors", "inspect": "monitors", "query": "query", "runs": "runs", "sweeps": "runs",
    "gallery": "first_steps",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class HelpPage:
    """One page, in Markdown."""

    key: str
    title: str
    text: str


def help_pages(keys: str) -> tuple[HelpPage, ...]:
    """All of them, in order; ``keys`` stands where a page lists them."""
    folder = resources.files("resources") / "help" / language()
    found = []
    for key in ORDER:
        text = (folder / f"{key}.md").read_text("utf-8").replace("{keys}", keys)
        found.append(HelpPage(key=key, title=text.split("\n", 1)[0].removeprefix("# ").strip(), text=text))
    return tuple(found)
