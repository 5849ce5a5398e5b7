"""Training on short videos after their first epoch: how busy the loader leaves what computes.

Clips as in lpc_sprites are made here (64 px, 10 a second, about a second long) and trained on by the blocks of the example
``video_actions`` with its jitter. One run takes its epochs in turn: one by the loader as in any run, one from the same batches lying in
memory. Processor time of the process, the loader's thread in it: so much of a single core is the training's, and with a second core for
the loader no less; and the share of the time on the clock in which a step waits for its batch, the beginning of the epoch in it, when
none is ready. Wanted: at least 95 % of both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from core.compiler.compile import compile
from core.compiler.feed import Batch, sample_graphs
from core.graph import edits
from core.graph.document import Document, End
from core.telemetry.events import Event
from core.training.callback import Callback
from core.training.running import Running
from core.training.trainer import Trainer
from studio.benches.figure import Figure

title = "Training on short videos after the first epoch"
CLIPS, FRAMES, EDGE, RATE, CLASSES = 256, 13, 64, 10, 4
BATCH, ROUNDS = 32, 3


def measure() -> list[Figure]:
    """Shares of the time, and milliseconds a step."""
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder))
        return busy(drawing(folder))


def busy(document: Document) -> list[Figure]:
    """The same of any drawing with one task."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        plan = compile(document)
        graph = sample_graphs(plan)
        graph.prepare()
        turns = Turns()
        trainer = Trainer(plan, graph, device=torch.device("cpu"), listener=Unheard())
        trainer.callbacks.append(turns)
        trainer.train()
        graph.close()
    finally:
        torch.set_num_threads(threads)
    return turns.figures()


class Unheard:
    """What the run says goes nowhere."""

    def say(self, event: Event) -> None:
        """Nothing."""


class Turns(Callback):
    """After the first epoch hands out batches by the loader and from memory in turn, and takes the time of each epoch."""

    order = 10_000

    def __init__(self) -> None:
        super().__init__(self.Config())
        self._kept: list[tuple[Batch, list[int]]] = []
        self._epoch, self._since, self._worked = 0, 0.0, 0.0
        self._clock: dict[int, float] = {}  # seconds by epoch: on the clock,
        self._processor: dict[int, float] = {}  # of the processor,
        self._waited: dict[int, float] = {}  # and until batches were there
        self._steps = 0  # of an epoch

    def began(self, run: Running) -> None:
        """From now on batches come from here."""
        load = run.feed.next

        def handed(epoch: int, batch: int) -> tuple[Batch, list[int]]:
            began = time.perf_counter()
            if epoch != self._epoch:
                self._epoch, self._since, self._worked = epoch, began, time.process_time()
            if _from_memory(epoch):
                return self._kept[batch]
            made = load(epoch, batch)
            self._waited[epoch] = self._waited.get(epoch, 0.0) + time.perf_counter() - began
            if epoch == 1:
                self._kept.append(made)
            return made

        run.feed.next = handed  # type: ignore[method-assign]

    def step_ended(self, run: Running) -> None:
        """All of an epoch up to here."""
        self._clock[self._epoch] = time.perf_counter() - self._since
        self._processor[self._epoch] = time.process_time() - self._worked
        self._steps = max(self._steps, len(self._kept))

    def figures(self) -> list[Figure]:
        """Pairs of an epoch from memory and the loader's before it."""
        pairs = [(epoch - 1, epoch) for epoch in self._clock if _from_memory(epoch)]
        share = statistics.median(self._processor[lying] / self._processor[loaded] for loaded, lying in pairs)
        waited = statistics.median(self._waited[loaded] / self._clock[loaded] for loaded, _ in pairs)
        step = statistics.median(self._processor[lying] for _, lying in pairs) / self._steps
        return [
            Figure(name="processor time: a step from memory / a step by the loader", value=share, least=0.95),
            Figure(name="share of the clock in which no step waits for its batch", value=1 - waited, least=0.95),
            Figure(name="a step from memory", value=1000 * step, unit="ms"),
        ]


def _from_memory(epoch: int) -> bool:
    return epoch > 0 and epoch % 2 == 0


def drawing(folder: str, clips: int = CLIPS, **knobs: Any) -> Document:
    """Blocks of ``video_actions`` on a folder of videos by class."""
    document = Document(name="bench")
    blocks: list[tuple[str, dict[str, Any]]] = [
        ("sources.videos", {"folder": folder, **knobs}),
        ("transforms.sample_frames", {"frames": 8, "size": EDGE, "jitter": 0.5}),
        ("encoders.video_cnn", {"width": 16, "stages": 3, "kind": "(2+1)d"}),
        ("connectors.pool", {"how": "attention"}), ("objectives.classification", {"classes": CLASSES}),
    ]  # fmt: skip
    for block, settings in blocks:
        document, _ = edits.add_node(document, block, 0.0, 0.0, settings)
    for source, target in (
        ("videos.clip", "sample_frames.clip"), ("sample_frames.video", "video_cnn.video"), ("video_cnn.tokens", "pool.tokens"),
        ("pool.embedding", "classification.embedding"), ("videos.classes", "classification.classes"),
    ):  # fmt: skip
        (a, out), (b, into) = source.split("."), target.split(".")
        document = edits.connect(document, End(node=a, port=out), End(node=b, port=into))
    epochs = 1 + 2 * ROUNDS
    return edits.set_recipe(
        document, steps=epochs * (clips // BATCH), batch_size=BATCH, callbacks={}, diagnostics={}, threads=1
    )


def _write(folder: Path) -> None:
    """A square that moves in one of four ways before a cloth of its own."""
    draw = np.random.default_rng(0)
    ways = ((0, 2), (0, -2), (2, 0), (-2, 0))
    for number in range(CLIPS):
        kind = number % CLASSES
        file = folder / f"class{kind}" / f"{number:04d}.mp4"
        file.parent.mkdir(exist_ok=True)
        ground = draw.integers(0, 200, (EDGE, EDGE, 3), dtype=np.uint8)
        with av.open(str(file), "w") as container:
            stream = container.add_stream("libx264", rate=RATE, options={"crf": "20"})
            stream.width, stream.height, stream.pix_fmt = EDGE, EDGE, "yuv420p"
            for moment in range(FRAMES):
                picture = ground.copy()
                top, left = (26 + step * (moment - FRAMES // 2) for step in ways[kind])
                picture[top : top + 12, left : left + 12] = 255
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(stream.encode())
