"""A part of a drawing that can be run though the whole cannot: what leads to one node, or the sentence why nothing flows there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from core.compiler.build import build_source
from core.compiler.compile import missing_for, traced_values
from core.compiler.plan import Plan, Task
from core.compiler.resolve import Resolved, resolve
from core.compiler.tasks import Reach, reach, task_to, titles_of
from core.data.base import Source
from core.graph.analysis import Analysis
from core.graph.document import Document, End
from core.graph.upstream import leading_to
from core.graph.vocabulary import Vocabulary
from core.problems import Refused, refuse


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """What leads to a node, as a plan of one task."""

    node: str
    plan: Plan
    sources: tuple[str, ...]  # that could give the sample, in order
    settles: bool  # whether the splits depend on how the steps behind the source read its sentences

    @property
    def task(self) -> Task:
        """From the source that was chosen."""
        return self.plan.tasks[0]

    @property
    def ends(self) -> tuple[End, ...]:
        """What flows out of the node."""
        ports = (End(node=self.node, port=port.name) for port in self.plan.specs[self.node].gives)
        return tuple(end for end in ports if end in self.task.ends)


def upstream_of(document: Document, node: str, words: Vocabulary, source: str = "") -> Upstream:
    """From a source (the first that leads there where none is named) to a node. Raises Refused naming the node at fault."""
    if node not in document.nodes:
        raise refuse("This block is no longer on the canvas.")
    resolved = resolve(document, words)
    _refuse_left_out(document, node, resolved, words)
    inside = leading_to(document, [node])
    traced, troubles = traced_values(document, resolved)
    found = reach(document, resolved)
    problems = [*resolved.problems, *troubles, *found.problems, *missing_for(document, resolved, inside)]
    errors = [problem for problem in problems if problem.node in inside and problem.severity == "error"]
    if errors:
        raise Refused(*errors)
    if node not in {end.node for end in traced} or not found.nodes.get(node):
        raise refuse("No source leads to this block.", node=node, hint="Draw a wire to it that begins at a source.")
    titles = titles_of(document, resolved)
    sources = tuple(key for key in titles if key in found.nodes[node])
    chosen = source if source in sources else sources[0]
    task = _task(document, resolved, found, chosen, titles[chosen], node)
    plan = Plan(
        document=document, analysis=Analysis(), specs=resolved.specs, inputs=resolved.inputs, tasks=(task,),
        sample_nodes=task.sample_nodes, batch_nodes=task.batch_nodes, objectives=task.objectives,
    )  # fmt: skip
    return Upstream(node=node, plan=plan, sources=sources, settles=_settles(document, resolved, chosen))


def _refuse_left_out(document: Document, node: str, resolved: Resolved, words: Vocabulary) -> None:
    here = document.nodes[node]
    if here.muted:
        raise refuse("This block is disabled, so nothing flows out of it.", node=node, hint="Enable it.")
    if here.bypassed:
        hint = "Look at the block before it."
        raise refuse("This block is bypassed: what comes in flows out as it is.", node=node, hint=hint)
    if node in resolved.left_out:
        raise refuse("It hangs on a block that is disabled, so nothing comes in.", node=node, hint="Enable that block.")


def _task(document: Document, resolved: Resolved, found: Reach, source: str, title: str, node: str) -> Task:
    task, inside = task_to(document, resolved, found, source, title, [node]), leading_to(document, [node])
    carried = set(task.carried)
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
