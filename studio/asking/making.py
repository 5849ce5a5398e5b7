"""Images that a trained plan makes, as answers of the query page or as files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.problems import refuse
from core.store.library import Library
from studio.asking.opening import opened
from studio.asking.partial import as_far_as_it_came
from widgets.look.language import tr
from widgets.query.values import Asked, MakingWish, QueryAnswer, QueryAnswers

if TYPE_CHECKING:
    from core.compiler.answers.making import Thing
    from core.inference.generate import Sight
    from core.inference.trained import Trained

End = tuple[str | None, int]  # a sentence, where one is given, and a seed
BETWEEN_LOOKS = 0.1  # seconds from one unfinished image that is shown to the next


@dataclass(frozen=True, kw_only=True)
class Watching:
    """How the window follows what is being made; all are called on the engine's lane."""

    progress: Callable[[int, int], bool]  # made, of; False cancels
    guidance: Callable[[], float | None]  # as it is turned now
    drawn: Callable[[QueryAnswers], None]  # what there is, the last one unfinished


def generated(trained: Trained, wish: MakingWish, watching: Watching) -> QueryAnswers:
    """Images with the seeds from ``wish.seed`` on, or on the way to another end; those so far where cancelled. Raises Refused."""
    from core.inference.generate import Manner  # torch

    began, finished, last = time.monotonic(), list[QueryAnswer](), [0.0]
    words = words_of(trained, wish.sentence)

    def shown(sight: Sight) -> bool:
        now, is_whole = time.monotonic(), sight.done == sight.of
        name = _name(wish, len(finished)) if is_whole else f"{sight.done}/{sight.of}"
        here = _looked_at(QueryAnswer(sentence=name, picture=_shown(sight.image)), words, sight.looks)
        if is_whole or now - last[0] >= BETWEEN_LOOKS:
            last[0] = now
            watching.drawn(
                QueryAnswers(
                    asked=Asked(sentence=wish.sentence), kind="made", answers=(*finished, here), seconds=now - began,
                    made=len(finished), is_partial=True,
                )
            )  # fmt: skip
        finished.extend([here] if is_whole else ())
        return watching.progress(len(finished), wish.count)

    manner = Manner(guidance=watching.guidance, shown=shown)
    asked = Asked(sentence=wish.sentence)
    found = _answers(asked, lambda: things_of(trained, wish, manner, watching.progress))
    named = [replace(answer, sentence=_name(wish, number)) for number, answer in enumerate(found.answers)]
    whole = [replace(each, picture=answer.picture) for each, answer in zip(finished, named)]
    return replace(found, answers=(*whole, *named[len(whole) :]))


def words_of(trained: Trained, sentence: str) -> tuple[str, ...]:
    """What the text tokens that an image is made of stand for; none without a sentence."""
    making = next((m for m in trained.experiment.makings() if m.kind == "image" and m.original is None), None)
    if making is None or not sentence or not making.made_of & {"sentence", "text"}:
        return ()
    task = trained.plan.tasks_with(making.end.node)[0]
    return trained.words(trained.given(sentence=sentence, task=task), task)


def _looked_at(answer: QueryAnswer, words: tuple[str, ...], looks: NDArray[np.float32] | None) -> QueryAnswer:
    """With where each word was attended to; lit by how much of all attention it had."""
    if looks is None or not words:
        return answer
    maps = looks[: len(words)]
    heat = tuple(float(share) for share in maps.mean((1, 2)))
    return replace(answer, words=words[: len(maps)], word_maps=maps, word_heat=heat)


def _name(wish: MakingWish, number: int) -> str:
    """An image's seed; of a walk how much of the way is behind it."""
    if wish.to is None:
        return tr("seed {seed}", seed=wish.seed + number)
    return f"{100 * number / max(wish.count - 1, 1):.0f} %"


def things_of(
    trained: Trained, wish: MakingWish, manner: Any, progress: Callable[[int, int], bool] | None
) -> list[Thing]:
    """What a person wishes for, made. Raises Refused; Cancelled with those that there are."""
    from core.inference.generate import generate, walk  # torch

    sentence = wish.sentence or None
    if wish.to is None:
        return generate(trained, count=wish.count, seed=wish.seed, sentence=sentence, progress=progress, manner=manner)
    there = (wish.to[0] or sentence, wish.to[1])
    return walk(trained, ends=((sentence, wish.seed), there), count=wish.count, progress=progress, manner=manner)


def write_images(
    library: Library, uid: str, folder: Path, *, step: int, count: int, start: End, to: End | None,
    guidance: float | None, steps: int | None,
) -> list[Path]:  # fmt: skip
    """Make images and write each as a PNG file. Raises Refused."""
    from PIL import Image

    from core.inference.generate import Manner  # torch

    trained = opened(library, uid, step)
    wish = MakingWish(
        count=count, seed=start[1], sentence=start[0] or "", to=None if to is None else (to[0] or "", to[1])
    )
    try:
        things = things_of(trained, wish, Manner(guidance=lambda: guidance, steps=steps), None)
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number, thing in enumerate(things):
            name = f"seed_{thing.seed}.png" if to is None else f"walk_{number:02}.png"
            Image.fromarray(_shown(thing.made)).save(folder / name)
            files.append(folder / name)
    except OSError as error:
        raise refuse(f"{folder} cannot be written: {error.strerror or error}.") from error
    finally:
        trained.close()
    return files


def reconstructed(
    trained: Trained, count: int, seed: int, picture: str, progress: Callable[[int, int], bool]
) -> QueryAnswers:
    """A picture file, or so many held-out samples, each original before its reconstruction. Raises Refused."""
    from core.inference.reconstruct import reconstruct  # torch

    path = Path(picture) if picture else None
    return _answers(Asked(), lambda: reconstruct(trained, path, count=count, seed=seed, progress=progress))


def _answers(asked: Asked, make: Callable[[], Sequence[Thing]]) -> QueryAnswers:
    began = time.monotonic()
    things, is_partial = as_far_as_it_came(make)
    return QueryAnswers(
        asked=asked, kind="made", answers=tuple(answer for thing in things for answer in _answer(thing)),
        seconds=time.monotonic() - began, is_partial=is_partial, made=len(things),
    )  # fmt: skip


def _answer(thing: Thing) -> list[QueryAnswer]:
    """What was made, after what it should equal where there is that."""
    made = QueryAnswer(sentence=tr("seed {seed}", seed=thing.seed), picture=_shown(thing.made))
    if thing.original is None:
        return [made]
    return [QueryAnswer(sentence=tr("original"), picture=_shown(thing.original)), made]


def _shown(image_HWC: Any) -> Any:
    """Three channels, as the window draws it."""
    return np.repeat(image_HWC, 3, axis=2) if image_HWC.shape[2] == 1 else image_HWC
