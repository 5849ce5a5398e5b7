"""The Inspect page's wishes, carried to trained plans on the engine's slow lane and back as maps and curves."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from core.graph.selection import without_task
from core.problems import refuse
from core.store.answers import RunFacts
from studio.asking.opening import opened
from studio.session import Session
from widgets.inspection.desk import HOWS, MODALITIES
from widgets.inspection.page import InspectPage
from widgets.inspection.values import (
    ChangeReport,
    ChangeRow,
    ChangeWish,
    Curves,
    Layer,
    Listed,
    RuleMap,
    SampleWish,
    Subject,
)
from widgets.look.heat.sheet import sheet
from widgets.look.heat.side import Side, side_from
from widgets.look.language import tr
from widgets.look.titles import titles_of

if TYPE_CHECKING:
    from core.compiler.plan import Task
    from core.inference.inspecting import Inspection
    from core.inference.trained import Trained

MOST_LABELS = 5000  # samples whose names are read for the search
OPEN = 2  # checkpoints that are kept open: one, and one beside it
DRAWS = 20
MOST_CLASSES = 100  # of a classifier that can be asked for by name


class Inspecting(QObject):
    """Keeps the last two trained plans open; everything heavy runs on the engine's lane."""

    _progressed = Signal(str, float)

    def __init__(self, session: Session, page: InspectPage) -> None:
        super().__init__(page)
        self._session, self._page = session, page
        self._open: dict[tuple[str, int], Trained] = {}  # the engine's lane only, the oldest first
        self._cancelled = threading.Event()
        self._is_measuring = False
        self._progressed.connect(page.show_progress)
        page.samplesWanted.connect(self.list_samples)
        page.subjectWanted.connect(self.inspect)
        page.curvesWanted.connect(self.measure)
        page.reportWanted.connect(self.report)
        page.cancelRequested.connect(self._stop)
        session.runsChanged.connect(self.show_runs)
        self.show_runs(session.runs)

    def show_runs(self, runs: Sequence[RunFacts]) -> None:
        """Which runs can be inspected, with their checkpoints."""
        rows = []
        for facts in (facts for facts in runs if not facts.is_imported):
            kept = tuple(one for one in self._session.library.reader(facts.uid).checkpoints() if one.kept)
            rows.append((facts.uid, facts.name, kept))
        self._page.set_runs(rows)

    def list_samples(self, uid: str, step: int, split: str) -> None:
        """Samples to choose from."""
        self._session.engine.ask(
            lambda: listed(self._trained(uid, step), split),
            lambda found, sentence: self._page.show_listed(uid, step, found, sentence),
        )

    def inspect(self, which: int, uid: str, step: int, wish: SampleWish) -> None:
        """One sample at one checkpoint."""
        facts = self._session.facts(uid)
        name = facts.name if facts else uid
        self._session.engine.ask(
            lambda: subject_of(self._trained(uid, step), uid, name, wish),
            lambda found, sentence: self._page.show_subject(which, (uid, step, wish), found, sentence),
        )

    def measure(self, uid: str, step: int, wish: SampleWish, way: str) -> None:
        """How the score falls when what the map marks is removed."""
        cancelled, progress = self._begin("curves")

        def show(found: Any, sentence: str) -> None:
            if cancelled is self._cancelled:
                self._is_measuring = False
                self._page.show_curves(wish, way, found, sentence)

        self._session.engine.ask(lambda: curves_of(self._trained(uid, step), wish, way, progress), show)

    def report(self, uid: str, step: int, split: str) -> None:
        """How much of the held-out score survives each change."""
        cancelled, progress = self._begin("report")

        def show(found: Any, sentence: str) -> None:
            if cancelled is self._cancelled:
                self._is_measuring = False
                self._page.show_report(uid, step, found, sentence)

        self._session.engine.ask(lambda: report_of(self._trained(uid, step), split, progress), show)

    def _begin(self, what: str) -> tuple[threading.Event, Any]:
        """A measurement that can be cancelled, and how it says how far it is."""
        self._stop()
        self._cancelled = cancelled = threading.Event()
        self._is_measuring = True

        def progress(done: int, of: int) -> bool:
            self._progressed.emit(what, done / max(of, 1))
            return not cancelled.is_set() and not self._session.engine.is_closed

        return cancelled, progress

    def _stop(self) -> None:
        self._cancelled.set()

    def _trained(self, uid: str, step: int) -> Trained:
        key = (uid, step)
        if key not in self._open:
            found = opened(self._session.library, uid, step)
            while len(self._open) >= OPEN:
                self._open.pop(next(iter(self._open))).close()
            self._open[key] = found
        self._open[key] = self._open.pop(key)
        return self._open[key]

    def afoot(self) -> str:
        """What would end with the window."""
        return tr("A sample is being measured on Inspect.") if self._is_measuring else ""

    def close(self) -> None:
        """Nobody waits for what is measured."""
        self._stop()
        self._page.disconnect(self)


def listed(trained: Trained, split: str) -> Listed:
    """Samples of a split with their names, held-out ones first where none is named."""
    splits = trained.splits
    order = sorted(splits, key=lambda name: (without_task(name) == "train", name))
    chosen = split if split in splits else next(iter(order), "")
    if not chosen:
        raise refuse("The data has no samples to choose from.", hint="Look at the page Data.")
    task = trained.task(chosen)
    source, indices = trained.feed(task).source, list(trained.feed(task).splits[without_task(chosen)])
    labels = tuple((int(index), source.label(int(index))) for index in indices[:MOST_LABELS])
    return Listed(
        changes=changes_of(trained, task),
        splits=tuple(order), split=chosen, samples=labels, total=len(indices), brings=frozenset(trained.ports(task)) & {"picture", "sentence"}
    )  # fmt: skip


def given_of(trained: Trained, wish: SampleWish) -> tuple[dict[str, Any], Task]:
    """Values on the source's ports. Raises Refused."""
    task = trained.task(wish.split)
    if wish.index is not None:
        given = dict(trained.given(index=wish.index, task=task))
        if wish.sentence and "sentence" in trained.ports(task):
            given[trained.ports(task)["sentence"]] = wish.sentence
        return given, task
    return trained.given(
        sentence=wish.sentence or None, picture=Path(wish.picture) if wish.picture else None, task=task
    ), task  # fmt: skip


def subject_of(trained: Trained, uid: str, name: str, wish: SampleWish) -> Subject:
    """What a checkpoint sees, as the page shows it. Raises Refused."""
    from core.inference.changes import Change  # torch
    from core.inference.inspecting import inspect

    given, task = given_of(trained, wish)
    change = None if wish.change is None else Change(**vars(wish.change))
    other = another(trained, task, wish) if wish.change is not None and wish.change.how == "swap" else None
    found = inspect(trained, given, task, objective=wish.objective, change=change, other=other)
    picture, frames = picture_seen(trained, task, given, found.batch if change is not None else None)
    words = found.words or None
    titles = titles_of(trained.plan.document)
    over_sound = picture is not None and not frames and is_heard(trained, task, given)

    def side(description: Mapping[str, Any], size: int) -> Side:
        return placed_side(description, size, words, frames, over_sound)

    layers = tuple(
        Layer(
            key=look.layer, title=_layer_title(look.layer, titles), weights_HQK=look.weights,
            queries=side(look.queries, look.weights.shape[1]), keys=side(look.keys, look.weights.shape[2]),
        )
        for look in found.looks
    )  # fmt: skip
    sentence = wish.sentence or (trained.feed(task).source.label(wish.index) if wish.index is not None else "")
    return Subject(
        uid=uid, step=found.step, run=name, picture=picture, sentence=sentence,
        words=side({"kind": "words"}, len(words)) if words else None, layers=layers, rules=_rules(found, side),
        score=found.score, score_kind=found.score_kind, objective=asked_by(found, wish), says=says_of(trained, task, found, wish),
        objectives=objectives_of(trained, task, found, titles), why_no_score=found.why_no_score,
        ranks=ranks_of(trained, task, wish, found), change="" if wish.change is None else changed_words(wish.change), lost=found.lost,
    )  # fmt: skip


def asked_by(found: Inspection, wish: SampleWish) -> str:
    """The entry of what the sample was scored by."""
    from core.inference.scoring import CLASS  # torch

    score = found.score_by
    is_class = score is not None and score.kind == CLASS
    return wish.objective if is_class and wish.objective.partition("=")[0] == found.objective else found.objective


def objectives_of(trained: Trained, task: Task, found: Inspection, titles: Mapping[str, str]) -> dict[str, str]:
    """By what a sample can be scored: each objective, and of a classifier each class that can be asked for."""
    from core.inference.inspecting import class_names  # torch
    from core.inference.scoring import CLASS, scores_of

    every = scores_of(trained.plan, task) if found.objectives else ()
    made: dict[str, str] = {}
    for score in every:
        name = titles.get(score.objective, score.objective)
        if score.kind != CLASS:
            made[score.objective] = name
            continue
        made[score.objective] = tr("{objective}: the class it says", objective=name)
        names = class_names(trained, score)[:MOST_CLASSES]
        made.update(
            {
                f"{score.objective}={n}": tr("{objective}: {name}", objective=name, name=each)
                for n, each in enumerate(names)
            }
        )
    return made


def says_of(trained: Trained, task: Task, found: Inspection, wish: SampleWish) -> str:
    """Which class a classifier says of the sample, and which it is; empty of other scores."""
    from core.inference.inspecting import class_names, own_class, said_class  # torch
    from core.inference.scoring import CLASS

    score = found.score_by
    if score is None or score.kind != CLASS:
        return ""
    names, (said, share) = class_names(trained, score), said_class(trained, found)
    told = [tr("says {name} ({share} %)", share=f"{100 * share:.0f}", name=names[said])]
    own = "" if wish.index is None else own_class(trained, score, wish.index)
    told += [tr("it is {name}", name=own)] if own else []
    return " · ".join(told)


def _layer_title(key: str, titles: Mapping[str, str]) -> str:
    node, _, number = key.rpartition("/")
    return f"{titles.get(node, node)} · {tr('layer {n}', n=int(number) + 1)}"


def placed_side(
    description: Mapping[str, Any],
    size: int,
    words: tuple[str, ...] | None,
    frames: tuple[float, ...],
    over_sound: bool = False,
) -> Side:
    """Cells of a spectrogram are places, too: the highest band at the top; ``over_sound``: times are, for one is shown."""
    if description.get("kind") == "bins":
        high, wide, extra = (int(description.get(name, 0)) for name in ("frequency", "time", "extra"))
        if 0 < high * wide <= size - extra:
            return Side(kind="patches", height=high, width=wide, extra=extra, flipped=True)
    if over_sound and description.get("kind") == "times" and int(description.get("extra", 0)) < size:
        extra = int(description.get("extra", 0))  # all bands of a time
        return Side(kind="patches", height=1, width=size - extra, extra=extra)
    return side_from(description, size, words=words, frames=frames)


def _rules(found: Inspection, side: Any) -> dict[str, RuleMap]:
    """By rule: places and words of what was followed."""
    made: dict[str, RuleMap] = {}
    for rule in dict.fromkeys(one.rule for one in found.relevances):
        words = found.relevance(rule, "words")
        places = next(
            (one for one in found.relevances if one.rule == rule and one.grid["kind"] not in ("words", "latents")), None
        )
        made[rule] = RuleMap(
            places=None if places is None else side(places.grid, len(places.share_K)),
            place_K=None if places is None else places.share_K, word_Q=None if words is None else words.share_K,
            by_word_QK=found.by_word.get(rule) if places is not None else None,
        )  # fmt: skip
    return made


def picture_seen(
    trained: Trained, task: Task, given: Mapping[str, Any], changed: Mapping[Any, Any] | None = None
) -> tuple[NDArray[np.uint8] | None, tuple[float, ...]]:
    """What the tower sees: the image, frames on a sheet with their seconds, or the bands of a sound as brightness; of a changed sample
    what it was changed to."""
    from core.blocks.values import Frames, Spectrogram  # torch
    from core.data.media import picture_of, pixels_of
    from core.inference.changes import modality_of

    for value in (changed or trained.batch(given, task)).values():
        if changed and modality_of(value) == "image":
            return pixels_of(value[0].float().cpu()), ()
        if isinstance(value, Frames) and value.x_BTCHW.shape[2] in (1, 3):
            count = value.x_BTCHW.shape[1]
            return sheet(_strip(value.in_unit_range()[0]), count, count), tuple(
                float(one) for one in value.starts_BT[0]
            )
        if isinstance(value, Spectrogram):
            x_FT = value.x_BFT[0].float().cpu().numpy()
            low, high = np.percentile(x_FT, [1, 99])
            grey = (np.clip((x_FT - low) / max(high - low, 1e-9), 0, 1) * 255).astype(np.uint8)[::-1]
            return np.repeat(grey[..., None], 3, -1), ()
    picture = picture_of(given.values())
    return (None if picture is None else pixels_of(picture)), ()


def is_heard(trained: Trained, task: Task, given: Mapping[str, Any]) -> bool:
    """Whether what is seen of a sample is the spectrogram of a sound."""
    from core.blocks.values import Spectrogram  # torch

    return any(isinstance(value, Spectrogram) for value in trained.batch(given, task).values())


def _strip(x_TCHW: Any) -> NDArray[np.uint8]:
    """Frames side by side [H, T W, 3]."""
    pixels = (x_TCHW.clamp(0, 1) * 255).round().byte().permute(2, 0, 3, 1).flatten(1, 2).cpu().numpy()
    return np.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels


def curves_of(trained: Trained, wish: SampleWish, way: str, progress: Any) -> Curves | None:
    """Deletion and insertion of the map of a way; None where cancelled. Raises Refused."""
    from core.inference.answering import Cancelled  # torch
    from core.inference.faithfulness import faithfulness, interval, regions
    from core.inference.inspecting import chosen_score, followed_by, found_by

    given, task = given_of(trained, wish)
    batch = trained.batch(given, task)
    score, _ = chosen_score(trained, task, wish.objective)
    followed = followed_by(trained, task, batch, score)
    score = score.said(trained.experiment, followed.values)
    every = found_by(trained, followed, score, way, 1)
    found = next((one for one in every if one.grid is not None and one.grid.kind not in ("words", "latents")), None)
    if found is None or found.grid is None:
        raise refuse("No attention of this run leads from its score to places that can be removed.")
    share_P = regions(found.grid, found.share_BM[0].float().cpu().numpy())
    try:
        told = faithfulness(trained, task, batch, score, found.end, found.grid, share_P, draws=DRAWS, progress=progress)
    except Cancelled:
        return None
    drawn = {"deletion": told.random_deletion_DS, "insertion": told.random_insertion_DS}
    return Curves(
        way=way, shares=told.shares, deletion_S=told.deletion_S, insertion_S=told.insertion_S, areas=told.areas, draws=DRAWS,
        random={kind: (draws.mean(0), *interval(draws)) for kind, draws in drawn.items()},
    )  # fmt: skip


def ranks_of(trained: Trained, task: Task, wish: SampleWish, found: Inspection) -> tuple[str, ...]:
    """Where the sample stands among those of its split, in words; of what a person brings nothing."""
    from core.inference.standing import standings  # torch

    if found.score_by is None or wish.index is None:
        return ()
    label = trained.feed(task).source.label(wish.index)
    told = standings(trained, task, wish.split, found.score_by, found.ends, label)
    return tuple(
        tr(
            "{asked} → {found}: rank {rank} of {of}", asked=tr(MODALITIES.get(one.asked, one.asked)),
            found=tr(MODALITIES.get(one.found, one.found)), rank=one.rank, of=one.of,
        )
        for one in told
    )  # fmt: skip


def changes_of(trained: Trained, task: Task) -> dict[str, tuple[str, ...]]:
    """Modalities of a task's samples, and how each can be changed."""
    from core.inference.changes import modalities_of, possible  # torch

    example = trained.feed(task).fixed_examples(2)
    return {name: possible(example, name) for name in modalities_of(example)}


def another(trained: Trained, task: Task, wish: SampleWish) -> Mapping[str, Any]:
    """The sample that is swapped with, drawn with the seed; never the same."""
    indices = [int(one) for one in trained.feed(task).splits[without_task(wish.split)] if one != wish.index]
    if not indices:
        raise refuse("One sample alone has no other to swap with.")
    seed = wish.change.seed if wish.change is not None else 0
    return trained.given(index=indices[int(np.random.default_rng(seed).integers(len(indices)))], task=task)


def changed_words(change: ChangeWish) -> str:
    """What was done, as it is read."""
    told = f"{tr(MODALITIES.get(change.modality, change.modality))}: {tr(HOWS[change.how])}"
    if change.how == "mask":
        return f"{told} ({100 * change.amount:.0f} %)"
    return f"{told} ({change.amount:+.2f} s)" if change.how == "shift" else told


def report_of(trained: Trained, split: str, progress: Any) -> ChangeReport | None:
    """What survives of the held-out scores of a split; None where cancelled. Raises Refused."""
    from core.inference.answering import Cancelled  # torch
    from core.inference.counterfactual import counterfactuals, table_rows

    try:
        found = counterfactuals(trained, split, progress=progress)
    except Cancelled:
        return None
    titles = titles_of(trained.plan.document)
    rows = tuple(
        ChangeRow(
            objective=titles.get(one.objective, one.objective), modality=row.modality, how=row.how,
            score=f"{100 * row.score.value:.1f} % [{100 * row.score.low:.1f}, {100 * row.score.high:.1f}]",
            survives="–" if one.base.low <= one.chance
            else f"{100 * row.survives.value:.0f} % [{100 * row.survives.low:.0f}, {100 * row.survives.high:.0f}]",
        )
        for one in found for row in one.rows
    )  # fmt: skip
    title = " · ".join(
        tr(
            "{objective}: {metric} {score} % over {n} samples of {split}, chance {chance} %", objective=titles.get(one.objective, one.objective),
            metric=one.metric, score=f"{100 * one.base.value:.1f}", n=one.samples, split=one.split, chance=f"{100 * one.chance:.1f}",
        )
        for one in found
    )  # fmt: skip
    return ChangeReport(
        title=title, rows=rows, flags=tuple(problem.what for one in found for problem in one.flags),
        notes=tuple(problem.what for one in found for problem in one.notes), table=tuple(table_rows(found)),
    )  # fmt: skip
