"""An ablation as a sweep: the whole model, each chosen block off, all of them off, and controls of the same size.

*Off* means bypassed where the block has one way through, else muted; where an objective is left without what it needs,
the configuration is left out and that is said.

A *same-parameter control* stands beside a configuration whose blocks held parameters: the same blocks are off, and one knob of
one other block (``depth``, ``width``, ``hidden`` or ``repeat``) is raised until the model has as many parameters as the
whole one again. Of all knobs and values that can be trained, the nearest is taken, and only where it is within 5 %.
It tells what the block does from what its parameters do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.graph.analysis import Analysis
from core.graph.configurations import Configuration, applied
from core.graph.document import Document
from core.graph.paths import value_at
from core.graph.subgraphs.specs import words_of
from core.graph.sweep import DEFAULT_METRIC, Axis, Change, Sweep
from core.graph.vocabulary import Vocabulary
from core.problems import Problem, Refused, refuse

FULL, NONE = "full", "without all of them"
CONTROLS = ("depth", "width", "hidden", "repeat")
LARGEST, CLOSE = 4.0, 0.05
MOST_TRIES = 12  # values of one knob

Analyse = Callable[[Document, Vocabulary], Analysis]


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """The document with its family of configurations, and what could not be made."""

    document: Document
    left_out: tuple[Problem, ...] = ()


def ablation(
    document: Document, nodes: Sequence[str], words: Vocabulary, analyse: Analyse, *, seeds: int = 3,
    controls: bool = True,
) -> Ablation:  # fmt: skip
    """The family of runs for some blocks. Raises Refused where none of them can be left out.

    ``analyse`` gives shapes and Problems (:func:`core.compiler.compile.analyse`).
    """
    words, base = words_of(document, words), replace(document, sweep=None)
    whole = analyse(base, words)
    if not whole.is_runnable:
        raise Refused(*(problem for problem in whole.problems if problem.severity == "error"))
    chosen = [node for node in dict.fromkeys(nodes) if node in document.nodes and not document.nodes[node].muted]
    changes, left_out = [Change(name=FULL)], []
    for change in _candidates(base, chosen, words):
        found = analyse(_without(base, change, words), words)
        if not found.is_runnable:
            left_out.append(_left_out(change, found))
            continue
        changes.append(change)
        missing = whole.parameters - found.parameters
        if controls and missing > CLOSE * whole.parameters:
            control = _control(base, change, whole.parameters, words, analyse)
            changes += [control] if control is not None else []
    if len(changes) == 1:
        raise Refused(*left_out) if left_out else refuse("No block was chosen.", hint="Select blocks on the canvas.")
    old = document.sweep or Sweep()
    sweep = Sweep(
        axes=(Axis(name="blocks", changes=tuple(changes)),), seeds=seeds, baseline=FULL, costs=old.costs,
        metric=old.metric if document.sweep else DEFAULT_METRIC, direction=old.direction,
    )  # fmt: skip
    return Ablation(document=replace(document, sweep=sweep), left_out=tuple(left_out))


def _candidates(document: Document, nodes: Sequence[str], words: Vocabulary) -> Iterator[Change]:
    sides = {node: len(words.spec(document.nodes[node].block).ways_through()) > 0 for node in nodes}
    for node in nodes:
        title = document.nodes[node].title or node
        yield _change(f"without {title}", [node], sides)
    if len(nodes) > 1:
        yield _change(NONE, nodes, sides)


def _change(name: str, nodes: Sequence[str], passes: dict[str, bool]) -> Change:
    return Change(
        name=name, bypassed=tuple(node for node in nodes if passes[node]),
        muted=tuple(node for node in nodes if not passes[node]),
    )  # fmt: skip


def _without(document: Document, change: Change, words: Vocabulary) -> Document:
    configuration = Configuration(name=change.name, values=change.values, muted=change.muted, bypassed=change.bypassed)
    return applied(document, configuration, document.recipe.seed, words)


def _left_out(change: Change, found: Analysis) -> Problem:
    first = next(problem for problem in found.problems if problem.severity == "error")
    return Problem(
        what=f"The configuration {change.name!r} cannot be trained: {first.what}", hint=first.hint, severity="warning"
    )


def _control(
    document: Document, change: Change, wanted: int, words: Vocabulary, analyse: Analyse
) -> Change | None:  # fmt: skip
    """The configuration with one other knob raised so that the parameters are as many as before; None where none comes near."""
    off = {*change.muted, *change.bypassed}
    best: tuple[int, Change] | None = None
    for path, value in _raised(document, off, words):
        control = replace(
            change, name=f"{change.name}, {path} {value}", values={**change.values, path: value}
        )  # fmt: skip
        try:
            found = analyse(_without(document, control, words), words)
        except Refused:
            continue
        apart = abs(found.parameters - wanted)
        if found.is_runnable and apart <= CLOSE * wanted and (best is None or apart < best[0]):
            best = (apart, control)
    return best[1] if best else None


def _raised(document: Document, off: set[str], words: Vocabulary) -> Iterator[tuple[str, int]]:
    """Knobs that make other blocks larger, with values up to four times what they have."""
    for node in document.nodes.values():
        if node.id in off or node.muted or node.bypassed or node.same_as:
            continue
        spec = words.spec(node.block)
        names = [knob.name for knob in spec.knobs if knob.kind == "integer"] + ["repeat"] * spec.repeatable
        for name in (name for name in CONTROLS if name in names):
            now = value_at(document, f"{node.id}.{name}", words)
            if isinstance(now, int) and now > 0:
                largest = round(now * LARGEST)
                stride = max(1, (largest - now) // MOST_TRIES)
                yield from ((f"{node.id}.{name}", value) for value in range(now + stride, largest + 1, stride))
