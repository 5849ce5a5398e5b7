"""What the query page says: over its fields, of its checkpoints, of what was found, and while nothing was asked."""

from __future__ import annotations

from core.store.answers import CheckpointFacts
from widgets.look.language import tr
from widgets.look.sides import chosen_words
from widgets.query.values import EITHER, QueryAnswers, Ways


def with_sentence(finds: str) -> str:
    """The words over the sentence."""
    if not finds:
        return tr("Text, together with an image")
    return {"pictures": tr("Text → images"), "sounds": tr("Text → audio"), "films": tr("Text → videos")}.get(
        finds, tr("Text → captions")
    )


def with_picture(finds: str) -> str:
    """The words over the picture."""
    if not finds:
        return tr("Image, together with a text")
    return tr("Image → images") if finds == "pictures" else tr("Image → captions")


def with_sound(finds: str) -> str:
    """The words over the sound."""
    if not finds:
        return tr("Audio")
    return {"pictures": tr("Audio → images"), "sounds": tr("Audio → audio")}.get(finds, tr("Audio → captions"))


def with_film(finds: str) -> str:
    """The words over the video."""
    if not finds:
        return tr("Video")
    return {"pictures": tr("Video → images"), "films": tr("Video → videos")}.get(finds, tr("Video → captions"))


def title_of(kind: str) -> str:
    """The words over the answers."""
    return {
        "made": tr("Made images"), "written": tr("Where each subword looked"), "codes": tr("What each code draws"),
        "transcribed": tr("What is said, and when"), "aligned": tr("When each piece is said"), "events": tr("What is heard, and when"),
        "actions": tr("What is done, and when"), "offsets": tr("By how much the audio is late, part by part"),
    }.get(kind, tr("Results, by score"))  # fmt: skip


def to_give(way: Ways) -> str:
    """What is missing while nothing was given."""
    if set(way.finds) == {"sound"}:
        return tr("Choose audio first.")
    if set(way.finds) == {"film"} or (not way.finds and any(way.sees(kind) for kind in way.of_film)):
        return tr("Choose a video first.")
    return tr("Type a sentence or choose an image first.")


def makes(way: Ways) -> bool:
    """Whether something can be made that is not searched for."""
    return any(way.gives(kind) for kind in ("generate", "reconstruct", "caption"))


def to_make(name: str) -> str:
    """The words over a field that is not searched with."""
    return tr("Text to make images of") if name == "sentence" else tr("Image to reconstruct")


def invitation(way: Ways) -> str:
    """What to do while nothing has been asked."""
    if not way.finds and makes(way):
        return tr("Say how many images to make on the left; they appear here.")
    if way.finds == EITHER.finds:
        return tr("Type a sentence to find images, or drop an image to find sentences.")
    if any(way.hears(kind) for kind in way.of_sound) and set(way.finds) <= {"sound"}:
        return tr("Drop audio on the left, or hold the button to record; what this run tells of it appears here.")
    if any(way.sees(kind) for kind in way.of_film):
        return tr("Drop a video on the left; what this run tells of it appears here.")
    if set(way.finds) == {"both"}:
        return tr("Type a sentence and drop an image: this run is asked with both.")
    return tr("Enter a query on the left; the results appear here.")


def checkpoint_name(checkpoint: CheckpointFacts) -> str:
    """Step, and what makes it worth picking."""
    name = tr("step {step}", step=f"{checkpoint.step:,}")
    if checkpoint.metric and checkpoint.value is not None:
        share = f"{100 * checkpoint.value:.1f} %" if "R@" in checkpoint.metric else f"{checkpoint.value:.3g}"
        name += f" · {chosen_words(checkpoint.metric)} {share}"
    return f"{name} · {tr('best')}" if checkpoint.best else name


def found_words(answers: QueryAnswers) -> str:
    """How much was found, or made, and in what time."""
    count, seconds = len(answers.answers), f"{answers.seconds:.2f}"
    if answers.kind in ("written", "transcribed") and not answers.written.strip():
        return tr("No word was written, {seconds} s", seconds=seconds)
    if answers.kind in ("written", "transcribed", "aligned"):
        return tr("“{sentence}”, {seconds} s", sentence=answers.written, seconds=seconds)
    if answers.kind == "actions":
        return tr("{n} actions, {seconds} s", n=count, seconds=seconds)
    if answers.kind == "events":
        return tr("{n} events, {seconds} s", n=count, seconds=seconds)
    if answers.kind == "offsets":
        return _offsets_words(answers)
    if answers.is_partial:
        return tr("Cancelled; {n} results so far", n=count)
    if answers.kind == "codes":
        return tr("{n} codes, those used most first, {seconds} s", n=answers.made, seconds=seconds)
    if answers.kind == "made":
        return tr("{n} images made, {seconds} s", n=answers.made, seconds=seconds)
    if answers.kind == "classes":
        return tr("{n} of {pool}, {seconds} s", n=count, pool=answers.pool, seconds=seconds)
    return tr("{n} results among {pool}, {seconds} s", n=count, pool=answers.pool, seconds=seconds)


def _offsets_words(answers: QueryAnswers) -> str:
    """The median of what is known, and of how many parts it is."""
    if answers.offset is None:
        return tr("Of none of {n} parts can it be told by how much the audio is late.", n=len(answers.answers))
    return tr(
        "The audio is {offset} s late in the median of {known} of {n} parts, {seconds} s", offset=f"{answers.offset:+.2f}",
        known=answers.made, n=len(answers.answers), seconds=f"{answers.seconds:.2f}",
    )  # fmt: skip
