"""Documents without random numbers in the towers, and what a few steps of them give: in one process, or in this one of several."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

from core.compiler.sharding import whole
from core.graph import edits
from core.graph.document import Document, End
from core.graph.file import dumps, loads
from core.telemetry.events import LogLine, Scalars
from core.training.processes import average_gradients
from core.training.shared_norm import share_batch_norm
from tests.core.training.running import Said, trainer
from tests.documents import Drawing, tiny_clip

PROCESSES, STEPS = 2, 3


def clip(objective: str = "info_nce", knobs: dict[str, Any] | None = None, **recipe: Any) -> Document:
    """A tiny CLIP whose towers draw no random numbers."""
    document = tiny_clip(steps=STEPS, dropout=0.0, objective=objective, **recipe)
    document = edits.set_knob(document, "vit", "patch_dropout", 0.0)
    for name, value in (knobs or {}).items():
        document = edits.set_knob(document, objective, name, value)
    return document


def two_objectives(document: Document, weight: float = 1.0) -> Document:
    """The same two sides pulled together by a second objective as well."""
    document, other = edits.add_node(document, "objectives.siglip", 0.0, 0.0, {"weight": weight})
    for port, node in (("left", "projection"), ("right", "projection_2")):
        document = edits.connect(document, End(node=node, port="embedding"), End(node=other, port=port))
    return document


def words_and_patches(**recipe: Any) -> Document:
    """Late interaction: sentences of many lengths meet patches."""
    draw = Drawing("late")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.vit", patch_size=4, width=16, depth=1, heads=2, dropout=0.0)
    draw.add("encoders.text_transformer", width=16, depth=1, heads=2, dropout=0.0)
    draw.add("objectives.late_interaction")
    for source, target in (
        ("emoji.image", "vit.image"), ("vit.tokens", "late_interaction.left"), ("emoji.sentence", "tokenizer.sentence"),
        ("tokenizer.text", "text_transformer.text"), ("text_transformer.tokens", "late_interaction.right"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, "steps": STEPS, "batch_size": 16, **recipe}
    return edits.set_recipe(draw.document, **recipe)


def a_normed_step(rows: slice) -> dict[str, torch.Tensor]:
    """Batch norm over some rows of a batch: what it gives, its gradients, and what it keeps for evaluation."""
    torch.manual_seed(5)
    x_BCHW, norm = 2 * torch.randn(8, 3, 4, 4, dtype=torch.float64) + 1, torch.nn.BatchNorm2d(3).double()
    share_batch_norm(norm)
    own = x_BCHW[rows].clone().requires_grad_()
    made = norm(own)
    (made.pow(3) * x_BCHW[rows].cos()).mean().backward()
    average_gradients(norm.parameters())
    assert own.grad is not None
    assert norm.weight.grad is not None
    assert norm.bias.grad is not None
    kept = {name: buffer.double() for name, buffer in norm.named_buffers()}
    return {"made": made.detach(), "images": own.grad, "weight": norm.weight.grad, "bias": norm.bias.grad, **kept}


def matched(**recipe: Any) -> Document:
    """Pairs that belong together and pairs that do not, made of the whole batch, fused and told apart."""
    draw = Drawing("matched")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.vit", patch_size=4, width=16, depth=1, heads=2, dropout=0.0)
    draw.add("encoders.text_transformer", width=16, depth=1, heads=2, dropout=0.0)
    draw.add("fusion.pairs")
    draw.add("fusion.cross_attention", depth=1, heads=2, dropout=0.0)
    draw.add("connectors.pool", how="mean")
    draw.add("objectives.matching")
    for source, target in (
        ("emoji.image", "vit.image"), ("vit.tokens", "pairs.left"), ("emoji.sentence", "tokenizer.sentence"),
        ("tokenizer.text", "text_transformer.text"), ("text_transformer.tokens", "pairs.right"),
        ("pairs.left", "cross_attention.tokens"), ("pairs.right", "cross_attention.context"),
        ("cross_attention.tokens", "pool.tokens"), ("pool.embedding", "matching.embedding"), ("pairs.label", "matching.label"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, "steps": STEPS, "batch_size": 16, **recipe}
    return edits.set_recipe(draw.document, **recipe)


def a_few_steps(document: Document) -> dict[str, Any]:
    """The gradient of the first step, the losses, the buffers and the scores at the end, and what was warned of."""
    run = trainer(document)
    optimizer, first = run.groups.optimizer, dict[str, torch.Tensor]()
    own = optimizer.step

    def step() -> None:
        if not first:
            named = run.experiment.named_parameters()
            first.update({name: whole(p.grad).clone() for name, p in named if p.grad is not None})
        own()

    optimizer.step = step  # type: ignore[method-assign]
    assert run.train() == "finished"
    said = run.listener
    assert isinstance(said, Said)
    values = {name: value for event in said.of(Scalars) for name, value in event.values.items()}
    return {
        "gradients": first, "losses": [loss for _, loss in said.scalars("loss")],
        "buffers": {name: buffer.clone() for name, buffer in run.experiment.named_buffers()},
        "scores": {name: value for name, value in values.items() if name.startswith(("retrieval/", "selection/"))},
        "warned": [line.text for line in said.of(LogLine) if line.level == "warning"],
        "samples": run.position.samples, "drawn": dict(run.drawn), "last": values,
    }  # fmt: skip


def _one(rank: int, meeting: str, folder: str, cases: dict[str, str]) -> None:
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=PROCESSES)
    found: dict[str, Any] = {name: a_few_steps(loads(text)) for name, text in cases.items()}
    part = 8 // PROCESSES
    found["batch norm"] = a_normed_step(slice(rank * part, (rank + 1) * part))
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def in_two(cases: dict[str, Document], folder: Any) -> list[dict[str, Any]]:
    """What each of two processes finds, by case."""
    texts = {name: dumps(document) for name, document in cases.items()}
    multiprocessing.start_processes(
        _one, args=(str(folder / "meeting"), str(folder), texts), nprocs=PROCESSES, start_method="forkserver"
    )
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]
