"""The built-in dataset: Twemoji pictures with their Unicode names, split so that held-out concepts are really unseen.

Two honest tests: ``test`` holds concepts of no training family (:mod:`core.data.emoji_index`); ``style`` holds concepts
that were trained on, drawn by another artist. No network: pictures and names come from installed packages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import emoji as unicode_names
import torch

from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.catalog import sources
from core.data.emoji_artists import Artist, Folder, OpenMoji, Twemoji
from core.data.emoji_index import Emoji, load_index, plain_name
from core.data.pictures import PictureMemory, meta_image
from core.data.report import report_of
from core.data.splitting import by_split, numbered, split_of
from core.graph.ports import port
from core.knobs import knob

LANGUAGES = {
    "English": "en", "Chinese": "zh", "German": "de", "French": "fr", "Spanish": "es", "Portuguese": "pt",
    "Italian": "it", "Japanese": "ja", "Korean": "ko", "Russian": "ru",
}  # fmt: skip
LEVELS = ("group", "subgroup", "family")
NEW_CONCEPTS, NOTHING = "new concepts", "nothing"  # what is held out
NAME, KEYWORDS, KIND = "name", "name and keywords", "kind and name"


@sources.register("sources.emoji")
class EmojiPairs(Source):
    """About 1,900 emoji images with their Unicode names, from packages on this machine."""

    title = "Emoji pairs"
    modality = "image"
    gives = {
        "image": port("image", "the image"),
        "sentence": port("sentence", "its name"),
        "classes": port("labels", "codes of its group, subgroup and name family"),
        "sample": port("number", "its number in this source"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What is drawn and how it is called."""

        image_size: int = knob(64, "Edge of the square image. The art has 72 pixels.", low=16, high=512, unit="px")
        language: str = knob("English", "Language of the names.", choices=tuple(LANGUAGES))
        captions: str = knob(
            NAME, "The name alone, with other names and its Unicode group behind it, or with the group before it (English only).",
            choices=(NAME, KEYWORDS, KIND),
        )  # fmt: skip
        background: str = knob(
            "white", "What shows through transparent pixels; by sample gives each emoji a plain colour of its own.",
            choices=("white", "grey", "black", "by sample"), advanced=True,
        )  # fmt: skip
        held_out: str = knob(
            NEW_CONCEPTS, "Nothing: all pairs are trained on, for a run that only judges what others make.",
            choices=(NEW_CONCEPTS, NOTHING), title="Held out", advanced=True,
        )  # fmt: skip
        second_artist: str = knob(
            "automatic", "Who draws the test on unseen style. Automatic: OpenMoji where it is installed.",
            choices=("automatic", "none", "OpenMoji", "folder"), advanced=True,
        )  # fmt: skip
        second_folder: str | None = knob(
            None, "Images of the second artist, named by code points: 1f600.png.", path="folder", advanced=True
        )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._rows: tuple[Emoji, ...] = ()
        self._captions: list[str] = []
        self._names: list[str] = []
        self._codes: list[tuple[int, ...]] = []  # one number a level
        self._second: Artist | None = None
        self._seen: list[int] = []  # training emoji that the second artist drew too
        self._splits: Mapping[str, Sequence[int]] = {}
        self._first = Twemoji()
        self._memory = PictureMemory()

    def open(self) -> None:
        """Read the index and the names. Raises Refused where a package or the second artist's folder is missing."""
        if self._rows:
            return
        rows = load_index()
        self._first.open()
        self._second = self._chosen_artist()
        language = LANGUAGES[self.config.language]
        unicode_names.config.load_language(language)
        facts = unicode_names.EMOJI_DATA
        self._names = [plain_name(facts[row.emoji].get(language, facts[row.emoji]["en"])) for row in rows]
        self._captions = [self._caption(row, name) for row, name in zip(rows, self._names)]
        splits = by_split(split_of(row.family) if self.config.held_out == NEW_CONCEPTS else "train" for row in rows)
        if self._second is not None:
            self._seen = [index for index in splits["train"] if self._second.has(rows[index].file)]
            splits["style"] = list(range(len(rows), len(rows) + len(self._seen)))
        self._codes = list(zip(*(numbered(getattr(row, level) for row in rows) for level in LEVELS)))
        self._rows, self._splits = rows, splits

    def _chosen_artist(self) -> Artist | None:
        wanted = self.config.second_artist
        if wanted == "none" or (wanted == "automatic" and not self.config.second_folder and not OpenMoji.installed()):
            return None
        by_folder = wanted == "folder" or (wanted == "automatic" and self.config.second_folder)
        artist: Artist = Folder(self.config.second_folder or "") if by_folder else OpenMoji()
        artist.open()
        return artist

    def _caption(self, row: Emoji, name: str) -> str:
        if self.config.captions == NAME or self.config.language != "English":
            return name
        group = row.subgroup.replace("-", " ")
        if self.config.captions == KIND:
            return f"{group}: {name}" if group else name
        return ", ".join(dict.fromkeys(part for part in (name, *row.aliases, group) if part))

    def __len__(self) -> int:
        self.open()
        return len(self._rows) + len(self._seen)

    def splits(self) -> Mapping[str, Sequence[int]]:
        """``train``, ``validation``, ``test`` (unseen concepts) and, with a second artist, ``style`` (unseen style)."""
        self.open()
        return self._splits

    def _place(self, index: int) -> tuple[int, Artist]:
        self.open()
        if index < len(self._rows):
            return index, self._first
        assert self._second is not None
        return self._seen[index - len(self._rows)], self._second

    def sample(self, index: int) -> dict[str, Any]:
        """Everything it gives."""
        return self.part(index, tuple(self.gives))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """The name alone costs no decoding."""
        place, artist = self._place(index)
        given: dict[str, Any] = {}
        if "image" in ports:
            file, colour = self._rows[place].file, self._colour(place)
            given["image"] = self._memory.get(index, lambda: artist.draw(file, self.config.image_size, colour))
        if "sentence" in ports:
            given["sentence"] = self._captions[place]
        if "classes" in ports:
            given["classes"] = torch.tensor(self._codes[place])
        if "sample" in ports:
            given["sample"] = index
        return given

    def _colour(self, place: int) -> tuple[int, int, int]:
        plain = {"white": (255, 255, 255), "grey": (128, 128, 128), "black": (0, 0, 0)}
        if self.config.background in plain:
            return plain[self.config.background]
        digest = hashlib.sha256(self._rows[place].file.encode()).digest()
        return digest[0], digest[1], digest[2]

    def group(self, index: int) -> str:
        """The name family."""
        return self._rows[self._place(index)[0]].family

    def label(self, index: int) -> str:
        """The emoji's name."""
        return self._names[self._place(index)[0]]

    def class_names(self, index: int) -> tuple[str, ...]:
        """Unicode's group and subgroup, and the name family."""
        row = self._rows[self._place(index)[0]]
        return row.group, row.subgroup.replace("-", " "), row.family

    def named_columns(self) -> tuple[str, ...]:
        """The emoji itself, its name, its places among Unicode's groups."""
        return ("emoji", "name", *LEVELS)

    def column(self, name: str) -> Sequence[str]:
        """By sample; another artist's drawing has its emoji's values."""
        self.open()
        places = [self._place(index)[0] for index in range(len(self))]
        if name == "name":
            return [self._names[place] for place in places]
        if name not in self.named_columns():
            raise self.lacks(name)
        return [str(getattr(self._rows[place], name)) for place in places]

    def character(self, index: int) -> str:
        """The emoji itself."""
        return self._rows[self._place(index)[0]].emoji

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        return {
            "image": meta_image(batch, self.config.image_size), "sentence": None,
            "classes": torch.empty(batch, 3, dtype=torch.int64, device="meta"),
            "sample": torch.empty(batch, dtype=torch.int64, device="meta"),
        }  # fmt: skip

    def facts(self) -> Mapping[str, str]:
        """Where it comes from and what is held out."""
        self.open()
        found = {"pictures": "Twemoji, CC BY 4.0", "names": "Unicode CLDR, from the package emoji"}
        if self.config.held_out == NEW_CONCEPTS:
            found["test"] = "concepts of name families that are not in training"
        if self._second is not None:
            found["style"] = "training concepts drawn by another artist"
            found["another artist"] = self._second.credit
        return found

    def fingerprint(self) -> str:
        """Of captions, split and settings."""
        self.open()
        text = repr((self.config, self._captions, self._splits, self._second and self._second.credit))
        text = text.replace(
            f", held_out={self.config.held_out!r}", ""
        )  # the splits say it, and said it before it was a setting
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """Counts and the split check."""
        return report_of(self, watch=watch)
