"""A Plan as a readable PyTorch script that trains the same model on the same batches, without the studio's window.

The blocks are the studio's own classes; wiring, loop, groups and schedule are written out, to be read and changed.
"""

from __future__ import annotations

from typing import Any

from core.blocks.catalog import blocks
from core.compiler.plan import Plan
from core.data.catalog import sources, transforms
from core.graph.document import Node

CARRIED = {"clipping"}

HEAD = '''"""{name}

{note}
Exported from Crossmodal Studio. Run it with the studio installed: python {file}
{left_out}"""

import math

import torch
from torch import nn

{imports}
STEPS, BATCH, SEED = {steps}, {batch}, {seed}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# ---- data: per sample, the same samples for any number of workers ------------------------------------------------

data = SampleGraph(
    parts=(
{parts}
    ),
    wanted={wanted},
)
data.prepare()  # opens the source and learns the vocabulary on the training split
train = data.source.splits()["train"]


# ---- model: blocks and wires --------------------------------------------------------------------------------------


def made(name, block, config, **incoming):
    """A block with weights drawn from (SEED, name); sizes come from what flows in."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(node_seed(SEED, name))
        return block(config, incoming)


class Model(nn.Module):
    def __init__(self, batch):
        super().__init__()
{build}

    def forward(self, batch):
{forward}
        return {losses}


# ---- training -----------------------------------------------------------------------------------------------------

RATES = {rates}  # learning rate by block
DECAY = {decay}
FROZEN = {frozen}


def on_device(batch):
    return {{key: map_tensors(lambda t: t.to(DEVICE), value) for key, value in batch.items() if key != "indices"}}


def groups(model):
    """Matrices decay; biases, norms, positions and temperatures do not."""
    found = []
    for name, block in model.named_children():
        for decayed in (True, False):
            chosen = [
                p
                for n, p in block.named_parameters()
                if (p.ndim >= 2 and not any(w in n for w in ("position", "cls_", "query_11D", "embedding"))) == decayed
            ]
            if chosen:
                found.append({{"params": chosen, "rate": RATES[name], "weight_decay": DECAY if decayed else 0.0}})
    return found


def factor(step):
    """{schedule_title}."""
    rising = round({warm_up} * STEPS)
    if step < rising:
        return (step + 1) / rising
    share = (step - rising) / max(STEPS - rising, 1)
    return {schedule}


def main():
    first = on_device(next(iter(batches(data, train, BATCH, seed=SEED, workers=0))))
    model = Model(first).to(DEVICE)
    for name in FROZEN:
        getattr(model, name).requires_grad_(False).eval()
    optimizer = {optimizer}
    step, epoch = 0, 0
    while step < STEPS:
        for batch in batches(data, train, BATCH, seed=SEED, epoch=epoch, workers=0):
            torch.manual_seed(node_seed(SEED, f"step/{{step}}"))
            for block in model.modules():
                if isinstance(block, Block):
                    block.set_progress(step / STEPS)
            losses = model(on_device(batch))
            total = torch.stack([loss.float() for loss in losses.values()]).sum()
            total.backward()
{clip}            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * factor(step)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            for block in model.children():
                block.after_update()  # keeps the temperature in its range; keys go into a queue
            step += 1
            print(f"step {{step}} loss {{total.item():.6f}}", flush=True)
            if step == STEPS:
                break
        epoch += 1
    torch.save(model.state_dict(), "{file_stem}.pt")


if __name__ == "__main__":
    main()
'''


def script(plan: Plan, file: str = "experiment.py") -> str:
    """The source text."""
    document, recipe = plan.document, plan.document.recipe
    left = sorted(set(recipe.callbacks) - CARRIED)
    stages = len(recipe.stage_list()) > 1
    notes = ([f"Left out: {', '.join(left)}."] if left else []) + (["Stages: only the first."] if stages else [])
    notes += _differences(plan)
    own = plan.own_rates
    rules = {key: document.rule(key, 0, own.get(key)) for key in plan.owners}
    return HEAD.format(
        name=_plain(document.name), note=_plain(document.note), file=_plain(file), file_stem=_plain(file).removesuffix(".py"),
        left_out="".join(f"{note}\n" for note in notes), imports=_imports(plan), steps=recipe.steps, batch=recipe.batch_size,
        seed=recipe.seed, parts="\n".join(_part(plan, key) for key in plan.sample_nodes),
        wanted=repr(tuple((end.node, end.port) for end in plan.carried)),
        build="\n".join(built for key in plan.batch_nodes if (built := _build(plan, key))),
        forward="\n".join(_forward(plan, key) for key in plan.batch_nodes),
        losses=_losses(plan),
        rates=repr({_name(key): rule.learning_rate for key, rule in rules.items()}), decay=recipe.weight_decay,
        frozen=repr([_name(key) for key, rule in rules.items() if rule.frozen]),
        schedule=_SCHEDULES[recipe.schedule.key].format(floor=recipe.schedule.knobs.get("floor", 0.0)),
        schedule_title=recipe.schedule.key.capitalize() + " after a linear warm-up",
        warm_up=recipe.schedule.knobs.get("warm_up", 0.05), optimizer=_optimizer(plan), clip=_clip(plan),
    )  # fmt: skip


def _differences(plan: Plan) -> list[str]:
    """What the script does otherwise than the studio, in the words of its head."""
    found = []
    if plan.document.recipe.callbacks.get("clipping", {}).get("per", "all") != "all":
        found.append("Gradients are clipped as a whole, not by block or modality.")
    nodes = [(key, plan.document.nodes[key]) for key in plan.batch_nodes]
    found += [
        f"The discriminator of {key} learns with the optimiser's own betas, and no weight is adaptive."
        for key in plan.objectives
        if getattr(_class_of(plan, key), "opposed", False)
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
        ("core.data.pipeline", "SampleGraph"),
    }  # fmt: skip
    if plan.document.recipe.optimizer.key == "lamb":
        used.add(("core.training.optimizers.lamb", "Lamb"))
    if any(plan.document.nodes[key].repeat > 1 for key in plan.batch_nodes):
        used.add(("core.compiler.build", "Chain"))
    return "".join(f"from {module} import {name}\n" for module, name in sorted(used))


def _config(cls: Any, node: Node) -> str:
    knobs = ", ".join(f"{name}={value!r}" for name, value in sorted(node.knobs.items()))
    return f"{cls.__name__}.Config({knobs})"


def _part(plan: Plan, key: str) -> str:
    cls, node = _class_of(plan, key), plan.document.nodes[key]
    wires = {port: (end.node, end.port) for port, end in plan.inputs[key].items()}
    return f'        ("{key}", {cls.__name__}({_config(cls, node)}), {wires!r}),'


def _value(plan: Plan, node: str, port: str) -> str:
    return f'batch["{node}", "{port}"]' if node in plan.sample_nodes else _variable(node, port)


def _arguments(plan: Plan, key: str) -> str:
    return ", ".join(f"{port}={_value(plan, end.node, end.port)}" for port, end in plan.inputs[key].items())


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


def _losses(plan: Plan) -> str:
    """The objectives' losses, and those of the opponents that play."""
    losses = [f'"{_name(key)}": {_variable(key, "loss")}' for key in plan.objectives]
    opposing = [
        f'"{_name(key)}_discriminator": self.{_name(key)}.opposing({_arguments(plan, key)})'
        for key in plan.objectives
        if getattr(_class_of(plan, key), "opposed", False)
    ]
    if not opposing:
        return "{" + ", ".join(losses) + "}"
    playing = "{" + ", ".join(opposing) + "}"
    return "{" + ", ".join(losses) + f", **{{k: v for k, v in {playing}.items() if v is not None}}}}"


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


def _clip(plan: Plan) -> str:
    knobs = plan.document.recipe.callbacks.get("clipping")
    if knobs is None:
        return ""
    return f"            nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], {knobs.get('norm', 1.0)})\n"
