"""Which tasks a drawing has: what hangs on each source, the blocks it reaches, the objectives it ends in.

A block can run in a task where everything wired into it can; behind *Either source* in every task of an arm. A block that no
task can run takes from two sources at once: that is told where they meet, for two sources never meet in one objective unless
a join (a source that sources lead into) makes one sample of theirs: its task is its own, and they need none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from core.compiler.plan import Task
from core.compiler.resolve import Resolved
from core.data.transforms.either import KINDS
from core.graph.document import Document, End
from core.graph.ports import Port
from core.graph.recipe import Recipe
from core.graph.vocabulary import BlockSpec
from core.problems import Fix, Problem

Sources = frozenset[str]
LEAST_CONTRASTED = 8  # samples in a batch that a contrastive objective can do something with


@dataclass(frozen=True, kw_only=True)
class Reach:
    """The sources in whose tasks each node runs, and each outgoing end has a value."""

    nodes: Mapping[str, Sources]
    ends: Mapping[End, Sources]
    problems: tuple[Problem, ...] = field(default_factory=tuple)


def reach(document: Document, resolved: Resolved) -> Reach:
    """Follow the wires from every source, and tell where two meet."""
    every = frozenset(key for key in resolved.order if resolved.specs[key].role == "source")
    nodes: dict[str, Sources] = {}
    ends: dict[End, Sources] = {}
    problems: list[Problem] = []
    for key in resolved.order:
        spec, given = resolved.specs[key], resolved.inputs[key]
        arriving = {port: ends.get(end, frozenset()) for port, end in given.items()}
        if spec.role == "source":
            nodes[key] = frozenset({key})
            problems += _joining(document, resolved, key)
        elif spec.alternatives:
            nodes[key] = frozenset().union(*arriving.values())
            problems += _twice(key, arriving, resolved)
        else:
            nodes[key] = every.intersection(*arriving.values())
            problems += _meeting(document, resolved, key, arriving) if not nodes[key] else []
        for port in given_by(spec, given):
            own = [arriving[arm] for arm in spec.arms(port.name) if arm in arriving]
            ends[End(node=key, port=port.name)] = frozenset().union(*own) if spec.alternatives else nodes[key]
    return Reach(nodes=nodes, ends=ends, problems=(*problems, *_empty_arms(resolved, ends)))


def _meeting(document: Document, resolved: Resolved, key: str, arriving: Mapping[str, Sources]) -> Iterator[Problem]:
    """Two inputs that have no task in common; what hangs on such a block is silent."""
    if not arriving or not all(arriving.values()):
        return
    titles = titles_of(document, resolved)
    first = next(iter(arriving))
    other = next((port for port, own in arriving.items() if not own & arriving[first]), "")
    if not other:  # three inputs that are in common only two by two
        other = list(arriving)[-1]
    mine, theirs = (" and ".join(titles[source] for source in sorted(arriving[port])) for port in (first, other))
    wire = f"{resolved.inputs[key][other]}>{End(node=key, port=other)}"
    is_drawn = any(wire == each.key for each in document.wires)
    yield Problem(
        what=f"Two sources meet here: {first!r} comes from {mine}, {other!r} from {theirs}. A sample has one source.",
        node=key, port=other,
        hint="Let each source be a task of its own: put Either source before the blocks that both use.",
        fix=Fix(text="Remove this wire", edit="disconnect", arguments={"wires": (wire,)}) if is_drawn else None,
    )  # fmt: skip


def given_by(spec: BlockSpec, given: Mapping[str, End]) -> list[Port]:
    """The ports that have a value: a join's have one where something is led into the port of the same name."""
    if spec.role != "source" or not spec.takes:
        return list(spec.gives)
    return [port for port in spec.gives if port.name in given or spec.input(port.name) is None]


def joined_into(resolved: Resolved) -> frozenset[str]:
    """The sources that lead into a join and nowhere else: theirs is no task of their own."""
    taken = [(key, end.node) for key in resolved.order for end in resolved.inputs[key].values()]
    into = {node for key, node in taken if resolved.specs[key].role == "source"}
    return frozenset(into - {node for key, node in taken if resolved.specs[key].role != "source"})


def _joining(document: Document, resolved: Resolved, key: str) -> Iterator[Problem]:
    """What is wrong with what leads into a join: something that is no source, two sources on one side, one on both."""
    titles = titles_of(document, resolved)
    given = resolved.inputs[key]
    told: dict[str, str] = {}  # side -> its source
    for port, end in sorted(given.items()):
        side, spec = port.partition("_")[0], resolved.specs[end.node]
        name = titles.get(end.node, document.nodes[end.node].title or spec.title)
        if spec.role != "source" or spec.takes:
            what = f"{name} leads into a join here, which joins sources as they are."
            hint = "Draw the wire from the source, and put the step behind the join."
        elif told.setdefault(side, end.node) != end.node:
            what = f"{titles[told[side]]} and {name} both lead into one side of a join."
            hint = "Each side takes from one source; lead the other into the other side."
        elif side == "second" and told.get("first") == end.node:
            what = f"{name} leads into both sides of a join."
            hint = "Join it with another source."
        else:
            continue
        yield Problem(
            what=what, node=key, port=port, hint=hint,
            fix=Fix(text="Remove this wire", edit="disconnect", arguments={"wires": (f"{end}>{key}.{port}",)}),
        )  # fmt: skip


def _twice(key: str, arriving: Mapping[str, Sources], resolved: Resolved) -> Iterator[Problem]:
    """Both arms of one kind from one source: it would not be said which of the two is meant."""
    spec = resolved.specs[key]
    for port in spec.gives:
        arms = [arm for arm in spec.arms(port.name) if arm in arriving]
        if len(arms) > 1 and arriving[arms[0]] & arriving[arms[1]]:
            yield Problem(
                what=f"{spec.title} has two wires of kind {port.kind} from one source, so it is not said which counts.",
                node=key, port=arms[1], hint="Remove one of them.",
                fix=Fix(text="Remove this wire", edit="disconnect", arguments={"wires": (f"{resolved.inputs[key][arms[1]]}>{key}.{arms[1]}",)}),
            )  # fmt: skip


def _empty_arms(resolved: Resolved, ends: Mapping[End, Sources]) -> Iterator[Problem]:
    """What is taken from *Either source* though no source gives it there."""
    for key in resolved.order:
        for port, end in resolved.inputs[key].items():
            spec = resolved.specs[end.node]
            if spec.role == "source" and not ends.get(end):
                yield Problem(
                    what=f"{spec.title} gives no {end.port} here: nothing comes in at {end.port!r}.", node=end.node, port=end.port,
                    hint="Draw a wire to it, or remove the wire behind it.",
                    fix=Fix(text="Remove the wire behind it", edit="disconnect", arguments={"wires": (f"{end}>{key}.{port}",)}),
                )  # fmt: skip
            elif spec.alternatives and not ends.get(end):
                arms = " or ".join(repr(arm) for arm in spec.arms(end.port))
                yield Problem(
                    what=f"{spec.title} gives no {end.port} here: nothing comes in at {arms}.", node=end.node,
                    hint="Draw a wire to it, or remove the wire behind it.",
                    fix=Fix(text="Remove the wire behind it", edit="disconnect", arguments={"wires": (f"{end}>{key}.{port}",)}),
                )  # fmt: skip


def titles_of(document: Document, resolved: Resolved) -> dict[str, str]:
    """What each source, and so its task, is called; no two alike, and without the marks that divide names of series."""
    found: dict[str, str] = {}
    for key in resolved.order:
        if resolved.specs[key].role == "source":
            title = (document.nodes[key].title or resolved.specs[key].title).replace("/", "∕").replace(" · ", " - ")
            same = sum(
                other == title or (other.startswith(f"{title} ") and other[len(title) + 1 :].isdigit())
                for other in found.values()
            )
            found[key] = title if not same else f"{title} {same + 1}"
    return found


def tasks_of(document: Document, resolved: Resolved, found: Reach | None = None) -> tuple[Task, ...]:
    """The tasks in the order of their sources; a source that reaches no objective has none."""
    found = found or reach(document, resolved)
    titles = titles_of(document, resolved)
    made = (_task(document, resolved, found, source, title) for source, title in titles.items())
    return tuple(task for task in made if task.objectives)


def _task(document: Document, resolved: Resolved, found: Reach, source: str, title: str) -> Task:
    specs = resolved.specs
    objectives = [key for key in resolved.order if specs[key].role == "objective" and source in found.nodes[key]]
    return task_to(document, resolved, found, source, title, objectives)


def task_to(
    document: Document, resolved: Resolved, found: Reach, source: str, title: str, wanted: Collection[str]
) -> Task:
    """What leads from a source to some nodes, which need not be objectives."""
    specs = resolved.specs
    needed, open_ends = set(wanted), list(wanted)
    while open_ends:
        for end in resolved.inputs[open_ends.pop()].values():
            if source in found.ends.get(end, ()) and end.node not in needed:
                needed.add(end.node)
                open_ends.append(end.node)
    needed |= _behind(document, resolved, found, source, needed)
    inside = [key for key in resolved.order if key in needed]
    sample = tuple(key for key in inside if specs[key].role in ("source", "transform"))
    batch = tuple(key for key in inside if specs[key].role in ("block", "objective"))
    carried = {end for key in batch for end in resolved.inputs[key].values() if end.node in sample}
    objectives = tuple(key for key in batch if specs[key].role == "objective")
    return Task(
        source=source, title=title, sample_nodes=sample, batch_nodes=batch, objectives=objectives,
        carried=tuple(sorted(carried)), ends=frozenset(end for end, sources in found.ends.items() if source in sources),
    )  # fmt: skip


def _behind(document: Document, resolved: Resolved, found: Reach, source: str, needed: set[str]) -> set[str]:
    """Further places of weights that learn in a task, behind its blocks: nobody learns there, but something can be made there."""
    owners = {document.owner(key) for key in needed}
    behind: set[str] = set()
    for key in resolved.order:
        ends = resolved.inputs[key].values()
        if (
            resolved.specs[key].role == "block" and key not in needed and document.owner(key) in owners and ends
            and all(end.node in needed | behind and source in found.ends.get(end, ()) for end in ends)
        ):  # fmt: skip
            behind.add(key)
    return behind


def task_problems(document: Document, resolved: Resolved, found: Reach) -> list[Problem]:
    """What is wrong with the tasks as a whole: sources that feed nothing, shares, and what selects."""
    tasks = tasks_of(document, resolved, found)
    titles = titles_of(document, resolved)
    joined = joined_into(resolved)
    idle = [
        source for source in titles if tasks and source not in joined and all(task.source != source for task in tasks)
    ]
    problems = [*found.problems]
    if not found.problems:
        problems += [
            Problem(
                what=f"{titles[source]} feeds no objective, so nothing of it is trained.", node=source, severity="warning",
                hint="Draw wires from it, or disable it.", fix=_putting_to_use(document, resolved, source, tasks, titles),
            )
            for source in idle
        ]  # fmt: skip
    return problems + _mix_problems(document.recipe, tasks) + _batch_problems(document.recipe, tasks)


def _putting_to_use(
    document: Document, resolved: Resolved, source: str, tasks: tuple[Task, ...], titles: Mapping[str, str]
) -> Fix:
    """Training the first task's blocks on an idle source too, where no wire leaves it and it gives what they take; else without it."""
    other = tasks[0].source
    used = {wire.source.port for wire in document.wires_from(other)}
    given, theirs = ({port.name: port.kind for port in resolved.specs[key].gives} for key in (source, other))
    kinds = tuple(name for name in KINDS if name in used and given.get(name) == theirs.get(name) == name)
    if kinds and len(kinds) == len(used) and not any(document.wires_from(source)):
        return Fix(
            text=f"Train the blocks of {titles[other]} on it as well", edit="share_blocks",
            arguments={"source": source, "beside": other, "kinds": kinds},
        )  # fmt: skip
    return Fix(text="Disable it", edit="change_node", arguments={"node": source, "muted": True})


def _mix_problems(recipe: Recipe, tasks: tuple[Task, ...]) -> list[Problem]:
    if len(tasks) < 2:
        return []
    found = []
    parts = {task.source: recipe.mix.part(task.source) for task in tasks}
    for when, numbers in (
        ("start", [part.start for part in parts.values()]),
        ("end", [part.start if part.end is None else part.end for part in parts.values()]),
    ):
        if sum(numbers) <= 0:
            fix = Fix(text="Give it a share of 1", edit="set_mix", arguments={"source": tasks[0].source, when: 1.0})
            found.append(Problem(what=f"No task has a share at the {when} of the run.", node=tasks[0].source, hint="Give one a share above 0.", fix=fix))  # fmt: skip
    if recipe.mix.selects and recipe.mix.selects not in parts:
        found.append(
            Problem(
                what=f"The score of {recipe.mix.selects!r} is to select, which is no task of this graph.",
                severity="warning", hint="The mean over tasks selects.",
                fix=Fix(text="Select by the mean over tasks", edit="set_mix", arguments={"selects": ""}),
            )
        )  # fmt: skip
    return found


def _batch_problems(recipe: Recipe, tasks: tuple[Task, ...]) -> list[Problem]:
    """A batch in which a contrastive objective has next to nothing to compare with."""
    several = len(tasks) > 1
    found = []
    for task in tasks:
        size, own = recipe.batch_of(task.source), recipe.mix.part(task.source).batch_size
        if size >= LEAST_CONTRASTED:
            continue
        whose = {"source": task.source} if own is not None else {}
        found.append(Problem(
            what=f"A batch of {size} gives a contrastive objective almost nothing to compare with."
            if not several else f"A batch of {size} from {task.title} gives a contrastive objective almost nothing to compare with.",
            hint="Use 64 or more; gradient caching makes room.", severity="warning", node=task.objectives[0],
            fix=Fix(text="Use 64", edit="set_mix" if whose else "set_recipe", arguments={**whose, "batch_size": 64}),
        ))  # fmt: skip
    return found
