"""A Plan as a readable PyTorch script that trains the same model on the same batches, without the studio's window.

The blocks are the studio's own classes; wiring, loop, groups and schedule are written out, to be read and changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.blocks.catalog import blocks
from core.compiler.build import led_in
from core.compiler.feed import seed_of
from core.compiler.plan import Plan, Task
from core.compiler.script_text import (
    HEAD,
    ONE_CONSTANTS,
    ONE_DATA,
    ONE_FORWARD,
    ONE_MAIN,
    SEVERAL_CONSTANTS,
    SEVERAL_DATA,
    SEVERAL_FORWARD,
    SEVERAL_MAIN,
)
from core.data.base import Wired
from core.data.catalog import sources, transforms
from core.data.order import Batching, batchings
from core.graph.document import Node
from core.own.files import OwnFile
from core.own.modules import loaded

CARRIED = {"clipping"}


def script(plan: Plan, file: str = "experiment.py") -> str:
    """The source text."""
    document, recipe = plan.document, plan.document.recipe
    left = sorted(set(recipe.callbacks) - CARRIED)
    stages = len(recipe.stage_list()) > 1
    notes = ([f"Left out: {', '.join(left)}."] if left else []) + (["Stages: only the first."] if stages else [])
    notes += [*_differences(plan), *_own_notes(plan)]
    own = plan.own_rates
    rules = {key: document.rule(key, 0, own.get(key)) for key in plan.owners}
    stem = _plain(file).removesuffix(".py")
    parts = _one_task(plan, stem) if len(plan.tasks) == 1 else _several_tasks(plan, stem)
    return HEAD.format(
        name=_plain(document.name), note=_plain(document.note), file=_plain(file),
        left_out="".join(f"{note}\n" for note in notes), imports=_imports(plan),
        build="\n".join(built for key in plan.batch_nodes if (built := _build(plan, key))), **parts,
        rates=repr({_name(key): rule.learning_rate for key, rule in rules.items()}), decay=recipe.weight_decay,
        frozen=repr([_name(key) for key, rule in rules.items() if rule.frozen]),
        schedule=_SCHEDULES[recipe.schedule.key].format(floor=recipe.schedule.knobs.get("floor", 0.0)),
        schedule_title=recipe.schedule.key.capitalize() + " after a linear warm-up",
        warm_up=recipe.schedule.knobs.get("warm_up", 0.05),
    )  # fmt: skip


def _one_task(plan: Plan, stem: str) -> dict[str, str]:
    """The parts that are written otherwise where there are several tasks."""
    recipe, task = plan.document.recipe, plan.tasks[0]
    return {
        "constants": ONE_CONSTANTS.format(steps=recipe.steps, batch=recipe.batch_of(task.source), seed=recipe.seed, way=_way(plan)),
        "data": ONE_DATA.format(
            parts="\n".join(_part(plan, key) for key in task.sample_nodes), wanted=_wanted(task)
        ),
        "forward": ONE_FORWARD.format(forward=_forwards(plan, task), losses=_losses(plan, task)),
        "main": ONE_MAIN.format(optimizer=_optimizer(plan), clip=_clip(plan, 12), file_stem=stem),
    }  # fmt: skip


def _several_tasks(plan: Plan, stem: str) -> dict[str, str]:
    """The same for tasks that take turns."""
    recipe, tasks = plan.document.recipe, plan.tasks
    made = [f'    "{key}": {_made(plan, key)},' for key in plan.sample_nodes]
    methods = [
        f"    def of_{_name(task.source)}(self, batch):\n{_forwards(plan, task)}\n        return {_losses(plan, task)}"
        for task in tasks
    ]
    return {
        "constants": SEVERAL_CONSTANTS.format(
            steps=recipe.steps, seed=recipe.seed, batch={task.source: recipe.batch_of(task.source) for task in tasks},
            seeds={task.source: seed_of(plan, task) for task in tasks}, mix=repr(recipe.mix), way=_way(plan),
        ),
        "data": SEVERAL_DATA.format(
            parts="\n".join(made), graphs="\n".join(_graph(plan, task) for task in tasks), order=plan.sample_nodes
        ),
        "forward": SEVERAL_FORWARD.format(
            tasks=", ".join(f'"{task.source}": self.of_{_name(task.source)}' for task in tasks),
            forwards="\n\n".join(methods),
        ),
        "main": SEVERAL_MAIN.format(optimizer=_optimizer(plan), clip=_clip(plan, 8), file_stem=stem),
    }  # fmt: skip


def _graph(plan: Plan, task: Task) -> str:
    """One task's per-sample part, made of the shared objects."""
    lines = [f'            ("{key}", PARTS["{key}"], {_wires(plan, task, key)!r}),' for key in task.sample_nodes]
    parts = "\n".join(["            parts=(", *(f"    {line}" for line in lines), "            ),"])
    return f'        "{task.source}": SampleGraph(\n{parts}\n            wanted={_wanted(task)},\n        ),'


def _wires(plan: Plan, task: Task, key: str) -> dict[str, tuple[str, str]]:
    return {port: (end.node, end.port) for port, end in plan.inputs[key].items() if end in task.ends}


def _wanted(task: Task) -> str:
    return repr(tuple((end.node, end.port) for end in task.carried))


def _forwards(plan: Plan, task: Task) -> str:
    return "\n".join(_forward(plan, key) for key in task.batch_nodes)


def _losses(plan: Plan, task: Task) -> str:
    """The objectives' losses, and those of the opponents that play."""
    losses = [f'"{_name(key)}": {_variable(key, "loss")}' for key in task.objectives]
    opposing = [
        f'"{_name(key)}_discriminator": self.{_name(key)}.opposing({_arguments(plan, key)})'
        for key in _opposed(plan, task.objectives)
    ]
    if not opposing:
        return "{" + ", ".join(losses) + "}"
    playing = "{" + ", ".join(opposing) + "}"
    return "{" + ", ".join(losses) + f", **{{k: v for k, v in {playing}.items() if v is not None}}}}"


def _own(plan: Plan) -> list[OwnFile]:
    """The files of a person's own blocks that it needs."""
    used = {plan.document.nodes[key].block for key in (*plan.sample_nodes, *plan.batch_nodes)}
    return [file for key, file in sorted(loaded().items()) if key in used]


def _own_notes(plan: Plan) -> list[str]:
    """Where the code of own blocks came from; the script runs where the same file is allowed."""
    return [f"Own block {file.key}: {_plain(str(file.path))}, SHA-256 {file.sha256}." for file in _own(plan)]


def _opposed(plan: Plan, objectives: Sequence[str]) -> list[str]:
    """Those that have a discriminator."""
    return [key for key in objectives if getattr(_class_of(plan, key), "opposed", False)]


def _differences(plan: Plan) -> list[str]:
    """What the script does otherwise than the studio, in the words of its head."""
    found = []
    if plan.document.recipe.callbacks.get("clipping", {}).get("per", "all") != "all":
        found.append("Gradients are clipped as a whole, not by block or modality.")
    nodes = [(key, plan.document.nodes[key]) for key in plan.batch_nodes]
    found += [
        f"The discriminator of {key} learns with the optimiser's own betas, and no weight is adaptive."
        for key in _opposed(plan, plan.objectives)
    ]
    found += [
        f"The queue {key} stays empty: the slowly following copy that fills it is not written out; with momentum 0 it needs none."
        for key, node in nodes
        if node.block == "negatives.queue" and node.knobs.get("momentum", 0.99)
    ]
    return found


_SCHEDULES = {
    "cosine": "{floor} + (1 - {floor}) * 0.5 * (1 + math.cos(math.pi * share))",
    "linear": "1.0 - share",
    "constant": "1.0",
}


def _plain(text: str) -> str:
    """Text that cannot leave a docstring."""
    return text.replace("\\", "/").replace('"', "'").replace("{", "(").replace("}", ")")


def _name(node: str) -> str:
    made = "".join(c if c.isalnum() else "_" for c in node)
    return made if made.isidentifier() else f"n_{made}"


def _variable(node: str, port: str) -> str:
    return f"{_name(node)}_{port}"


def _class_of(plan: Plan, key: str) -> Any:
    catalog: Any = {"source": sources, "transform": transforms}.get(plan.specs[key].role, blocks)
    return catalog[plan.document.nodes[key].block]


def _imports(plan: Plan) -> str:
    used = {
        (cls.__module__, cls.__name__) for cls in (_class_of(plan, k) for k in (*plan.sample_nodes, *plan.batch_nodes))
    }
    used |= {
        ("core.blocks.block", "Block"), ("core.blocks.values", "map_tensors"), ("core.compiler.module", "node_seed"), ("core.data.loading", "batches"),
        ("core.data.pipeline", "SampleGraph"), ("core.blocks.values", "widest"),
        (_way_of(plan).__module__, _way_of(plan).__name__),
    }  # fmt: skip
    if len(plan.tasks) > 1:
        used |= {
            ("core.data.graphs", "SampleGraphs"),
            *(("core.graph.mixing", name) for name in ("drawn", "shares_at")),
        }
        used |= {("core.graph.recipe", name) for name in ("ONE", "Mix", "Part")}
    if any(plan.specs[source].takes for source in plan.sources):
        used.add(("core.data.base", "Wired"))
    if _way_of(plan).packs_rows:
        used.add(("core.blocks.packing", "unpacked"))
    if plan.document.recipe.optimizer.key == "lamb":
        used.add(("core.training.optimizers.lamb", "Lamb"))
    if any(plan.document.nodes[key].repeat > 1 for key in plan.batch_nodes):
        used.add(("core.compiler.build", "Chain"))
    gate = (
        "import core.own.modules  # lets Python find blocks of one's own that are allowed here\n" if _own(plan) else ""
    )
    return gate + "".join(f"from {module} import {name}\n" for module, name in sorted(used))


def _config(cls: Any, node: Node, wired: tuple[Wired, ...] = ()) -> str:
    settings = {**node.knobs, **({"wired": wired} if wired else {})}
    knobs = ", ".join(f"{name}={value!r}" for name, value in sorted(settings.items()))
    return f"{cls.__name__}.Config({knobs})"


def _part(plan: Plan, key: str) -> str:
    return f'        ("{key}", {_made(plan, key)}, {_wires(plan, plan.tasks[0], key)!r}),'


def _made(plan: Plan, key: str) -> str:
    """A source or a step with its settings."""
    cls = _class_of(plan, key)
    wired = led_in(plan.document, key, plan.inputs[key]) if plan.specs[key].role == "source" else ()
    return f"{cls.__name__}({_config(cls, plan.document.nodes[key], wired=wired)})"


def _value(plan: Plan, node: str, port: str) -> str:
    return f'batch["{node}", "{port}"]' if node in plan.sample_nodes else _variable(node, port)


def _arguments(plan: Plan, key: str) -> str:
    found = {port: _value(plan, end.node, end.port) for port, end in plan.inputs[key].items()}
    if _way_of(plan).packs_rows and not getattr(_class_of(plan, key), "reads_packs", False):
        found = {port: f"unpacked({value})" for port, value in found.items()}
    return ", ".join(f"{port}={value}" for port, value in found.items())


def _way_of(plan: Plan) -> type[Batching]:
    return batchings[plan.document.recipe.batching.key]


def _way(plan: Plan) -> str:
    knobs = ", ".join(f"{name}={value!r}" for name, value in sorted(plan.document.recipe.batching.knobs.items()))
    name = _way_of(plan).__name__
    return f"{name}({name}.Config({knobs}))" if knobs else f"{name}()"


def _build(plan: Plan, key: str) -> str:
    """A block where its weights are first met, then one pass through it, so that the next knows its sizes."""
    cls, node, owner = _class_of(plan, key), plan.document.nodes[key], plan.owner(key)
    block = cls.__name__ if node.repeat == 1 else f"lambda c, i: Chain({cls.__name__}, c, i, {node.repeat})"
    made = f'made("{owner}", {block}, {_config(cls, node)}, {_arguments(plan, key)})'
    lines = [f"        self.{_name(owner)} = {made}.to(DEVICE)"] if plan.places[owner][0] == key else []
    if key not in plan.objectives:
        lines.append("        with torch.no_grad(), torch.random.fork_rng(devices=[]):")
        lines += [f"    {line}" for line in _forward(plan, key).splitlines()]
    return "\n".join(lines)


def _forward(plan: Plan, key: str) -> str:
    gives = list(_class_of(plan, key).gives)
    call = f"self.{_name(plan.owner(key))}({_arguments(plan, key)})"
    if len(gives) == 1:
        return f'        {_variable(key, gives[0])} = {call}["{gives[0]}"]'
    lines = [f"        {_name(key)}_given = {call}"]
    return "\n".join(lines + [f'        {_variable(key, port)} = {_name(key)}_given["{port}"]' for port in gives])


def _optimizer(plan: Plan) -> str:
    choice = plan.document.recipe.optimizer
    k = choice.knobs
    if choice.key == "sgd":
        momentum = k.get("momentum", 0.9)
        return f"torch.optim.SGD(groups(model), lr=0.1, momentum={momentum}, nesterov={bool(k.get('nesterov', True) and momentum)})"
    if choice.key == "lamb":
        betas = (k.get("beta_1", 0.9), k.get("beta_2", 0.98))
        return f"Lamb(groups(model), betas={betas}, eps={k.get('epsilon', 1e-6)})"
    betas = (k.get("beta_1", 0.9), k.get("beta_2", 0.98))
    return f"torch.optim.AdamW(groups(model), betas={betas}, eps={k.get('epsilon', 1e-6)}, fused=True)"


def _clip(plan: Plan, indent: int) -> str:
    knobs = plan.document.recipe.callbacks.get("clipping")
    if knobs is None:
        return ""
    return (
        " " * indent
        + f"nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], {knobs.get('norm', 1.0)})\n"
    )
