"""What stands against a sweep before anything is trained: configurations that cannot run, and a metric the data does not have.

Every configuration's document is compiled, as its trial would be. Where one setting is varied and another must go with it (both
sides of an objective need one width), the settings that make the configuration run are found and offered as a change of the plan.
Imports torch, for shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, islice

from core.compiler.checks.options import option_problems
from core.compiler.checks.sizes import size_problems
from core.compiler.compile import compile
from core.compiler.feed import sample_graphs
from core.graph.configurations import (
    Configuration,
    applied,
    grid_configurations,
    grid_points,
    part_name,
    random_configurations,
)
from core.graph.document import Document
from core.graph.paths import value_at
from core.graph.selection import STEM
from core.graph.subgraphs.specs import words_of
from core.graph.sweep import Axis, Change, Sweep
from core.graph.vocabulary import Vocabulary
from core.knobs import Value
from core.problems import Fix, Problem, Refused

MOST_COMPILED = 200  # configurations; of more, the others are found when it is their turn
MOST_TRIES = 40  # combinations of settings that are tried together
Running = Callable[[Mapping[str, Value]], bool]


def refused_configurations(
    document: Document, configurations: Sequence[Configuration], words: Vocabulary
) -> dict[str, tuple[Problem, ...]]:
    """Why configurations cannot run, by their JSON."""
    found = {}
    for configuration in configurations[:MOST_COMPILED]:
        try:
            made = applied(document, configuration, document.recipe.seed, words)
            compile(made, words)
        except Refused as refused:
            found[configuration.as_json()] = refused.problems
        else:
            if unread := option_problems(made, words):
                found[configuration.as_json()] = tuple(unread)
    return found


def plan_problems(document: Document, words: Vocabulary) -> list[Problem]:
    """Everything of :func:`refused_configurations` and the metric as warnings of the document, with the fix where there is one."""
    sweep = document.sweep
    if sweep is None or not sweep.axes:
        return []
    try:
        compile(replace(document, sweep=None), words)
    except Refused:  # said of the drawing already
        return []
    configurations = _some_configurations(document, sweep)
    broken = refused_configurations(document, configurations, words)
    fix = _link(document, sweep, words) if broken else None
    names = {configuration.as_json(): configuration.name for configuration in configurations}
    found = [
        Problem(
            what=f"The configuration {names[text]!r} cannot run: {problems[0].what}", hint=problems[0].hint,
            severity="warning", fix=fix,
        )
        for text, problems in broken.items()
    ]  # fmt: skip
    return found + [problem for problem in [metric_problem(document, words)] if problem is not None]


def data_problems(document: Document, words: Vocabulary) -> list[Problem]:
    """What the size of each source's data contradicts: no full batch, an empty split, one that runs out long before the others.

    Opens every source. Nothing where the drawing cannot run, or a source cannot be read: that is told already.
    """
    try:
        plan = compile(replace(document, sweep=None), words)
        graphs = sample_graphs(plan)
        graphs.open()
    except Refused:
        return []
    return size_problems(plan, graphs)


def _some_configurations(document: Document, sweep: Sweep) -> list[Configuration]:
    """The configurations of a grid, those a random search will draw, or for a Bayesian one such as it may ask for."""
    try:
        return (
            grid_configurations(sweep) if sweep.method == "grid" else random_configurations(sweep, document.recipe.seed)
        )
    except Refused:
        return []


def metric_problem(document: Document, words: Vocabulary) -> Problem | None:
    """That the data has no such split as the sweep is judged on; None where it has, or cannot be opened yet."""
    parts = (document.sweep or Sweep()).metric.split("/")
    if parts[0] not in (STEM.rstrip("/"), "retrieval", "score") or len(parts) < 3:
        return None
    try:
        plan = compile(replace(document, sweep=None), words)
        graphs = sample_graphs(plan)
        graphs.open()
    except Refused:
        return None
    held = [
        (task, name)
        for task in plan.tasks
        for name, rows in graphs[task.source].source.splits().items()
        if len(rows) > 1
    ]
    of_all = [name for _, name in held] if parts[0] == STEM.rstrip("/") else []
    splits = list(dict.fromkeys([*of_all, *(plan.named(name, task) for task, name in held)]))
    if parts[1] in splits:
        return None
    return Problem(
        what=f"The sweep is judged on the split {parts[1]!r}, which this data does not have.",
        hint=f"It has: {', '.join(splits)}. A sweep that is judged on the test split chooses by it.", severity="warning",
    )  # fmt: skip


def _link(document: Document, sweep: Sweep, words: Vocabulary) -> Fix | None:
    """The settings that must change with an axis so that each of its points runs."""
    for axis in sweep.axes:
        if axis.changes or not axis.path:
            continue
        points = [point for point in grid_points(axis) if not isinstance(point, Change)]

        def runs(values: Mapping[str, Value]) -> bool:
            try:
                compile(applied(document, Configuration(name="", values=values), document.recipe.seed, words), words)
            except Refused:
                return False
            return True

        if all(runs({axis.path: point}) for point in points):
            continue
        if partners := _partners(document, axis, points, words, runs):
            linked = [
                {"name": part_name(axis, point), "values": dict.fromkeys((axis.path, *partners), point)}
                for point in points
            ]
            together = ", ".join(partners)
            return Fix(
                text=f"Change {together} with {axis.path}", edit="link_axis",
                arguments={"title": axis.title, "points": linked},
            )  # fmt: skip
    return None


def _partners(
    document: Document, axis: Axis, points: Sequence[Value], words: Vocabulary, runs: Running
) -> tuple[str, ...]:
    """The fewest settings with which all points run; empty where none are found."""
    for paths in islice(_candidates(document, axis, words), MOST_TRIES):
        if all(runs(dict.fromkeys((axis.path, *paths), point)) for point in points):
            return paths
    return ()


def _candidates(document: Document, axis: Axis, words: Vocabulary) -> Iterator[tuple[str, ...]]:
    """Settings that have the axis' present value: of the same name one by one, then together, then others."""
    words = words_of(document, words)
    own, _, name = axis.path.rpartition(".")
    now = value_at(document, axis.path, words)
    same: list[str] = []
    others: list[str] = []
    for node in document.nodes.values():
        if node.id == own or node.muted:
            continue
        for knob in words.spec(node.block).knobs:
            path = f"{node.id}.{knob.name}"
            if knob.kind == "integer" and value_at(document, path, words) == now:
                (same if knob.name == name else others).append(path)
    yield from ((path,) for path in same)
    if len(same) > 1:
        yield from (pair for size in range(2, len(same)) for pair in combinations(same, size))
        yield tuple(same)
    yield from ((path,) for path in others)
    yield from ((*same, path) for path in others if same)
