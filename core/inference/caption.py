"""Caption: a sentence about an image, a sound or a film, word by word, with where each word looked.

Greedy, drawn from a seed, or by beams; the same seed gives the same sentence on any device. A look is a word's attention over the image
tokens as shares, mean over layers and heads; where a connector stands between that gives tokens of its own, through that connector's
last look at the image. Axes: L subwords written, P tokens before them, N image tokens, h w rows and columns of patches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.attention.core import recording
from core.blocks.generators.beams import beamed
from core.blocks.generators.writing import Beginning, Way, likelihoods, pieces
from core.blocks.values import Grid, Tokens
from core.compiler.answers.answerable import NO_CAPTION, NOT_ABOUT_FILM, NOTHING_WRITTEN, answerable
from core.compiler.answers.writing import Writer, beginning, brackets, decoder_of, tokenizer_of, writers
from core.compiler.plan import Task
from core.data.base import Transform
from core.graph.document import End
from core.inference.answering import Progress, go_on
from core.inference.trained import Trained
from core.problems import Refused, refuse

GREEDY = Way()
PLACES = ("patches", "bins", "times", "frames")  # grids of an image, of bands over time, of time alone, of a film


@dataclass(frozen=True, kw_only=True)
class Word:
    """A subword that was written, and where it looked."""

    text: str
    look_HW: (
        NDArray[np.float32] | None
    )  # shares of the image's patches, or of a sound's bands (the highest first) and times; None where that cannot be told
    look_Thw: NDArray[np.float32] | None = None  # of a film: shares of the cells of every frame


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A sentence about an image or a sound."""

    sentence: str
    words: tuple[Word, ...]
    log_probability: float  # of the whole sentence, its end included
    is_whole: bool  # it came to its end by itself


@torch.no_grad()
def caption(
    trained: Trained, picture: Path | None = None, *, sound: Path | None = None, film: Path | None = None,
    index: int | None = None, way: Way = GREEDY, seed: int = 0, progress: Progress | None = None, wrote: Callable[[str], None] | None = None,
) -> Caption:  # fmt: skip
    """About an image file, an audio file, a video, or a sample of the data. ``wrote`` is told the sentence after every subword.

    Raises Refused; Cancelled with the caption as far as it had come.
    """
    if (reason := answerable(trained.plan)["caption"]) is not None:
        raise Refused(reason)
    files = {"image": picture, "audio": sound, "video": film}
    if index is None and not any(files.values()):
        raise refuse("There is no image to write about.", hint="Choose an image.")
    kinds = [kind for kind, file in files.items() if file is not None] or list(files)
    writer = next((writer for writer in writers(trained.plan) if writer.modality in kinds), None)
    if writer is None:
        raise Refused({"audio": NOTHING_WRITTEN, "video": NOT_ABOUT_FILM}.get(kinds[0], NO_CAPTION))
    task = trained.plan.tasks_with(writer.node)[0]
    given = trained.given(picture=picture, sound=sound, film=film, index=index, task=task)
    writing = Writing(trained, writer, task, trained.batch(given, task))
    return writing.beamed(way) if way.beams > 1 else writing.drawn(way, seed, progress, wrote)


class Writing:
    """A decoder before one image or sound."""

    def __init__(self, trained: Trained, writer: Writer, task: Task, batch: dict[End, Any]) -> None:
        assert writer.about is not None
        self._trained, self._writer, self._batch = trained, writer, batch
        self.decoder = decoder_of(writer, trained.experiment)
        self.tokenizer: Transform = tokenizer_of(writer.tokenizer, trained.graphs[task.source])
        self.start, self.end = brackets(self.tokenizer)
        self.about: Tokens = self.decoder.about(trained.experiment.run(batch, [writer.about.node])[writer.about])
        self.beginning: Beginning = beginning(self.about, 1, self.start, trained.device)

    def drawn(self, way: Way, seed: int, progress: Progress | None, wrote: Callable[[str], None] | None) -> Caption:
        """Piece after piece."""
        said: list[int] = []
        for (piece,) in pieces(self.decoder.speaker(), self.beginning, way, [seed], self.end):
            said.append(piece)
            if wrote is not None and piece != self.end:
                wrote(self.tokenizer.decode(said))
            go_on(progress, len(said), way.most, lambda: self.told(said))
        return self.told(said)

    def beamed(self, way: Way) -> Caption:
        """The best of several."""
        return self.told(list(beamed(self.decoder.speaker(), self.beginning, way, self.end)[0].ids))

    def told(self, said: list[int]) -> Caption:
        """What was written, read once more to see where each piece looked."""
        is_whole = bool(said) and said[-1] == self.end
        ids_BL = torch.tensor([[self.start, *said]], device=self._trained.device)
        real_BL = torch.ones_like(ids_BL, dtype=torch.bool)
        with recording(dict(self.decoder.attentions())) as maps:
            total_B = likelihoods(self.decoder.speaker(), ids_BL, real_BL, self.about)
        before = self.about.x_BND.shape[1]
        rows = torch.stack([self.decoder.looks(rows[-1], before)[0].mean(0) for rows in maps.values()]).mean(0)
        looks_LN = rows[: len(said)].float()  # the piece before says the next
        words = said[:-1] if is_whole else said
        shown = self._over_places(looks_LN)
        found = tuple(
            _looking(self.tokenizer.decode([piece]), None if shown is None else shown[number])
            for number, piece in enumerate(words)
        )
        return Caption(
            sentence=self.tokenizer.decode(words), words=found, log_probability=float(total_B[0]), is_whole=is_whole
        )

    def _over_places(self, looks_LP: Tensor) -> NDArray[np.float32] | None:
        """The looks on the image's patches or the sound's bands and times [L, h, w], or on the cells of a film's frames [L, T, h, w]; None
        where the tokens before the words come of none of them."""
        grid = self.about.grid
        if grid is not None and grid.kind in PLACES:
            return _laid(looks_LP, grid)
        assert self._writer.about is not None
        connector = self._writer.about.node
        source = next(iter(self._trained.plan.inputs[connector].values()), None)
        maps = self._trained.experiment.attention_maps(self._batch)
        own = [rows for name, (rows, _, _) in maps.items() if name.rpartition("/")[0] == connector]
        if source is None or not own or own[-1].shape[-2] != looks_LP.shape[-1]:
            return None
        tokens = self._trained.experiment.run(self._batch, [source.node])[source]
        if not isinstance(tokens, Tokens) or tokens.grid is None or tokens.grid.kind not in PLACES:
            return None
        among_PN = own[-1][0].mean(0).float()[:, : tokens.x_BND.shape[1]]  # latents behind the tokens are left out
        return _laid(looks_LP @ (among_PN / among_PN.sum(-1, keepdim=True).clamp_min(1e-30)), tokens.grid)


def _looking(text: str, look: NDArray[np.float32] | None) -> Word:
    is_film = look is not None and look.ndim == 3
    return Word(text=text, look_HW=None if is_film else look, look_Thw=look if is_film else None)


def _laid(looks_LN: Tensor, grid: Grid) -> NDArray[np.float32]:
    patches = looks_LN[:, grid.extra :]  # CLS stands for no place
    patches = patches / patches.sum(-1, keepdim=True).clamp_min(1e-30)
    sizes = (1, grid.sizes[0]) if grid.kind == "times" else grid.sizes
    laid_Lhw = patches[:, : math.prod(sizes)].unflatten(-1, sizes).cpu().numpy().astype(np.float32)
    return laid_Lhw[:, ::-1].copy() if grid.kind == "bins" else laid_Lhw  # the lowest band comes first
