"""What a plan can be asked for, and why not for the rest: the eight kinds of answers, each with a file in core/inference where it is given.

A search is :mod:`core.compiler.questions`', what is made :mod:`core.compiler.making`'s, what is written :mod:`core.compiler.writing`'s;
the others need a block that gives places or offsets.
"""

from __future__ import annotations

from core.compiler.making import makings
from core.compiler.plan import Plan
from core.compiler.questions import questions_of, why_not
from core.compiler.writing import writers
from core.problems import Problem

ANSWERS = ("retrieve", "classify", "caption", "generate", "transcribe", "localise", "reconstruct", "align")

NO_CLASSES = Problem(what="This run does not compare images with sentences, so it cannot name a class.")
UNREAD = Problem(what="A block here writes text, but this version does not read it back.")
NO_CAPTION = Problem(
    what="No block here writes text.",
    hint="A caption can be searched for instead, where images and text share a space.",
)
NO_TRANSCRIPT = Problem(
    what="No block here writes text.", hint="Transcribing needs a block that writes text from audio."
)
NO_IMAGES = Problem(what="No block here makes images.", hint="Add one from Generators.")
NO_PLACES = Problem(what="No block here gives places: boxes in an image, or spans of time.")
NO_RECONSTRUCTION = Problem(what="No block here reconstructs an image that came in.")
NO_OFFSETS = Problem(what="No block here says by how much audio and video are apart.")


def answerable(plan: Plan) -> dict[str, Problem | None]:
    """For each kind of answer nothing, or why this plan cannot give it."""
    questions = questions_of(plan)
    named = questions.get(frozenset({"picture"}))
    made = [making for making in makings(plan) if making.kind == "image"]
    writes = _writes(plan)
    captions = any(writer.modality == "image" for writer in writers(plan))
    found = {
        "retrieve": None if questions else why_not(questions, frozenset()),
        "classify": None if named is not None and named.finds == "sentences" else NO_CLASSES,
        "caption": None if captions else UNREAD if writes else NO_CAPTION,
        "generate": None if any(making.original is None for making in made) else NO_IMAGES,
        "transcribe": UNREAD if writes else NO_TRANSCRIPT,
        "localise": NO_PLACES,
        "reconstruct": None if any(making.original is not None for making in made) else NO_RECONSTRUCTION,
        "align": NO_OFFSETS,
    }
    return {kind: found[kind] for kind in ANSWERS}


def _writes(plan: Plan) -> bool:
    """Whether a block here gives text that no file in core/inference reads back."""
    return any(port.kind in ("text", "sentence") for key in plan.batch_nodes for port in plan.specs[key].gives)
