"""The parts of an exported script: its head, and for one task and for several the data, the model's forward and the loop."""

from __future__ import annotations

HEAD = '''"""{name}

{note}
Exported from Crossmodal Studio. Run it with the studio installed: python {file}
{left_out}"""

import math

import torch
from torch import nn

{imports}
{constants}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# ---- data: per sample, the same samples for any number of workers ------------------------------------------------

{data}

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

{forward}

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


{main}

if __name__ == "__main__":
    main()
'''

ONE_CONSTANTS = """STEPS, BATCH, SEED = {steps}, {batch}, {seed}
WAY = {way}  # which samples come together"""

ONE_DATA = """data = SampleGraph(
    parts=(
{parts}
    ),
    wanted={wanted},
)
data.prepare()  # opens the source and learns the vocabulary on the training split
train = data.source.splits()["train"]
"""

ONE_FORWARD = """    def forward(self, batch):
{forward}
        return {losses}
"""

ONE_MAIN = """def main():
    first = on_device(next(iter(batches(data, train, BATCH, way=WAY, seed=SEED, workers=0))))
    model = Model({{key: widest(value) for key, value in first.items()}}).to(DEVICE)
    for name in FROZEN:
        getattr(model, name).requires_grad_(False).eval()
    optimizer = {optimizer}
    step, epoch = 0, 0
    while step < STEPS:
        for batch in batches(data, train, BATCH, way=WAY, seed=SEED, epoch=epoch, workers=0):
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
"""

SEVERAL_CONSTANTS = """STEPS, SEED = {steps}, {seed}
BATCH = {batch}  # samples in one step of each task
SEEDS = {seeds}  # each task has an order of its own
MIX = {mix}
WAY = {way}  # which samples come together"""

SEVERAL_DATA = '''PARTS = {{  # what two tasks share is one object: it learns once, on the training samples of both
{parts}
}}
data = SampleGraphs(
    {{
{graphs}
    }},
    order={order},
)
data.prepare()  # opens the sources and learns the vocabulary on the training splits


def endless(task):
    """A task's batches, epoch after epoch."""
    train, epoch = data[task].source.splits()["train"], 0
    while True:
        yield from batches(data[task], train, BATCH[task], way=WAY, seed=SEEDS[task], epoch=epoch, workers=0)
        epoch += 1
'''

SEVERAL_FORWARD = """    def forward(self, task, batch):
        return {{{tasks}}}[task](batch)

{forwards}
"""

SEVERAL_MAIN = """def main():
    first = {{}}
    for task in data:
        first.update(on_device(next(batches(data[task], data[task].source.splits()["train"], 2, workers=0))))
    model = Model({{key: widest(value) for key, value in first.items()}}).to(DEVICE)
    for name in FROZEN:
        getattr(model, name).requires_grad_(False).eval()
    optimizer = {optimizer}
    turn = {{task: endless(task) for task in data}}
    for step in range(STEPS):
        shares = {{task: share for task, share in shares_at(MIX, tuple(data), step, STEPS).items() if share > 0}}
        if MIX.turns == ONE:
            shares = {{drawn(MIX, tuple(data), SEED, step, STEPS): 1.0}}
        for block in model.modules():
            if isinstance(block, Block):
                block.set_progress(step / STEPS)
        total = 0.0
        for number, (task, share) in enumerate(shares.items()):
            torch.manual_seed(node_seed(SEED, f"step/{{step}}/{{task}}" if number else f"step/{{step}}"))
            losses = model(task, on_device(next(turn[task])))
            loss = share * torch.stack([loss.float() for loss in losses.values()]).sum()
            loss.backward()
            total += loss.item()
{clip}        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * factor(step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        for block in model.children():
            block.after_update()  # keeps the temperature in its range; keys go into a queue
        print(f"step {{step + 1}} loss {{total:.6f}}", flush=True)
    for task in turn.values():
        task.close()
    torch.save(model.state_dict(), "{file_stem}.pt")
"""
