"""Files that lie beside a recording and say what is in it: Praat's TextGrid, GRID's align, transcripts, MIDI, subtitles.

They are called as the recording is, and lie in its folder or anywhere below the chosen one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import mido

from core.data import subtitles
from core.data.class_folders import ClassFolders
from core.data.clips import Mark, Told, merged
from core.telemetry.spans import Span

GRID_HERTZ = 25_000  # what GRID counts its times in
SILENCES = frozenset({"", "sil", "sp", "spn", "<sil>", "<p:>", "<p>"})
WORDS = ("words", "word", "wrd", "sentence", "utterance")  # tiers that are taken before others
MOST_BYTES = 4_000_000
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<![\w.])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])|(<exists>|<absent>)')


class Beside:
    """What lies below a folder beside its recordings; walked once."""

    def __init__(self, root: Path, tier: str = "") -> None:
        self._root, self._tier = root, tier

    def told(self, file: Path, origin: float = 0.0) -> tuple[Told, tuple[str, ...]]:
        """What the files beside a recording tell, and a sentence for each that cannot be read.

        ``origin``: where in what a MIDI file describes the recording begins, in seconds.
        """
        tellers: Mapping[str, Callable[[Path], Told]] = {
            ".textgrid": lambda found: textgrid(found, self._tier), ".align": align, ".lab": transcript, ".txt": transcript,
            ".mid": lambda found: midi(found, origin), ".midi": lambda found: midi(found, origin),
        }  # fmt: skip
        told, problems = list[Told](), list[str]()
        for found in self._of(file, ENDINGS):
            try:
                told.append(tellers[found.suffix.lower()](found))
            except (ValueError, OSError, EOFError, IndexError, KeyError) as error:
                problems.append(f"{found.name} beside it cannot be read: {str(error)[:120] or type(error).__name__}.")
        return merged(told), tuple(problems)

    def cues(self, file: Path) -> tuple[tuple[Mark, ...], tuple[str, ...]]:
        """What is said when in subtitles beside a recording, and a sentence for each that cannot be read."""
        for found in self._of(file, subtitles.ENDINGS):
            try:
                told = subtitles.cues(_text(found))
            except (ValueError, OSError) as error:
                return (), (f"{found.name} beside it cannot be read: {str(error)[:120] or type(error).__name__}.",)
            return told.marks, tuple(f"{found.name} beside it: {problem}." for problem in told.problems)
        return (), ()

    def _of(self, file: Path, kinds: Sequence[str]) -> Iterator[Path]:
        """Of each kind the one in the same folder, or the only one there is."""
        by_kind: dict[str, list[Path]] = defaultdict(list)
        for found in self._by_stem.get(file.stem.casefold(), ()):
            by_kind[found.suffix.lower()].append(found)
        for kind in kinds:
            files = by_kind.get(kind, [])
            near = [found for found in files if found.parent == file.parent] or (files if len(files) == 1 else [])
            yield from near[:1]

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for file in ClassFolders((*ENDINGS, *subtitles.ENDINGS)).files(self._root):
            found[file.stem.casefold()].append(file)
        return dict(found)


ENDINGS = (".textgrid", ".align", ".lab", ".txt", ".mid", ".midi")


def textgrid(file: Path, tier: str = "") -> Told:
    """The intervals of a tier as events, its words as what is said. Raises ValueError."""
    tiers = textgrid_tiers(_text(file))
    if tier and tier not in tiers:
        raise ValueError(f"there is no tier {tier!r}, only {', '.join(tiers)}")
    usual = next((name for name in tiers if name.lower() in WORDS), next(iter(tiers), ""))
    return _told(tiers.get(tier or usual, ()))


def textgrid_tiers(text: str) -> dict[str, tuple[Mark, ...]]:
    """Tiers of intervals by name, in Praat's long or short form. Raises ValueError."""
    found = list(_TOKEN.finditer(re.sub(r"\[\d*\]", "", text)))
    values: list[str | float] = [
        match[1].replace('""', '"') if match[1] is not None else float(match[2]) for match in found if match[3] is None
    ]
    if values[1:2] != ["TextGrid"]:
        raise ValueError("it is no TextGrid")
    place, tiers = 5, dict[str, tuple[Mark, ...]]()  # behind type, class, start, end, number of tiers
    for _ in range(int(_number(values, 4))):
        kind, name, count = values[place], str(values[place + 1]), int(_number(values, place + 4))
        place, wide = place + 5, 3 if kind == "IntervalTier" else 2
        rows = [values[place + wide * n : place + wide * (n + 1)] for n in range(count)]
        place += wide * count
        if kind == "IntervalTier":
            tiers[name] = tuple(
                Mark(span=Span(start=_number(row, 0), end=_number(row, 1)), label=str(row[2]).strip()) for row in rows
            )
    return tiers


def _number(values: list[str | float], place: int) -> float:
    if place >= len(values) or isinstance(values[place], str):
        raise ValueError("a number is missing")
    return float(values[place])


def align(file: Path) -> Told:
    """GRID's lines of start, end and word. Raises ValueError."""
    rows = [line.split(maxsplit=2) for line in _text(file).splitlines() if line.strip()]
    if any(len(row) != 3 for row in rows):
        raise ValueError("a line has no start, end and word")
    return _told(
        tuple(
            Mark(span=Span(start=int(start) / GRID_HERTZ, end=int(end) / GRID_HERTZ), label=word.strip())
            for start, end, word in rows
        )
    )


def transcript(file: Path) -> Told:
    """What is said."""
    return Told(transcript=" ".join(_text(file).split()))


def midi(file: Path, origin: float = 0.0) -> Told:
    """Notes as events called C4, their tempo as the number; what lies before the origin is left out. Raises ValueError."""
    if file.stat().st_size > MOST_BYTES:
        raise ValueError("it is too large")
    song = mido.MidiFile(file)
    seconds, sounding, marks, bpm = 0.0, dict[tuple[int, int], float](), list[Mark](), 0.0
    for message in song:
        seconds += message.time
        if message.type == "set_tempo" and not bpm:
            bpm = mido.tempo2bpm(message.tempo)
        if message.type not in ("note_on", "note_off"):
            continue
        key = message.channel, message.note
        start = sounding.pop(key, None)
        if start is not None and seconds > origin:
            span = Span(start=max(0.0, start - origin), end=seconds - origin)
            marks.append(Mark(span=span, label=f"{NOTES[message.note % 12]}{message.note // 12 - 1}"))
        if message.type == "note_on" and message.velocity:
            sounding[key] = seconds
    return Told(marks=tuple(sorted(marks)), number=f"{bpm:g}" if bpm else "")


def _told(marks: tuple[Mark, ...]) -> Told:
    spoken = tuple(mark for mark in marks if mark.label.lower() not in SILENCES)
    return Told(marks=spoken, transcript=" ".join(mark.label for mark in spoken))


def _text(file: Path) -> str:
    data = file.read_bytes()[: MOST_BYTES + 1]
    if len(data) > MOST_BYTES:
        raise ValueError("it is too large")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")
