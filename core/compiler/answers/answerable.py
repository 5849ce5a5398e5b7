"""What a plan can be asked for, and why not for the rest: the eight kinds of answers, each with a file in core/inference where it is given.

A search is :mod:`core.compiler.answers.questions`', what is made :mod:`core.compiler.answers.making`'s, what is written :mod:`core.compiler.answers.writing`'s;
the others need a block that gives places or offsets.
"""

from __future__ import annotations

from core.compiler.answers.making import makings
from core.compiler.answers.questions import questions_of, why_not
from core.compiler.answers.tellers import synchronisers, teller_of, tellers
from core.compiler.answers.writing import Writer, told_by, writers
from core.compiler.plan import Plan
from core.problems import Problem

ANSWERS = ("retrieve", "classify", "caption", "generate", "transcribe", "localise", "reconstruct", "align")

NO_CLASSES = Problem(what="This run does not compare images with sentences, so it cannot name a class.")
NO_CLASS_OF_SOUND = Problem(
    what="No block here names a class of audio, and none compares audio with sentences.", hint="Add the objective Classification."
)  # fmt: skip
NO_CLASS_OF_FILM = Problem(
    what="No block here names a class of videos, and none compares videos with sentences.", hint="Add the objective Classification."
)  # fmt: skip
NO_ACTIONS = Problem(what="No block here says what is done when in a video.", hint="Add the objective Localisation.")
NOT_ABOUT_FILM = Problem(
    what="No block here writes about videos.", hint="Add a language decoder behind the video encoder."
)
NO_OFFSETS_OF_FILM = Problem(
    what="No block here says by how much the audio of a video is late.", hint="Add the objective Sync."
)
NO_WORDS = Problem(what="No block here spells what is said.", hint="Add the objective CTC.")
NO_EVENTS = Problem(what="No block here says when something is heard.", hint="Add the objective Event detection.")
NOTHING_WRITTEN = Problem(
    what="No block here writes about audio.", hint="Add a language decoder behind the audio encoder."
)
UNREAD = Problem(what="A block here writes text, but this version does not read it back.")
NO_CAPTION = Problem(
    what="No block here writes text.",
    hint="A caption can be searched for instead, where images and text share a space.",
)
NO_TRANSCRIPT = Problem(
    what="No block here writes text.",
    hint="Transcribing needs the objective CTC, or a block that writes text from audio.",
)
NO_IMAGES = Problem(what="No block here makes images.", hint="Add one from Generators.")
NO_PLACES = Problem(what="No block here gives places: boxes in an image, or spans of time.")
NO_RECONSTRUCTION = Problem(what="No block here reconstructs an image that came in.")
NO_OFFSETS = Problem(what="No block here says by how much audio and video are apart, or when a word is said.")


def answerable(plan: Plan) -> dict[str, Problem | None]:
    """For each kind of answer nothing, or why this plan cannot give it."""
    questions = questions_of(plan)
    named = questions.get(frozenset({"picture"}))
    made = [making for making in makings(plan) if making.kind == "image"]
    writes, written, told = _writes(plan), writers(plan), tellers(plan)
    captions = any(writer.modality in ("image", "video") or _captions_sound(plan, writer) for writer in written)
    kinds = {one.answers for one in told}
    spells = "transcribe" in kinds or any(_transcribes(plan, writer) for writer in written)
    found = {
        "retrieve": None if questions else why_not(questions, frozenset()),
        "classify": None if "classify" in kinds or (named is not None and named.finds == "sentences") else NO_CLASSES,
        "caption": None if captions else UNREAD if writes else NO_CAPTION,
        "generate": None if any(making.original is None for making in made) else NO_IMAGES,
        "transcribe": None if spells else UNREAD if writes and not written else NO_TRANSCRIPT,
        "localise": None if "localise" in kinds else NO_PLACES,
        "reconstruct": None if any(making.original is not None for making in made) else NO_RECONSTRUCTION,
        "align": None if "transcribe" in kinds or synchronisers(plan) else NO_OFFSETS,
    }
    return {kind: found[kind] for kind in ANSWERS}


def answerable_of_sound(plan: Plan) -> dict[str, Problem | None]:
    """For each kind of answer to an audio file nothing, or why this plan cannot give it."""
    questions, told, written = questions_of(plan), tellers(plan), writers(plan)
    asked = questions.get(SOUND)
    named = asked is not None and asked.finds == "sentences"
    spells = teller_of(told, "transcribe", "sound") is not None
    found = {
        "retrieve": None if asked is not None else why_not(questions, SOUND),
        "classify": None if named or teller_of(told, "classify", "sound") is not None else NO_CLASS_OF_SOUND,
        "caption": None if any(_captions_sound(plan, writer) for writer in written) else NOTHING_WRITTEN,
        "transcribe": None if spells or any(_transcribes(plan, writer) for writer in written) else NO_WORDS,
        "localise": None if teller_of(told, "localise", "sound") is not None else NO_EVENTS,
        "align": None if spells else NO_WORDS,
    }
    return found


def answerable_of_film(plan: Plan) -> dict[str, Problem | None]:
    """For each kind of answer to a video nothing, or why this plan cannot give it."""
    questions, told = questions_of(plan), tellers(plan)
    asked = questions.get(FILM)
    named = asked is not None and asked.finds == "sentences"
    return {
        "retrieve": None if asked is not None else why_not(questions, FILM),
        "classify": None if named or teller_of(told, "classify", "film") is not None else NO_CLASS_OF_FILM,
        "caption": None if any(writer.modality == "video" for writer in writers(plan)) else NOT_ABOUT_FILM,
        "localise": None if teller_of(told, "localise", "film") is not None else NO_ACTIONS,
        "align": None if synchronisers(plan) else NO_OFFSETS_OF_FILM,
    }


SOUND, FILM = frozenset({"sound"}), frozenset({"film"})


def _captions_sound(plan: Plan, writer: Writer) -> bool:
    return writer.modality == "audio" and not _transcribes(plan, writer)


def _transcribes(plan: Plan, writer: Writer) -> bool:
    """Whether a writer learned what is said in a sound."""
    return writer.modality == "audio" and told_by(plan, writer.tokenizer).port == "transcript"


def _writes(plan: Plan) -> bool:
    """Whether a block here gives text that no file in core/inference reads back."""
    return any(port.kind in ("text", "sentence") for key in plan.batch_nodes for port in plan.specs[key].gives)
