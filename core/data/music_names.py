"""Names of keys and chords as 24 classes that music can be moved among: major and minor on each of twelve pitch classes, and no chord.

A chord is what mir_eval calls *majmin* (doi:10.5281/zenodo.1416902): its triad, whatever is added and whatever lies in the bass. Suspended,
diminished and augmented ones are neither and have no class. Codes go up by semitones, so that a transposition by k is an addition.
"""

from __future__ import annotations

from dataclasses import replace

from core.data.clips import Told
from core.data.features.harmony import CLASSES

MAJOR, MINOR, NO_CHORD = "major", "minor", "no chord"
PITCHES = len(CLASSES)
NAMES = (*(f"{pitch} {mode}" for mode in (MAJOR, MINOR) for pitch in CLASSES), NO_CHORD)
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MAJOR, _MINOR = ("maj", "7", "9", "11", "13", "6"), ("min",)


def harmony(name: str) -> str:
    """``Db:maj7/3`` is ``C# major``, ``N`` is ``no chord``; empty for what is neither major nor minor, or no chord's name."""
    if name in ("N", NO_CHORD):
        return NO_CHORD
    root, _, quality = name.partition(":")
    signs = root[1:]
    if root[:1] not in _STEPS or set(signs) - {"#", "b"}:
        return ""
    quality = quality.split("/")[0].split("(")[0] or "maj"
    mode = MAJOR if quality.startswith(_MAJOR) else MINOR if quality.startswith(_MINOR) else ""
    pitch = (_STEPS[root[0]] + signs.count("#") - signs.count("b")) % PITCHES
    return f"{CLASSES[pitch]} {mode}" if mode and not quality.startswith("minmaj") else ""


def in_harmony(told: Told) -> Told:
    """What is told of a clip with the names of keys and chords made alike; events without such a name are gone."""
    labels = tuple(name for label in told.labels if (name := harmony(label)))
    marks = tuple(replace(mark, label=name) for mark in told.marks if (name := harmony(mark.label)))
    return replace(told, labels=labels, marks=marks)


def moved(code: int, semitones: int) -> int:
    """The code of the same key or chord so many semitones higher; what has no pitch stays."""
    if not 0 <= code < 2 * PITCHES:
        return code
    return code // PITCHES * PITCHES + (code + semitones) % PITCHES
