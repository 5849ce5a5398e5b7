"""A part of a drawing that can be run though the whole cannot: what leads to one node, or the sentence why nothing flows there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from core.compiler.build import build_source
from core.compiler.compile import missing_for, traced_values
from core.compiler.plan import Plan, Task
from core.compiler.resolve import Resolved, resolve
from core.compiler.tasks import Reach, reach, task_to, titles_of
from core.data.base import Source
from core.graph.analysis import Analysis
from core.graph.document import Document, End
from core.graph.subgraphs.flat import flattened
from core.graph.upstream import leading_to
from core.graph.vocabulary import Vocabulary
from core.problems import Refused, refuse


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """What leads to a node, as a plan of one task; of a copy of a subgraph, to what flows out of it."""

    node: str
    plan: Plan
    ends: Mapping[str, End]  # outgoing port -> where its value comes from
    sources: tuple[str, ...]  # that could give the sample, in order
    settles: bool  # whether the splits depend on how the steps behind the source read its sentences

    @property
    def task(self) -> Task:
        """From the source that was chosen."""
        return self.plan.tasks[0]

    @property
    def mixes(self) -> bool:
        """Whether samples are compared on the way."""
        return any(key in self.plan.mixing for key in self.givers)

    @property
    def givers(self) -> tuple[str, ...]:
        """The nodes that its value comes from: itself, or of a copy what lies at its border."""
        return tuple(dict.fromkeys(end.node for end in self.ends.values())) or (self.node,)


def upstream_of(document: Document, node: str, words: Vocabulary, source: str = "") -> Upstream:
    """From a source (the first that leads there where none is named) to a node. Raises Refused naming the node at fault."""
    flat = flattened(document)
    if errors := [problem for problem in flat.problems if problem.severity == "error"]:
        raise Refused(*errors)
    document, at_border = flat.document, flat.ends.get(node)
    givers = [node] if at_border is None else list(dict.fromkeys(end.node for end in at_border.values()))
    if not givers or any(key not in document.nodes for key in givers):
        raise refuse("Nothing flows out of this block.", node=node, hint="Draw wires through it.")
    resolved = resolve(document, words)
    for key in givers:
        _refuse_left_out(document, key, resolved)
    inside = leading_to(document, givers)
    traced, troubles = traced_values(document, resolved)
    found = reach(document, resolved)
    problems = [*resolved.problems, *troubles, *found.problems, *missing_for(document, resolved, inside)]
    errors = [problem for problem in problems if problem.node in inside and problem.severity == "error"]
    if errors:
        raise Refused(*errors)
    titles = titles_of(document, resolved)
    sources = tuple(key for key in titles if all(key in found.nodes.get(giver, ()) for giver in givers))
    if not {end.node for end in traced} >= set(givers) or not sources:
        raise refuse("No source leads to this block.", node=node, hint="Draw a wire to it that begins at a source.")
    chosen = source if source in sources else sources[0]
    task = _task(document, resolved, found, chosen, titles[chosen], givers)
    ports = at_border or {port.name: End(node=node, port=port.name) for port in resolved.specs[node].gives}
    plan = Plan(
        document=document, analysis=Analysis(), specs=resolved.specs, inputs=resolved.inputs, tasks=(task,),
        sample_nodes=task.sample_nodes, batch_nodes=task.batch_nodes, objectives=task.objectives,
    )  # fmt: skip
    return Upstream(
        node=node, plan=plan, sources=sources, settles=_settles(document, resolved, chosen),
        ends={port: end for port, end in ports.items() if end in task.ends},
    )  # fmt: skip


def _refuse_left_out(document: Document, node: str, resolved: Resolved) -> None:
    here = document.nodes[node]
    if here.muted:
        raise refuse("This block is disabled, so nothing flows out of it.", node=node, hint="Enable it.")
    if here.bypassed:
        hint = "Look at the block before it."
        raise refuse("This block is bypassed: what comes in flows out as it is.", node=node, hint=hint)
    if node in resolved.left_out:
        raise refuse("It hangs on a block that is disabled, so nothing comes in.", node=node, hint="Enable that block.")


def _task(document: Document, resolved: Resolved, found: Reach, source: str, title: str, nodes: Sequence[str]) -> Task:
    task, inside = task_to(document, resolved, found, source, title, nodes), leading_to(document, nodes)
    carried = set(task.carried)
    for node in nodes:
        if node in task.sample_nodes:
            carried |= {End(node=node, port=port.name) for port in resolved.specs[node].gives} & task.ends
    sample = _with_readers(document, resolved, found, source, {source, *task.sample_nodes})
    batch = tuple(key for key in task.batch_nodes if key in inside)
    return replace(task, sample_nodes=sample, batch_nodes=batch, carried=tuple(sorted(carried)))


def _with_readers(
    document: Document, resolved: Resolved, found: Reach, source: str, sample: Collection[str]
) -> tuple[str, ...]:
    """Where a source's splits depend on how tokenizers read its sentences: all steps on its samples, so that they are a run's splits."""
    steps = {key for key in resolved.order if resolved.specs[key].role == "transform" and source in found.nodes[key]}
    broken = resolved.unfit | {problem.node for problem in (*resolved.problems, *found.problems)}
    all_of_them = _settles(document, resolved, source) and not steps & broken
    chosen = {*sample, *(steps if all_of_them else ())}
    return tuple(key for key in resolved.order if key in chosen)


def _settles(document: Document, resolved: Resolved, source: str) -> bool:
    return type(build_source(document, source, resolved.inputs[source])).settle is not Source.settle
