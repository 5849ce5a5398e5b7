"""A person's own pictures with captions: a folder and a table of ``image, caption`` beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.blocks.values import Waveform
from core.data.catalog import sources
from core.data.delimited import Line
from core.data.emoji_index import pictures_folder
from core.data.joining import caption_key
from core.data.media import Wave
from core.data.paths import folder, inside
from core.data.picture_rows import PictureRow, PictureRows
from core.data.readers.audio import read_sound
from core.data.readers.image import KEEP
from core.data.readers.picture_formats import UNREAD
from core.data.sounds import Heard, SoundMemory
from core.data.splitting import SHARES, split_name
from core.data.tables import cell_name, cell_text, find_table, pick_column, read_table
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem, Refused, refuse
from core.telemetry.spans import samples_in
from core.texts import printable

IMAGE = ("file", "image", "image_path", "path", "filename", "file_name", "filepath", "picture", "img")
CAPTION = ("caption", "text", "sentence", "title", "name", "label", "description")
SPLIT = ("split", "subset", "partition", "set")
COARSE = ("group", "class", "category", "topic")
FINE = ("subgroup", "subclass", "subcategory", "family")
SOUND = ("sound", "audio", "sound_file", "wav")
GROUP = ("family", "group_id", "recording", "speaker", "video_id", "source_id")
MOST_CAPTION = 20_000  # characters
MOST_SECONDS = 600.0  # of a sound


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column is what; empty: there is none."""

    image: str
    caption: str
    extra: str
    split: str
    sounds: tuple[str, ...]
    group: str
    emoji: str
    coarse: str
    fine: str


HEAD = 2000  # lines that are looked at before a run is begun


@sources.register("sources.caption_table")
class CaptionTable(PictureRows):
    """Images with captions, or the middle frames of films, and audio where there is some, from a folder and its table (JSON lines, CSV or TSV)."""

    title = "Captioned images"
    gives = {
        **PictureRows.gives,
        "waveform": port("waveform", "its audio; empty where it has none"),
        "has_sound": port("number", "1 where it has audio, else 0"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Where they lie and which column is what. An empty column name means: find it."""

        folder: str | None = knob(None, "The folder with the table and the images.", path="folder")
        table: str = knob("", "The table's name; empty takes captions.jsonl, or the first one there is.")
        image_size: int = knob(
            64, "Edge of the square images; where shapes are kept, the longest edge.", low=16, high=1024, unit="px"
        )
        shape: str = knob(
            "fit", "Fit adds white borders, crop cuts the longer side, stretch distorts; keep leaves each image its own shape.",
            choices=("fit", "crop", "stretch", KEEP), title="Resize mode",
        )  # fmt: skip
        caption_column: str = knob("", "The column with the caption.", path="column")
        extra_column: str = knob("", "A column added to the caption, such as keywords; empty adds none.", path="column")
        image_column: str = knob("", "The column with the image's file name.", advanced=True, path="column")
        split_column: str = knob("", "The column that says train, validation or test.", advanced=True, path="column")
        group_column: str = knob(
            "", "Rows with the same entry never straddle a split; rows of one image or one caption never do.",
            advanced=True, path="column",
        )  # fmt: skip
        class_columns: str = knob(
            "", "One or two columns with classes, coarse, fine; empty takes group and subgroup, class and subclass, or "
            "what stays together.", advanced=True, path="column",
        )  # fmt: skip
        style_test: str = knob(
            "none", "Also test on the training concepts drawn by Twemoji; needs a column named emoji.",
            choices=("none", "Twemoji"), advanced=True,
        )  # fmt: skip

        sound_column: str = knob(
            "", "The column with an audio file's name, or several with commas: the first that a row has. Empty takes sound or audio.", path="column", title="Audio column",
        )  # fmt: skip
        sound_seconds: float = knob(
            2.0,
            "Longest part of an audio file that is read.",
            low=0.05,
            high=MOST_SECONDS,
            unit="s",
            advanced=True,
            title="Max duration",
        )
        sound_hertz: int = knob(
            16_000, "Audio samples per second.", low=1000, high=192_000, unit="Hz", advanced=True, title="Sample rate"
        )

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._sounds = SoundMemory()

    def read_rows(self) -> Sequence[PictureRow]:
        """From the table; a row that cannot be used is told by its line."""
        if (problem := self.unready()) is not None:
            raise Refused(problem)
        root, table = self._root(), self._table()
        lines = list(read_table(table))
        names = _names(lines)
        if not names:
            raise Refused(_nothing_readable(table, lines))
        columns = self._columns(names)
        rows: list[PictureRow] = []
        self._characters: list[str] = []
        for line in lines:
            row = self._row(root, line, columns)
            if row is not None:
                rows.append(row)
                self._characters.append(cell_text(line[1].get(columns.emoji)) if isinstance(line[1], Mapping) else "")
        return rows

    def _root(self) -> Path:
        return folder(str(self.config.folder), "folder of captioned images")

    def _table(self) -> Path:
        root = self._root()
        return inside(root, self.config.table) if self.config.table else find_table(root)

    def further_rows(self, rows: Sequence[PictureRow]) -> Sequence[PictureRow]:
        """The training rows as another artist drew them."""
        return _drawn_by_twemoji(rows, self._characters) if self.config.style_test == "Twemoji" else []

    def caption_of(self, row: PictureRow) -> str:
        """Rows of one caption hang together."""
        return caption_key(row.label)

    def _columns(self, names: Sequence[str]) -> Columns:
        knobs = self.config
        wanted = [*(name.strip() for name in knobs.class_columns.split(",")), "", ""][:2]
        columns = Columns(
            image=pick_column(knobs.image_column, names, IMAGE, "image"),
            caption=pick_column(knobs.caption_column, names, CAPTION, "caption"),
            extra=pick_column(knobs.extra_column, names, (), "extra words"),
            split=pick_column(knobs.split_column, names, SPLIT, "split"),
            sounds=self._sound_columns(names),
            group=pick_column(knobs.group_column, names, GROUP, "group"),
            emoji="emoji",
            coarse=pick_column(wanted[0], names, COARSE, "class"),
            fine=pick_column(wanted[1], names, FINE, "finer class"),
        )
        for found, what in ((columns.image, "file name"), (columns.caption, "caption")):
            if not found:
                raise refuse(
                    f"No column looks like a {what}.",
                    hint=f"Name it; the table has: {', '.join(map(str, names))[:300]}.",
                )
        if self.config.style_test != "none" and columns.emoji not in names:
            raise refuse("The test on unseen style needs a column named emoji.", hint="Set the style test to none.")
        return columns

    def _sound_columns(self, names: Sequence[str]) -> tuple[str, ...]:
        wanted = [name.strip() for name in self.config.sound_column.split(",") if name.strip()]
        found = [pick_column(name, names, (), "audio") for name in wanted] or [pick_column("", names, SOUND, "audio")]
        return tuple(name for name in found if name)

    def _row(self, root: Path, line: Line, columns: Columns) -> PictureRow | None:
        number, cells = line
        if isinstance(cells, Problem):
            (self.note if cells.severity == "warning" else self.leave_out)(cells.what)
            return None
        caption, name = cell_text(cells.get(columns.caption)), cell_name(cells.get(columns.image))
        if not caption or len(caption) > MOST_CAPTION:
            self.leave_out(
                f"Line {number} has no caption." if not caption else f"The caption of line {number} is too long."
            )
            return None
        try:
            file = inside(root, name)
        except Refused as refused:
            self.leave_out(f"Line {number}: {refused.problems[0].what}")
            return None
        if file.suffix.lower() in UNREAD:
            self.pass_over_kind(file)
            return None
        extra = cell_text(cells.get(columns.extra)) if columns.extra else ""
        group = cell_text(cells.get(columns.group)) if columns.group else ""
        group = group or caption_key(caption)
        written = split_name(cell_text(cells.get(columns.split))) if columns.split else ""
        if written and written not in SHARES:
            self.note(
                f"The split column says {written[:40]!r}, a split of its own: nothing learns from it or is chosen by it."
            )
        return PictureRow(
            line=number, file=file, name=printable(name), caption=f"{caption}, {extra}" if extra else caption, label=caption, group=group,
            split=written,
            classes=(self._class(cells, columns.coarse), self._class(cells, columns.fine)),
            sound=self._sound(root, number, cells, columns.sounds),
        )  # fmt: skip

    def _sound(self, root: Path, number: int, cells: Mapping[str, Any], names: Sequence[str]) -> Path | None:
        """The first sound a row has; one that is named and not there is told, and the row stays without."""
        for name in (cell_name(cells.get(column)) for column in names):
            if not name:
                continue
            try:
                return inside(root, name)
            except Refused as refused:
                self.leave_out(f"Line {number}: {refused.problems[0].what}")
                return None
        return None

    def named_columns(self) -> tuple[str, ...]:
        """The table's, then what every row has besides."""
        return tuple(dict.fromkeys((*_names(list(read_table(self._table()))), *super().named_columns())))

    def column(self, name: str) -> Sequence[str]:
        """The table's column of this name, read anew; rows that another artist drew have none."""
        self.open()
        lines = list(read_table(self._table()))
        if name not in _names(lines):
            return super().column(name)
        cells = {number: cell_text(row.get(name)) for number, row in lines if isinstance(row, Mapping)}
        return [cells.get(row.line, "") for row in self.rows]

    def unready(self) -> Problem | None:
        """A folder is needed, and what must lie in it is said."""
        if self.config.folder:
            return None
        return Problem(
            what="No folder of captioned images is chosen.",
            hint="Choose one that holds a captions.jsonl, one row per line: file, caption, and audio where there is some.",
        )

    def missing(self) -> Problem | None:
        """The folder, its table, and the columns that the settings name."""
        head: list[Line] = []
        try:
            table = self._table()
            head += islice(read_table(table), HEAD)
            names = _names(head)
            if not names:
                return _nothing_readable(table, head)
            self._columns(names)
        except Refused as refused:
            return refused.problems[0] if len(head) < HEAD else None  # a later line may bring the column
        except OSError as error:
            return Problem(what=f"The folder cannot be read: {error.strerror or type(error).__name__}.")
        return None

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Only what is asked for is decoded."""
        given = super().part(index, ports)
        sound = self.rows[index].sound
        if "has_sound" in ports:
            given["has_sound"] = int(sound is not None)
        if "waveform" in ports:
            samples_S = torch.zeros(0) if sound is None else self._sounds.get(index, lambda: self._heard(sound))
            given["waveform"] = Wave.of(samples_S, self.config.sound_hertz)
        return given

    def _heard(self, sound: Path) -> Tensor:
        knobs = self.config
        heard = read_sound(sound, hertz=knobs.sound_hertz, seconds=knobs.sound_seconds)
        if heard.note:
            self.note(f"{printable(sound.name)}: {heard.note}")
        return heard.samples_S

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        hertz = self.config.sound_hertz
        samples = torch.empty(batch, samples_in(self.config.sound_seconds, hertz), device="meta")
        lengths = torch.empty(batch, dtype=torch.int64, device="meta")
        return {
            **super().meta(batch),
            "waveform": Waveform(samples_BS=samples, lengths_B=lengths, hertz=hertz),
            "has_sound": torch.empty(batch, dtype=torch.int64, device="meta"),
        }

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """One rate; each sound from its start, as long as it is or as is read."""
        knobs = self.config
        heard = Heard(
            hertz=knobs.sound_hertz,
            seconds=knobs.sound_seconds,
            seconds_knob="sound_seconds",
            most_seconds=MOST_SECONDS,
        )
        return {"waveform": heard}, ()

    def media(self) -> Sequence[Path]:
        """The pictures, and the sounds where there are some."""
        pictures = super().media()
        return [*pictures, *(row.sound for row in self.rows if row.sound is not None)]

    def former_fingerprints(self) -> tuple[str, ...]:
        """With the sounds' sizes and times."""
        (plain,) = super().former_fingerprints()
        sounds = [row.sound for row in self.rows]
        if not any(sounds):
            return (plain,)
        try:
            facts = [
                (sound.name, sound.stat().st_size, sound.stat().st_mtime_ns) if sound else None for sound in sounds
            ]
        except OSError:
            return ()
        return (hashlib.sha256(f"{plain}{facts}".encode("utf-8", "surrogatepass")).hexdigest()[:16],)

    def _class(self, cells: Mapping[str, Any], column: str) -> str:
        return cell_text(cells.get(column)).casefold() if column else ""

    def facts(self) -> Mapping[str, str]:
        """Where it lies, and what is held out."""
        return {"folder": printable(Path(self.config.folder or "").name), **super().facts()}


def _drawn_by_twemoji(rows: Sequence[PictureRow], characters: Sequence[str]) -> list[PictureRow]:
    drawn, art = [], pictures_folder()
    for row, character in zip(rows, characters):
        if row.split != "train" or not character:
            continue
        full = "-".join(f"{ord(letter):x}" for letter in character)
        names = [f"{stem}.png" for stem in (full, full.replace("-fe0f", ""))]
        found = next((art / name for name in names if (art / name).is_file()), None)
        if found is not None:
            drawn.append(replace(row, file=found, name=f"Twemoji {found.name}", split="style", line=0))
    return drawn


def _nothing_readable(table: Path, lines: Sequence[Line]) -> Problem:
    """That no row of a table can be read, and what is wrong with the first."""
    first = next((row.what for _, row in lines if isinstance(row, Problem)), "")
    return Problem(what=f"The table {table.name!r} has no readable row.", hint=first)


def _names(lines: Sequence[Line]) -> list[str]:
    """Every column that any of these rows has."""
    return list(dict.fromkeys(name for _, row in lines if not isinstance(row, Problem) for name in row))
