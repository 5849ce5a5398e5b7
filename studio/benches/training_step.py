"""A training step of a small CLIP, beside open_clip's model and loss at the same size, step by step in turn.

Both see the same batches, made before: a ViT (64 px, patch 8, width 192, 6 layers) and a causal text transformer (width
128, 4 layers), 64 pairs, symmetric InfoNCE, AdamW. Ours is the trainer's own loop with a recorder and every diagnostic of a
new document listening. Processor time of the whole process, one torch thread. Wanted: at most 0.85 of theirs. Ours leaves
out what nobody reads: padding behind the longest sentence of a batch, and all tokens but CLS in the picture tower's last layer.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from core.blocks.values import widest
from core.compiler.compile import compile
from core.compiler.feed import Batch, sample_graphs
from core.graph import edits
from core.graph.document import Document, End
from core.graph.file import dumps
from core.store.database import Store
from core.store.library import Library
from core.telemetry.events import Listener
from core.training.callback import Callback
from core.training.running import Running
from core.training.trainer import Trainer
from studio.benches.figure import Figure
from studio.benches.open_clip_alone import load

title = "A training step, beside open_clip"
IMAGE, PATCH, WIDTH, LAYERS, HEADS = 64, 8, 192, 6, 3
TEXT_WIDTH, TEXT_LAYERS, TEXT_HEADS, LENGTH, SHARED = 128, 4, 2, 24, 128
BATCH, BATCHES, STEPS, WARM = 64, 4, 60, 10


def measure() -> list[Figure]:
    """Milliseconds a step of both, their ratio, and how far apart their parameter counts are."""
    found = load()
    if found is None:
        return [Figure(name="open_clip is not installed; nothing to compare with", value=0.0)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _measure(Path(folder), *found)
    finally:
        torch.set_num_threads(threads)


def _measure(folder: Path, model: Any, loss: Any) -> list[Figure]:
    document = drawing()
    store = Store.open(folder / "bench.db")
    library = Library(store)
    recorder = library.recorder(library.create_run("bench", dumps(document)).uid)
    trainer = prepared(document, recorder)
    batch = trainer.feed.next(0, 0)[0]
    theirs = their_step(model, loss, batch)
    turns = Turns(theirs.step, [trainer.feed.next(0, number)[0] for number in range(BATCHES)])
    trainer.callbacks.append(turns)
    trainer.train()
    recorder.close()
    trainer.graph.close()
    store.close()
    ours_ms, theirs_ms = (1000 * _typical(times[WARM:]) for times in (turns.ours, turns.theirs))
    own = sum(p.numel() for p in trainer.experiment.parameters())
    return [
        Figure(name="processor time of our step / theirs", value=ours_ms / theirs_ms, most=0.85),
        Figure(name="our step", value=ours_ms, unit="ms"),
        Figure(name="open_clip's step", value=theirs_ms, unit="ms"),
        Figure(name="our parameters / theirs", value=own / theirs.parameters),
    ]


class TheirStep:
    """open_clip's model, loss and the same optimiser."""

    def __init__(self, model: torch.nn.Module, loss: Any) -> None:
        self._model, self._loss = model, loss
        self._optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
        self.parameters = sum(p.numel() for p in model.parameters())

    def step(self, batch: Batch) -> None:
        """One step as in open_clip_train: zero, forward, loss, backward, update, clamp."""
        self._optimizer.zero_grad(set_to_none=True)
        text = widest(batch[End(node="tokenizer", port="text")])  # theirs has one length
        image, ids = batch[End(node="emoji", port="image")], text.ids_BL
        left, right, scale = self._model(image, ids)
        loss = self._loss(left, right, scale)
        loss.backward()
        self._optimizer.step()
        with torch.no_grad():
            self._model.logit_scale.clamp_(0, 4.6052)  # type: ignore[operator,union-attr]
        float(loss.detach())


def their_step(model: Any, loss: Any, batch: Batch) -> TheirStep:
    """open_clip's CLIP of the drawing's size."""
    vision = model.CLIPVisionCfg(
        layers=LAYERS, width=WIDTH, head_width=WIDTH // HEADS, patch_size=PATCH, image_size=IMAGE
    )
    vocabulary = batch[End(node="tokenizer", port="text")].vocabulary
    text = model.CLIPTextCfg(
        context_length=LENGTH, vocab_size=vocabulary, width=TEXT_WIDTH, heads=TEXT_HEADS, layers=TEXT_LAYERS
    )
    return TheirStep(model.CLIP(SHARED, vision, text), loss.ClipLoss())


class Turns(Callback):
    """Takes their step after each of ours, and both times; ours is everything between two of theirs."""

    order = 10_000

    def __init__(self, theirs: Callable[[Batch], None], batches: list[Batch]) -> None:
        super().__init__(self.Config())
        self._theirs, self._batches = theirs, itertools.cycle(batches)
        self._since = 0.0
        self.ours: list[float] = []
        self.theirs: list[float] = []

    def began(self, run: Running) -> None:
        """Both see made batches only; the loop's own look-up stays."""
        indices = run.feed.splits["train"][:BATCH]
        run.feed.next = lambda epoch, batch: (next(self._batches), list(indices))  # type: ignore[method-assign]
        self._since = time.process_time()

    def step_ended(self, run: Running) -> None:
        """Diagnostics that look at the end of a step count into the next one of ours."""
        began = time.process_time()
        self._theirs(run.batch)
        ended = time.process_time()
        self.ours.append(began - self._since)
        self.theirs.append(ended - began)
        self._since = ended


def prepared(document: Document, listener: Listener) -> Trainer:
    """A trainer of the drawing, its data open."""
    plan = compile(document)
    graph = sample_graphs(plan)
    graph.prepare()
    return Trainer(plan, graph, device=torch.device("cpu"), listener=listener)


def drawing() -> Document:
    """The same towers as blocks; diagnostics as a new document has them, no callbacks."""
    document = Document(name="bench")
    blocks: list[tuple[str, dict[str, Any]]] = [
        ("sources.emoji", {"image_size": IMAGE, "second_artist": "none"}),
        ("transforms.tokenizer", {"length": LENGTH}),
        ("encoders.vit", {"patch_size": PATCH, "width": WIDTH, "depth": LAYERS, "heads": HEADS}),
        ("encoders.text_transformer", {"width": TEXT_WIDTH, "depth": TEXT_LAYERS, "heads": TEXT_HEADS,
                                       "dropout": 0.0, "causal": True}),
        ("connectors.pool", {"how": "cls"}), ("connectors.pool", {"how": "last"}),
        ("connectors.projection", {"width": SHARED}), ("connectors.projection", {"width": SHARED}),
        ("objectives.info_nce", {}),
    ]  # fmt: skip
    for block, knobs in blocks:
        document, _ = edits.add_node(document, block, 0.0, 0.0, knobs)
    for source, target in (
        ("emoji.image", "vit.image"), ("vit.tokens", "pool.tokens"), ("pool.embedding", "projection.embedding"),
        ("projection.embedding", "info_nce.left"), ("emoji.sentence", "tokenizer.sentence"),
        ("tokenizer.text", "text_transformer.text"), ("text_transformer.tokens", "pool_2.tokens"),
        ("pool_2.embedding", "projection_2.embedding"), ("projection_2.embedding", "info_nce.right"),
    ):  # fmt: skip
        (a, out), (b, into) = source.split("."), target.split(".")
        document = edits.connect(document, End(node=a, port=out), End(node=b, port=into))
    return edits.set_recipe(document, steps=STEPS, batch_size=BATCH, callbacks={}, threads=1)


def _typical(times: list[float]) -> float:
    """The mean: diagnostics come at every n-th step, and their cost belongs to the whole."""
    return sum(times) / len(times)
