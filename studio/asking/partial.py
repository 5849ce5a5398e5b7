"""What is asked of a trained plan may be cancelled: then what there was so far is the answer. Classes and captions of any file alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from studio.asking.film_looking import looks_of_words
from widgets.look.language import tr
from widgets.query.values import Asked, QueryAnswer, QueryAnswers

if TYPE_CHECKING:
    from core.inference.trained import Trained

Made = TypeVar("Made")
Media = Literal["sound", "film"]


@dataclass(frozen=True, kw_only=True)
class Following:
    """How the window follows; both are called on the engine's lane."""

    progress: Callable[[int, int], bool]  # done, of; False cancels
    wrote: Callable[[str], None]  # a caption as far as it has come


def as_far_as_it_came(ask: Callable[[], Made]) -> tuple[Made, bool]:
    """What was asked for, and whether it was cancelled before it was whole."""
    from core.inference.answering import Cancelled  # torch

    try:
        return ask(), False
    except Cancelled as cancelled:
        return cancelled.so_far, True


def classes_of(trained: Trained, given: Media, path: str, following: Following) -> QueryAnswers:
    """The classes of a file: as an objective names them, else by the sentences nearest to it. Raises Refused."""
    from core.compiler.answers.tellers import teller_of  # torch
    from core.inference.classify import classify, own_classes
    from core.inference.recognise import recognise

    def ranked() -> list[tuple[str, float]]:
        if teller_of(trained.tellers, "classify", given) is not None:
            return recognise(trained, given, Path(path))
        return classify(trained, Path(path), own_classes(trained, 1), given=given, progress=following.progress)

    found, is_partial = as_far_as_it_came(ranked)
    answers = tuple(QueryAnswer(score=score, sentence=name) for name, score in found)
    return QueryAnswers(
        asked=Asked(), kind="classes", answers=answers, pool=tr("{n} classes", n=len(found)), is_partial=is_partial
    )


def written_about(
    trained: Trained, given: Media, path: str, following: Following, answer: Callable[[Any], QueryAnswer]
) -> QueryAnswers:
    """A caption of a file, each word by ``answer``. Raises Refused."""
    from core.inference.caption import caption  # torch

    brought: dict[str, Any] = {given: Path(path)}
    made, is_partial = as_far_as_it_came(
        lambda: caption(trained, **brought, progress=following.progress, wrote=following.wrote)
    )
    answers = tuple(answer(word) for word in made.words)
    asked = Asked(looks=looks_of_words(trained, Path(path), made.words)) if given == "film" else Asked()
    return QueryAnswers(asked=asked, kind="written", answers=answers, written=made.sentence, is_partial=is_partial)
