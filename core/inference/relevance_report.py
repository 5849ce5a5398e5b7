"""Which maps of a trained plan can be trusted, over held-out samples: faithfulness beside random regions, and pointing beside chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.compiler.answers.relevance import RULES
from core.compiler.plan import Task
from core.graph.selection import without_task
from core.inference.answering import Progress, go_on
from core.inference.certainty import Estimate, estimate
from core.inference.faithfulness import faithfulness, regions
from core.inference.inspecting import chosen_score, followed_by, found_by
from core.inference.pointing import Pointing, has_boxes, pointing
from core.inference.scoring import Score
from core.inference.trained import Trained
from core.problems import refuse

SKIPPED = frozenset({"words", "latents"})  # kinds of tokens that are no places in what is looked at


@dataclass(frozen=True, kw_only=True)
class Trust:
    """One rule: by how much areas are better than those of random regions, over samples."""

    rule: str
    deletion: Estimate
    insertion: Estimate
    pointing: Pointing | None = None

    @property
    def is_faithful(self) -> bool:
        """Whether both gains are above zero beyond chance."""
        return self.deletion.is_above_zero and self.insertion.is_above_zero


@dataclass(frozen=True, kw_only=True)
class TrustReport:
    """Every rule on the same samples of a split."""

    split: str
    score_kind: str
    samples: int
    mean_score: float
    rules: tuple[Trust, ...]


def trust_report(
    trained: Trained, split: str, *, samples: int = 100, draws: int = 10, seed: int = 0, objective: str = "",
    progress: Progress | None = None,
) -> TrustReport:  # fmt: skip
    """Over so many samples of a split, drawn with a seed. Raises Refused; Cancelled."""
    task = trained.task(split)
    score, _ = chosen_score(trained, task, objective)
    indices = drawn(list(trained.feed(task).splits[without_task(split)]), samples, seed)
    return report_of(trained, task, indices, score, split=split, draws=draws, seed=seed, progress=progress)


def report_of(
    trained: Trained, task: Task, indices: Sequence[int], score: Score, *, split: str = "", draws: int = 10, seed: int = 0,
    progress: Progress | None = None,
) -> TrustReport:  # fmt: skip
    """The same over given samples."""
    gains: dict[str, list[tuple[float, float]]] = {rule: [] for rule in RULES}
    scores = []
    for number, index in enumerate(indices):
        batch = trained.batch(trained.given(index=index, task=task), task)
        followed = followed_by(trained, task, batch, score)
        scores.append(float(followed.score_B[0]))
        own = score.said(trained.experiment, followed.values)
        for rule in RULES:
            for found in found_by(trained, followed, own, rule, 1):
                if found.grid is None or found.grid.kind in SKIPPED:
                    continue
                share_P = regions(found.grid, found.share_BM[0].float().cpu().numpy())
                told = faithfulness(trained, task, batch, own, found.end, found.grid, share_P, draws=draws, seed=seed)
                gains[rule].append((told.deletion_gain, told.insertion_gain))
        go_on(progress, number + 1, len(indices), lambda: None)
    if not any(gains.values()):
        raise refuse(
            "No attention of this run leads from its score to places in an image, a spectrogram or frames.",
            hint="Towers with attention, or pooling by attention, can be followed.",
        )
    pointed = {one.rule: one for one in pointing(trained, task, indices, score)} if has_boxes(trained, task) else {}
    return TrustReport(
        split=split, score_kind=score.kind, samples=len(indices), mean_score=float(np.mean(scores)),
        rules=tuple(
            Trust(
                rule=rule, deletion=estimate([one for one, _ in rows], seed=seed), insertion=estimate([one for _, one in rows], seed=seed),
                pointing=pointed.get(rule),
            )
            for rule, rows in gains.items() if rows
        ),
    )  # fmt: skip


def drawn(indices: list[int], count: int, seed: int) -> list[int]:
    """So many of them, by chance, in order; all where there are no more."""
    if len(indices) <= count:
        return indices
    return sorted(int(one) for one in np.random.default_rng(seed).choice(indices, count, replace=False))
