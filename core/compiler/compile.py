"""From a Document to a Plan, or to the Problems that stand against it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from core.blocks.catalog import blocks
from core.compiler.build import build_source
from core.compiler.checks.absent import absent_problems
from core.compiler.checks.budget import budget_problems
from core.compiler.checks.dividing import dividing_problems
from core.compiler.checks.grouping import grouping_problems
from core.compiler.checks.options import option_problems
from core.compiler.checks.size_budget import size_budget_problems
from core.compiler.checks.sounds import sound_problems
from core.compiler.checks.untrained import untrained_problems
from core.compiler.describe import vocabulary
from core.compiler.plan import Plan
from core.compiler.resolve import Resolved, resolve
from core.compiler.shapes import (
    MEBIBYTE,
    Traced,
    TracedNode,
    Tracer,
    bytes_of,
    concrete,
    dtype_of,
    ends_of,
    modality_of,
    tokens_of,
)  # fmt: skip
from core.compiler.tasks import Reach, reach, task_problems, tasks_of
from core.graph.analysis import Analysis, NodeFacts, PortFacts
from core.graph.bridging import projection_to
from core.graph.configurations import sweep_problems
from core.graph.document import Document, End
from core.graph.subgraphs.facts import with_wholes
from core.graph.subgraphs.flat import flat_document, flattened
from core.graph.subgraphs.specs import words_of
from core.graph.vocabulary import Vocabulary
from core.knobs import configure
from core.problems import Fix, Problem, Refused, refuse

_tracer = Tracer()


def analyse(document: Document, words: Vocabulary | None = None, tracer: Tracer | None = None) -> Analysis:
    """Facts for every node and all Problems. Never raises for what a person drew.

    Of subgraphs every block has facts under its path (``left.vit``); ``wholes`` has those of the copies.
    """
    flat, known = flattened(document), words or vocabulary()
    if not flat.paths and document.nodes:
        return Analysis(problems=flat.problems)
    drawn, document = document, flat.document
    resolved, found = _examine(document, known, tracer or _tracer)
    absent = _missing_data(document, [key for key in resolved.order if resolved.specs[key].role == "source"])
    absent += _missing_weights(document, resolved)
    more = [*(option_problems(document, words) if words is not None else ()), *absent]
    more += [*sweep_problems(drawn, words_of(drawn, known)), *flat.problems]
    found = replace(found, problems=(*found.problems, *more)) if more else found
    return with_wholes(found, flat, drawn)


def compile(document: Document, words: Vocabulary | None = None) -> Plan:
    """A runnable Plan, of the document's flat form. Raises Refused with every error of the analysis."""
    drawn, known, document = document, words or vocabulary(), flat_document(document)
    resolved, analysis = _examine(document, known, _tracer)
    problems = [*analysis.problems, *sweep_problems(drawn, words_of(drawn, known))]
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise Refused(*errors)
    roles = {key: resolved.specs[key].role for key in resolved.order}
    objectives = tuple(key for key in resolved.order if roles[key] == "objective")
    tasks = tasks_of(document, resolved)
    if not tasks:
        raise refuse(
            "No source reaches an objective, so nothing can be trained.",
            hint="Draw wires from a source to an objective.",
        )
    needed = {key for task in tasks for key in (*task.sample_nodes, *task.batch_nodes)}
    sample, batch = (
        tuple(key for key in resolved.order if key in needed and roles[key] in kinds)
        for kinds in (("source", "transform"), ("block", "objective"))
    )
    return Plan(
        document=document, analysis=analysis, specs=resolved.specs, inputs=resolved.inputs, tasks=tasks,
        sample_nodes=sample, batch_nodes=batch, objectives=objectives,
    )  # fmt: skip


def _examine(document: Document, words: Vocabulary, tracer: Tracer) -> tuple[Resolved, Analysis]:
    resolved = resolve(document, words)
    reached = reach(document, resolved)
    traced = tracer.trace(document, resolved, _largest_batch(document, resolved))
    trained = _trained(document, resolved, traced)
    first: dict[str, str] = {}
    for key in traced.nodes:
        first.setdefault(document.owner(key), key)
    facts = {
        key: _facts(document, resolved, key, node, trained, counted=first[document.owner(key)])
        for key, node in traced.nodes.items()
    }
    troubles = [_with_fix(problem, document, resolved, words) for problem in traced.problems]
    over = [p for key, node in traced.nodes.items() for p in budget_problems(key, node, resolved.specs[key].title)]
    over += size_budget_problems(document, resolved, traced, tracer, _largest_batch(document, resolved))
    whole = [
        *_whole(document, resolved, facts, reached),
        *sound_problems(document, resolved),
    ]
    whole += [*grouping_problems(document, resolved), *dividing_problems(document, resolved)]
    whole += untrained_problems(document, resolved, {key for key, node in traced.nodes.items() if node.parameters})
    problems = [*resolved.problems, *troubles, *over, *whole]
    own = sum(fact.trained_parameters for fact in facts.values())
    total = sum(fact.parameters for fact in facts.values())
    activations = sum(fact.activation_mebibytes for fact in facts.values())
    return resolved, Analysis(
        nodes=facts, problems=tuple(problems), parameters=total, trained_parameters=own,
        flops=sum(fact.flops for fact in facts.values()),
        mebibytes=(4 * total + 12 * own) / MEBIBYTE + activations,  # weights; gradient and two Adam moments
    )  # fmt: skip


def _largest_batch(document: Document, resolved: Resolved) -> int:
    """The samples that shapes and memory are reckoned with: the largest step of any task."""
    sources = [key for key in resolved.order if resolved.specs[key].role == "source"]
    return max([document.recipe.batch_of(source) for source in sources], default=document.recipe.batch_size)


def _trained(document: Document, resolved: Resolved, traced: Traced) -> dict[str, bool]:
    """Whether a gradient flows out of each node in any stage."""
    stages = range(len(document.recipe.stage_list()))
    flows: dict[str, bool] = {}
    for key in resolved.order:
        node = traced.nodes.get(key)
        own = bool(node and node.parameters) and not all(document.rule(key, s).frozen for s in stages)
        flows[key] = own or any(flows.get(end.node, False) for end in resolved.inputs[key].values())
    return flows


def _facts(
    document: Document, resolved: Resolved, key: str, node: TracedNode, trained: Mapping[str, bool], counted: str
) -> NodeFacts:
    """``counted``: the node at which its weights are counted; at their other places there are none to count."""
    batch = _largest_batch(document, resolved)
    frozen = bool(document.rule(key, 0).frozen) and node.parameters > 0
    parameters = node.parameters if counted == key else 0
    spec = resolved.specs[key]
    outputs = {
        port.name: PortFacts(
            symbolic=port.axes, concrete=concrete(node.outputs[port.name]), tokens=tokens_of(node.outputs[port.name]),
            mebibytes=bytes_of(node.outputs[port.name]) / MEBIBYTE, trained=trained.get(key, False),
            modality=modality_of(node.outputs[port.name], port), dtype=dtype_of(node.outputs[port.name]),
        )
        for port in spec.gives
        if port.name in node.outputs
    }  # fmt: skip
    return NodeFacts(
        parameters=parameters, trained_parameters=0 if frozen or counted != key else node.learning,
        weights_of=counted if counted != key else "", shared_parameters=node.parameters - parameters, flops=node.flops // batch,
        activation_mebibytes=0.0 if frozen else node.saved_bytes / MEBIBYTE, frozen=frozen, detail=node.detail,
        outputs=outputs,
    )  # fmt: skip


def _with_fix(problem: Problem, document: Document, resolved: Resolved, words: Vocabulary) -> Problem:
    """Where two sides of an objective differ in width: one block's knob may mend it, or a projection before one side."""
    ends = resolved.inputs.get(problem.node, {})
    if problem.fix is not None or not {"left", "right"} <= set(ends):
        return problem
    widths = {}
    for side in ("left", "right"):
        node = ends[side].node
        knob = next((k for k in resolved.specs[node].knobs if k.name == "width"), None)
        if knob is not None:
            widths[side] = document.nodes[node].knobs.get("width", knob.default)
    if len(widths) == 1:
        return _with_projection(problem, ends, widths, words)
    if len(widths) < 2 or widths["left"] == widths["right"]:
        return problem
    node, width = ends["right"].node, widths["left"]
    fix = Fix(
        text=f"Make both {width} wide", edit="set_knob", arguments={"node": node, "name": "width", "value": width}
    )
    return replace(problem, fix=fix)


def _with_projection(
    problem: Problem, ends: Mapping[str, End], widths: Mapping[str, Any], words: Vocabulary
) -> Problem:
    """A projection before the side whose width cannot be set, as wide as the other."""
    ((_, width),) = widths.items()
    side = "left" if "right" in widths else "right"
    step = projection_to("embedding", words, width)
    if step is None:
        return problem
    block = (step.spec.key, step.entry, step.leave, {**step.spec.placed(), "width": width})
    given = {"source": ends[side], "target": End(node=problem.node, port=side), "blocks": (block,)}
    return replace(problem, fix=Fix(text=f"Put {step.spec.title} between", edit="put_between", arguments=given))


def _whole(
    document: Document, resolved: Resolved, facts: Mapping[str, NodeFacts], reached: Reach
) -> list[Problem]:  # fmt: skip
    """What is wrong with the drawing as a whole."""
    roles: dict[str, list[str]] = {}
    for key in resolved.order:
        roles.setdefault(resolved.specs[key].role, []).append(key)
    found: list[Problem] = []
    if not document.nodes:
        return [
            Problem(what="The canvas is empty.", hint="Open an example from the gallery, or press Tab to add a block.")
        ]
    found += absent_problems(document, resolved)
    found += task_problems(document, resolved, reached)
    found += _unready(document, roles.get("source", []))
    known = set(document.nodes)
    for number, stage in enumerate(document.recipe.stage_list()):
        found += _stage_problems(document, facts, known, number, stage.name)
    return found


def _unready(document: Document, keys: list[str]) -> list[Problem]:
    """What sources still need a person for; settings that are wrong have been told already."""
    found = []
    for key in keys:
        try:
            problem = build_source(document, key).unready()
        except Refused:
            continue
        except (OSError, ValueError) as error:  # a folder that cannot be looked into
            problem = Problem(what=f"Its data cannot be looked at: {error}.", hint="Choose another place.")
        if problem is not None:
            found.append(replace(problem, node=key))
    return found


def _missing_data(document: Document, keys: list[str]) -> list[Problem]:
    """What sources name and this machine does not have. No reason not to use a trained model, so compiling does not ask."""
    found = []
    for key in keys:
        try:
            source = build_source(document, key)
            problem = source.missing() if source.unready() is None else None
        except Refused:
            continue
        if problem is not None:
            found.append(replace(problem, node=key))
    return found


def _missing_weights(document: Document, resolved: Resolved) -> list[Problem]:
    """What blocks would be built from and this machine does not have, told once for weights in several places."""
    found = []
    for key in resolved.order:
        block = document.nodes[key].block
        if block not in blocks or document.owner(key) != key:
            continue
        try:
            problem = blocks[block].missing(configure(blocks[block].Config, document.nodes[key].knobs, key))
        except Refused:
            continue
        if problem is not None:
            found.append(replace(problem, node=key))
    return found


def _stage_problems(
    document: Document, facts: Mapping[str, NodeFacts], known: set[str], number: int, name: str
) -> list[Problem]:
    weights = [key for key, fact in facts.items() if fact.parameters]
    rules = document.rule
    if weights and all(rules(key, number).frozen or not rules(key, number).learning_rate for key in weights):
        return [
            Problem(
                what=f"Nothing learns in stage {name!r}: every block is frozen or has the learning rate 0.",
                node=weights[0], hint="Unfreeze a block.",
                fix=Fix(text="Train this block", edit="set_rule", arguments={"node": weights[0], "frozen": False}),
            )
        ]  # fmt: skip
    return []


def meta_values(plan: Plan) -> dict[End, Any]:
    """Every outgoing end's value on meta tensors, to build modules from."""
    return traced_values(plan.document, resolve(plan.document, vocabulary()))[0]


def traced_values(document: Document, resolved: Resolved) -> tuple[dict[End, Any], list[Problem]]:
    """The same of a drawing that may be unfinished, as far as its nodes fit together, and what does not fit."""
    traced = _tracer.trace(document, resolved, _largest_batch(document, resolved))
    return ends_of(traced), traced.problems


def missing_for(document: Document, resolved: Resolved, nodes: Collection[str]) -> list[Problem]:
    """What some nodes need of this machine, or of a person, before they can be run: data and weights."""
    sources = [key for key in resolved.order if resolved.specs[key].role == "source" and key in nodes]
    found = [*_unready(document, sources), *_missing_data(document, sources), *_missing_weights(document, resolved)]
    return [problem for problem in found if problem.node in nodes]
