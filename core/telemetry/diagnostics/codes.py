"""How a code book is used: on the same held-out images every time, in a forward of its own, so that steps can be compared.

Series ``codes/<node>`` (with ``/<book>`` behind it where a token has several codes): the counts, and as figures ``use`` (share of codes that
are chosen at all), ``perplexity`` (exp of the entropy of use: how many codes would do, used evenly), ``dead``, ``bits`` a pixel at the
length that all codes have, and ``entropy bits`` a pixel, what a perfect entropy coder would need. ``code book/<node>`` is one picture: what every
code looks like, drawn alone, in order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import Codes, Pictures, Scalars

MOST_DRAWN = 4096  # codes of a picture


@diagnostics.register("codes")
class CodeUse(Diagnostic):
    """Use, perplexity and dead codes of every quantizer, and what its codes look like."""

    title = "Code book"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often, and on how many images."""

        every: int = knob(
            50, "Count at every n-th step, at the first and at the last.", low=1, high=100_000, unit="steps"
        )
        samples: int = knob(128, "Held-out images whose codes are counted.", low=1, high=2048, unit="samples")
        drawn: int = knob(
            5,
            "Draw every code at every n-th count, at the first and at the last; 0: never.",
            low=0,
            high=1000,
            title="Draw codes",
        )

    def step_ended(self, run: Watched) -> None:
        """Now and then, and at the first and the last step."""
        step, last = run.position.step, run.plan.document.recipe.steps
        if not self.is_due(run):
            return
        draws = bool(self.config.drawn) and (step in (1, last) or step % (self.config.every * self.config.drawn) == 0)
        for task in run.each_task():
            batch = run.feed.fixed_examples(self.config.samples)
            for codec in run.experiment.codecs():
                if codec.quantizer in task.batch_nodes:
                    self._look(run, codec, run.experiment.encoded(codec, batch), batch, draws)

    def _look(self, run: Watched, codec: Any, codes: Any, batch: Any, draws: bool) -> None:
        ids = codes.ids_BN if codes.mask_BN is None else codes.ids_BN[codes.mask_BN]
        counts = torch.bincount(ids.flatten(), minlength=codes.vocabulary).cpu().numpy()
        node, start = run.named(codec.quantizer), 0
        for book, size in enumerate(codes.books):
            name = node if len(codes.books) == 1 else f"{node}/{book + 1}"
            share = run.experiment.node(codec.quantizer).dead_share
            self._say(run, name, counts[start : start + size], share, _pixels(batch, codec))
            if draws and codec.image is not None and codes.grid is not None and size <= MOST_DRAWN:
                drawn = run.experiment.patches(codec, book, codes.grid, codes.ids_BN.device)
                run.say(
                    Pictures(
                        at=run.at(), series=f"code book/{name}", pictures=sheet(drawn.cpu().numpy())[None], seeds=(0,)
                    )
                )
            start += size

    def _say(self, run: Watched, name: str, counts: NDArray[np.int64], dead_share: float, pixels: int) -> None:
        found = figures(counts, dead_share, pixels)
        run.say(
            Codes(
                at=run.at(), series=f"codes/{name}", counts=counts.astype(np.uint32), perplexity=found["perplexity"],
                dead=int(found["dead"]), bits=found["bits"],
            )
        )  # fmt: skip
        run.say(Scalars(at=run.at(), values={f"codes/{name}/{figure}": value for figure, value in found.items()}))


def figures(counts: NDArray[np.int64], dead_share: float, pixels: int) -> dict[str, float]:
    """Of the counts of a book's codes over so many pixels. A code is dead below a share of uniform use, or never used."""
    total, size = int(counts.sum()), len(counts)
    share = counts[counts > 0] / max(total, 1)
    entropy = float(-(share * np.log(share)).sum())
    a_pixel = total / pixels if pixels else 0.0
    return {
        "use": float((counts > 0).mean()), "perplexity": math.exp(entropy),
        "dead": float((counts < max(dead_share * total / size, 1e-9)).sum()), "bits": a_pixel * math.log2(size),
        "entropy bits": a_pixel * entropy / math.log(2),
    }  # fmt: skip


def _pixels(batch: Any, codec: Any) -> int:
    """Pixels of all images that were counted; 0 where the tokens are not of images that the batch carries."""
    image = batch.get(codec.original)
    return 0 if image is None else int(image.shape[0] * image.shape[-2] * image.shape[-1])


def sheet(patches_KCHW: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Patches in [0, 1] side by side in order, as bytes [H, W, C]; as nearly square as whole rows allow, black behind the last."""
    count, channels, height, width = patches_KCHW.shape
    columns, rows = sheet_shape(count)
    cells = np.zeros((rows * columns, channels, height, width), dtype=np.uint8)
    cells[:count] = np.rint(np.nan_to_num(patches_KCHW).clip(0, 1) * 255)
    grid = cells.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(grid.reshape(rows * height, columns * width, channels))


def sheet_shape(count: int) -> Sequence[int]:
    """Columns and rows of so many patches."""
    columns = math.ceil(math.sqrt(count))
    return columns, -(-count // columns)
