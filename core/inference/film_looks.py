"""Where in a film an answer comes from: every frame that was looked at, each of its cells with its share, by attention followed through
all layers and through time (rollout, arXiv:2005.00928) and by what raises the answer's score (arXiv:2103.15679).

Of a sentence that a film is compared with, each word alone says which cells raise the score. Axes: B samples, K classes, L words,
T frames, h rows and w columns of cells in each, H, W pixels, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.objectives.classification import Classification
from core.blocks.values import Frames, Tokens, full
from core.compiler.answers.following import follow
from core.compiler.answers.tellers import Teller, teller_of
from core.compiler.module import Values
from core.inference.caption import Word
from core.inference.inspecting import flowing, inspect
from core.inference.trained import Trained

RULES = ("rollout", "gradient")
Shares = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmLook:
    """One film and one answer."""

    frames_THW3: NDArray[np.uint8]  # one for every time that cells have
    starts_T: tuple[float, ...]  # seconds
    end: float  # of the last of them
    by_rule: Mapping[str, Shares]  # [T, h, w]; each sums to one
    words: tuple[str, ...] = ()
    by_word_LThw: Shares | None = field(default=None)  # each sums to one


def look_at(trained: Trained, film: Path, *, sentence: str = "", name: str = "") -> FilmLook | None:
    """Of the score of a film and a ``sentence``; else of the class that is called so; else of where things are found.

    None where no attention of the run leads back to frames that can be looked at. Raises Refused naming the file.
    """
    question = trained.questions.get(frozenset({"film"}))
    if sentence and question is not None:
        return _of_sentence(trained, film, sentence, question.objective)
    told = {kind: teller_of(trained.tellers, kind, "film") for kind in ("classify", "localise")}
    teller = told["classify"] if name or told["localise"] is None else told["localise"]
    return None if teller is None else _of_teller(trained, film, teller, name)


def look_of_words(trained: Trained, film: Path, words: Sequence[Word]) -> FilmLook | None:
    """Of a caption: each word's attention over the cells of the frames, and the mean of all. Raises Refused naming the file."""
    looks = [word.look_Thw for word in words if word.look_Thw is not None]
    if not looks or len(looks) != len(words):
        return None
    by_word_LThw = np.stack(looks)
    grid = {"extra": 0, **dict(zip(("time", "height", "width"), by_word_LThw.shape[1:]))}
    flat_LK = by_word_LThw.reshape(len(words), -1)
    task = next(task for task in trained.plan.tasks if "film" in trained.ports(task))
    batch = trained.batch(trained.given(film=film, task=task), task)
    return _laid(batch, {"words": (grid, flat_LK.mean(0))}, tuple(word.text for word in words), (grid, flat_LK))


def _of_sentence(trained: Trained, film: Path, sentence: str, objective: str) -> FilmLook | None:
    task = trained.plan.tasks_with(objective)[0]
    found = inspect(trained, trained.given(film=film, sentence=sentence, task=task), task, objective=objective)
    by_rule: dict[str, tuple[Mapping[str, Any], Shares]] = {}
    for rule in RULES:
        if (share := found.relevance(rule, "frames")) is not None:
            by_rule[rule] = share.grid, share.share_K
    by_word = found.by_word.get("gradient") if found.patches.get("kind") == "frames" else None
    return _laid(found.batch, by_rule, found.words, None if by_word is None else (found.patches, by_word))


def _of_teller(trained: Trained, film: Path, teller: Teller, name: str) -> FilmLook | None:
    task = trained.plan.tasks_with(teller.node)[0]
    batch = trained.batch(trained.given(film=film, task=task), task)
    followed = follow(trained.experiment, task, batch, _score(trained, teller, name), (teller.told,))
    by_rule: dict[str, tuple[Mapping[str, Any], Shares]] = {}
    for rule in RULES:
        for found in flowing(trained, followed, rule).found((teller.told,), 1):
            if found.grid is not None and found.grid.kind == "frames":
                by_rule[rule] = found.grid.as_dict(), found.share_BM[0].float().cpu().numpy()
    return _laid(batch, by_rule)


def _score(trained: Trained, teller: Teller, name: str) -> Callable[[Values], Tensor]:
    """The class that is called so, the likeliest where none is; of tokens that are marked in time, all of them alike."""
    head, names = trained.experiment.node(teller.node), list(trained.names(teller))

    def score(values: Values) -> Tensor:
        told = values[teller.told]
        if isinstance(told, Tokens):
            return full(told.x_BND).square().mean((1, 2))
        assert isinstance(head, Classification)
        scores_BK = full(head.scores(told))
        return scores_BK[:, names.index(name)] if name in names else scores_BK.amax(-1)

    return score


def _laid(
    batch: Values, by_rule: Mapping[str, tuple[Mapping[str, Any], Shares]], words: tuple[str, ...] = (),
    by_word: tuple[Mapping[str, Any], Shares] | None = None,
) -> FilmLook | None:  # fmt: skip
    """On the frames that came in; None where they cannot be looked at, or nothing leads to them."""
    frames = next((value for value in batch.values() if isinstance(value, Frames)), None)
    if frames is None or not by_rule or frames.x_BTCHW.shape[2] not in (1, 3):
        return None
    laid = {rule: _over_frames(grid, share[None])[0] for rule, (grid, share) in by_rule.items()}
    times = {len(share) for share in laid.values()}
    count, given = min(times), frames.x_BTCHW.shape[1]
    if len(times) > 1 or given % count:
        return None
    each = given // count
    chosen = [number * each + each // 2 for number in range(count)]
    pixels = (frames.in_unit_range()[0, chosen].clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    starts_T, ends_T = frames.starts_BT[0].tolist(), (frames.starts_BT + frames.durations_BT)[0].tolist()
    return FilmLook(
        frames_THW3=np.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels,
        starts_T=tuple(starts_T[place] for place in range(0, given, each)), end=float(ends_T[-1]), by_rule=laid,
        words=words if by_word is not None else (),
        by_word_LThw=None if by_word is None else _over_frames(*by_word),
    )  # fmt: skip


def _over_frames(grid: Mapping[str, Any], share_LK: Shares) -> Shares:
    """Without the tokens that stand for no place, as shares of the rest [L, T, h, w]."""
    sizes, extra = [int(grid[name]) for name in ("time", "height", "width")], int(grid["extra"])
    cells = share_LK[:, extra : extra + int(np.prod(sizes))]
    return (cells / np.maximum(cells.sum(-1, keepdims=True), 1e-30)).reshape(len(cells), *sizes).astype(np.float32)
