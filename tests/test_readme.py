"""README says what is true: its tree is the folders, its commands exist, its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from studio.cli import command_modules, parser
from studio.open.documents import examples

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def drawn_tree() -> set[str]:
    """Folders of the tree in README, as paths."""
    block = TEXT.split("## Project layout")[1].split("```")[1]
    found, above = set(), ""
    for line in block.strip().splitlines():
        match = re.match(r"( *)(\w+)/ ", line)
        assert match, f"not a folder: {line!r}"
        above = above if match[1] else match[2]
        found.add(f"{above}/{match[2]}" if match[1] else above)
    return found


def folders() -> set[str]:
    """Top-level folders, and the rooms of studio, core and widgets."""

    def holds(folder: Path) -> bool:
        return folder.is_dir() and not folder.name.startswith((".", "_")) and any(folder.glob("*.py"))

    rooms = {
        f"{house}/{room.name}"
        for house in ("studio", "core", "widgets")
        for room in (ROOT / house).iterdir()
        if holds(room)
    }
    return {"studio", "core", "widgets", "resources", "tests"} | rooms


def test_the_tree_is_the_folders() -> None:
    assert drawn_tree() == folders()


def test_the_top_level_is_what_was_agreed() -> None:
    made = {"pictures", "build", "dist", "crossmodal_studio.egg-info"}  # ignored by git
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")} - made
    assert found == {
        "studio", "core", "widgets", "resources", "tests", "pyproject.toml", "README.md", "README.zh-CN.md", "LICENSE", "CHANGELOG.md", "Makefile", "findings",
    }  # fmt: skip


def test_every_command_is_shown_and_no_other() -> None:
    shown = set(re.findall(r"python -m studio ([\w-]+)", TEXT))
    assert shown - set(command_modules()) == set()
    assert set(command_modules()) - shown <= {"open"}


@pytest.mark.parametrize("line", re.findall(r"^python -m studio ([^#\n]+)", TEXT, re.MULTILINE))
def test_the_commands_take_their_flags(line: str) -> None:
    words = line.replace("FILE|RUN", "mini_clip").replace("FILE", "mini_clip").replace("DIR", "out").split()
    assert parser().parse_args(words).command == words[0]


def test_the_examples_are_named() -> None:
    assert [example.key for example in examples() if f"`{example.key}`" not in TEXT] == []


def test_pictures_and_links_are_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
