"""An experiment from a script or a notebook: open it, run it, look at what came of it.

    from core.experiment import open_experiment, run

    result = run(open_experiment("mini_clip"), {"recipe.steps": 200, "resnet.width": 16}, seed=1)
    result.scores["retrieval/validation/image_to_text/R@10"], result.figures["loss"].values[-1]

The run is the same as one of the window or the command line and is kept in the same store, so it can be watched and replayed
there. What cannot be is one kind of error, :class:`Refused`, whose Problems are sentences.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.compiler.compile import analyse, compile
from core.graph import file
from core.graph.document import Document
from core.graph.examples import example_names, named_example
from core.graph.paths import placed
from core.graph.selection import best_of, parted, selecting_series
from core.graph.vocabulary import Vocabulary
from core.inference.trained import Trained
from core.knobs import Value
from core.problems import Problem, Refused, refuse
from core.runs.declared import declared_vocabulary
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.checkpoints import CheckpointFolder
from core.store.database import Store
from core.store.library import Library
from core.store.places import checkpoint_folder
from core.telemetry.events import Event, Scalars
from core.training.control import Control
from core.training.device import choose_device
from core.training.processes import device_of

__all__ = ["Control", "Figure", "Problem", "Progress", "Refused", "Result", "open_experiment", "run", "turned"]

SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A step that was just trained."""

    step: int
    steps: int  # planned
    seconds: float
    figures: Mapping[str, float]  # what was said at it, by series: loss, rate/vit ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """One series of a run, whole: every point that was said."""

    steps: NDArray[np.int64]  # [points]
    values: NDArray[np.float64]  # [points]


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """What came of a run."""

    uid: str
    name: str
    status: Literal["finished", "stopped"]
    step: int
    seconds: float
    document: Document = field(repr=False)  # as it was trained
    scores: Mapping[str, float] = field(repr=False)  # held-out scores at the last evaluation, by series
    chance: Mapping[str, float] = field(repr=False)  # what guessing gives, by the same names
    selected_by: str  # the series that the best checkpoint goes by; empty where nothing was evaluated
    best: float | None  # its best value
    figures: Mapping[str, Figure] = field(repr=False)
    checkpoint: Path | None  # the best that is kept, else the newest; None where the experiment keeps none
    store: str  # where the run is kept

    def model(self) -> Trained:
        """The trained model, to be asked: retrieve, classify, caption, generate ... Raises Refused."""
        if self.checkpoint is None:
            raise refuse("This run kept no checkpoint.", hint="Switch on checkpoints among the training options.")
        return Trained(self.document, self.checkpoint)


def open_experiment(where: str | Path) -> Document:
    """An experiment's file, or an example of the gallery by its name. Raises Refused."""
    path = Path(where).expanduser()
    if path.suffix or path.exists():
        return file.read(path)
    found = named_example(str(where))
    if found is None:
        raise refuse(
            f"There is no file and no example called {str(where)!r}.", hint=f"Examples: {', '.join(example_names())}."
        )
    return found


def turned(document: Document, overrides: Mapping[str, Value], words: Vocabulary | None = None) -> Document:
    """The experiment with settings changed by their paths: ``vit.depth``, ``recipe.steps``, ``callbacks.ema.on``. Raises Refused."""
    words = words or declared_vocabulary()
    for path, value in overrides.items():
        document = placed(document, path, value, words)
    return document


def run(
    experiment: Document | str | Path,
    overrides: Mapping[str, Value] | None = None,
    *,
    store: Store | str | Path | None = None,
    seed: int | None = None,
    name: str = "",
    on_step: Callable[[Progress], bool | None] | None = None,
    control: Control | None = None,
) -> Result:
    """Train an experiment to its end and give what came of it. Raises Refused where it cannot be run, or failed.

    ``store``: a path, a URL or an open store; the usual one where none is given. ``on_step`` is called in the training thread
    after every step; where it gives False, or raises, the run is stopped with a checkpoint. Another thread cancels through
    ``control.stop()``; Ctrl-C, or a notebook's stop button, does the same here, and what there is so far is given.
    """
    document = experiment if isinstance(experiment, Document) else open_experiment(experiment)
    words = declared_vocabulary()
    document = turned(document, {**(overrides or {}), **({} if seed is None else {"recipe.seed": seed})}, words)
    _refuse_what_cannot_run(document, words)
    if isinstance(store, Store):
        return _run(store, document, name, on_step, control or Control())
    with Store.open(store) as opened:
        return _run(opened, document, name, on_step, control or Control())


def _refuse_what_cannot_run(document: Document, words: Vocabulary) -> None:
    compile(document)
    errors = [problem for problem in analyse(document, words).problems if problem.severity == "error"]
    if errors:
        raise Refused(*errors)
    if document.recipe.processes > 1:
        raise refuse(
            "Here a run has one process; its recipe asks for several.",
            hint="python -m studio run shares it among them.",
        )
    choose_device(device_of(document.recipe.device, document.recipe.processes))


class _Heard:
    """Hands every step on to a person's function."""

    def __init__(self, on_step: Callable[[Progress], bool | None] | None, steps: int, control: Control) -> None:
        self._on_step, self._steps, self._control = on_step, steps, control
        self.error: BaseException | None = None

    def say(self, event: Event) -> None:
        """Called in the training thread; whatever the person's function raises ends the run, not its record."""
        if self._on_step is None or not isinstance(event, Scalars) or "loss" not in event.values:
            return
        told = Progress(step=event.at.step, steps=self._steps, seconds=event.at.seconds, figures=dict(event.values))
        try:
            if self._on_step(told) is False:
                self._control.stop()
        except BaseException as error:  # raised again where the run was asked for
            self.error, self._on_step = error, None
            self._control.stop()


def _run(
    store: Store, document: Document, name: str, on_step: Callable[[Progress], bool | None] | None, control: Control
) -> Result:
    library = Library(store)
    uid = queue(library, document, name=name).uid
    heard, failed = _Heard(on_step, document.recipe.steps, control), list[BaseException]()

    def train() -> None:
        try:
            execute(store, uid, control, heard=heard)
        except BaseException as error:  # given to the thread that asked
            failed.append(error)

    training = threading.Thread(target=train, name=f"crossmodal-run-{uid[-6:]}", daemon=True)
    training.start()
    while training.is_alive():
        try:
            training.join(SECONDS_BETWEEN_LOOKS)
        except KeyboardInterrupt:
            control.stop()
    if heard.error is not None:
        raise heard.error
    for error in failed:
        raise error if isinstance(error, Refused) else refuse(f"{type(error).__name__}: {error}") from error
    return result_of(library, uid)


def result_of(library: Library, run: str) -> Result:
    """What came of a run that is in a store already, by its uid or name. Raises Refused where it failed or has not ended."""
    facts = library.find(run)
    if facts.status not in ("finished", "stopped"):
        raise refuse(facts.reason or f"The run {facts.name} has not ended: it is {facts.status}.")
    reader, kept = library.reader(facts.uid), CheckpointFolder(checkpoint_folder(library.store, facts.uid))
    saved = kept.best() or kept.newest()
    scores, chance = parted(facts.last)
    chosen = selecting_series(facts.best)
    series = [series.name for series in reader.series("scalar")]
    points = {name: reader.points(name) for name in series}
    return Result(
        uid=facts.uid, name=facts.name, status="finished" if facts.status == "finished" else "stopped", step=facts.step,
        seconds=facts.seconds, document=file.loads(library.document_text(facts.uid)), scores=MappingProxyType(scores),
        chance=MappingProxyType(chance), selected_by=chosen, best=best_of([facts.best.get(chosen)]) if chosen else None,
        figures=MappingProxyType({name: Figure(steps=steps, values=values) for name, (steps, values) in points.items()}),
        checkpoint=saved.path if saved else None, store=library.store.url,
    )  # fmt: skip
