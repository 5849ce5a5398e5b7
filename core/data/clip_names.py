"""Sets whose file names say what is in them: RAVDESS, EmoDB, the Free Spoken Digit Dataset."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.data.clips import Told

MOST_OTHERS = 0.1  # share of files that may be called otherwise
_FEELINGS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_STATEMENTS = ("Kids are talking by the door.", "Dogs are sitting by the door.")
_EMOTIONS = {
    "W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness", "N": "neutral",
}  # fmt: skip
_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.", "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Form:
    """How the files of a set are called, and what that tells."""

    name: str
    pattern: re.Pattern[str]
    tells: Callable[[re.Match[str]], Told]


def _ravdess(found: re.Match[str]) -> Told:
    feeling, statement = int(found["feeling"]) - 1, int(found["statement"]) - 1
    return Told(labels=(_FEELINGS[feeling],), transcript=_STATEMENTS[statement], speaker=found["actor"])


def _emodb(found: re.Match[str]) -> Told:
    return Told(
        labels=(_EMOTIONS[found["feeling"]],), transcript=_SENTENCES[found["sentence"]], speaker=found["speaker"]
    )


def _digits(found: re.Match[str]) -> Told:
    return Told(labels=(found["digit"],), speaker=found["speaker"])


FORMS = (
    Form(
        name="RAVDESS", tells=_ravdess,
        pattern=re.compile(r"0[1-3]-0[12]-(?P<feeling>0[1-8])-0[12]-(?P<statement>0[12])-0[12]-(?P<actor>[0-2]\d)"),
    ),
    Form(
        name="EmoDB", tells=_emodb,
        pattern=re.compile(rf"(?P<speaker>\d\d)(?P<sentence>{'|'.join(_SENTENCES)})(?P<feeling>[WLEAFTN])[a-z]?"),
    ),
    Form(name="FSDD", tells=_digits, pattern=re.compile(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_\d+")),
)  # fmt: skip


def form_of(stems: Sequence[str]) -> Form | None:
    """The set that nearly all of these are called after; None where that is none."""
    for form in FORMS:
        count = sum(form.pattern.fullmatch(stem) is not None for stem in stems)
        if stems and count >= (1 - MOST_OTHERS) * len(stems):
            return form
    return None


def told_by(form: Form | None, stem: str) -> Told:
    """What a file's name tells."""
    found = form.pattern.fullmatch(stem) if form is not None else None
    return form.tells(found) if form is not None and found is not None else Told()
