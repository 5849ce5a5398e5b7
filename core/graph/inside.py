"""What flows out of a node for one sample, and what one step of training does, as plain values a panel can show without torch.

Axes: N tokens, C columns of channels, S samples of a sound, F bands, T frames, H W of an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Weights:
    """With which weights a drawing is looked at: fresh ones of its seed, those of a checkpoint, or those after steps by hand."""

    uid: str = ""  # of the run whose checkpoint it is, or of the steps by hand
    step: int = 0  # of the checkpoint, or how many steps were taken by hand
    folder: str = ""  # of the checkpoint
    by_hand: bool = False

    @property
    def token(self) -> str:
        """Tells one set of weights from another."""
        return (
            f"steps/{self.uid}/{self.step}"
            if self.by_hand
            else f"{self.uid}/{self.step}/{self.folder}"
            if self.folder
            else ""
        )


FRESH = Weights()


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A tensor in figures. Zeros and what is not finite are shares; mean, spread and norm are of what is finite."""

    shape: tuple[int, ...]
    dtype: str
    norm: float
    mean: float
    spread: float  # standard deviation
    least: float
    most: float
    zeros: float
    not_finite: float
    counts: tuple[int, ...] = ()  # a histogram of what is finite,
    edges: tuple[float, ...] = ()  # between these, one more


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbour:
    """A held-out sample whose embedding lies near."""

    cosine: float
    sentence: str
    picture: NDArray[np.uint8] | None = None  # [H, W, 3]


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """What flows out of one port."""

    port: str
    kind: str
    numbers: Numbers | None = None
    sentence: str = ""
    picture: NDArray[np.uint8] | None = None  # [H, W, 3]
    grid: tuple[int, int] | None = None  # rows and columns of tokens over the picture
    heat: NDArray[np.float32] | None = None  # [rows, columns], the norm of each token, over the picture or the bands
    words: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()  # of the words
    lit: tuple[float, ...] = ()  # the norm of each word's token
    samples_S: NDArray[np.float32] | None = None
    hertz: int = 0
    bands_FT: NDArray[np.float32] | None = None
    frames: tuple[NDArray[np.uint8], ...] = ()  # [H, W, 3] each
    starts: tuple[float, ...] = ()  # of the frames, seconds
    channels_NC: NDArray[np.float32] | None = None  # tokens by channels, averaged where there are many
    cosines_NN: NDArray[np.float32] | None = None  # of the tokens among each other
    neighbours: tuple[Neighbour, ...] = ()
    awaits_neighbours: bool = False  # they are still being looked for


@dataclass(frozen=True, kw_only=True)
class NodeCost:
    """What it took to run a node for the sample."""

    node: str
    seconds: float
    weights_bytes: int
    given_bytes: int  # of what flows out
    peak_bytes: int = 0  # on a GPU, while it ran


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be looked at."""

    node: str
    source: str = ""  # whose samples; empty: the first that leads to the node
    split: str = ""  # empty: the held-out split that selects, else the training split
    place: int = 0  # in the split
    weights: Weights = FRESH


@dataclass(frozen=True, kw_only=True, eq=False)
class Inside:
    """A node looked into."""

    wish: Wish  # with the source and the split that were taken
    splits: Mapping[str, int]  # samples by split
    sources: tuple[str, ...]  # that lead to the node
    label: str  # what the sample is said to show
    together: int  # samples that were run at once: more than one where a block compares them
    flows: tuple[Flow, ...]
    costs: tuple[NodeCost, ...]  # of every node that leads to it, in running order
    ran: int  # nodes that were run for it; the others were known
    seed: int


@dataclass(frozen=True, kw_only=True)
class StepTold:
    """One training step that was taken by hand."""

    step: int  # how many have been taken
    before: Mapping[str, float]  # objective -> loss of the batch in the step
    after: Mapping[str, float]  # the same batch and random numbers with the weights behind the step
    gradients: Mapping[str, float]  # node -> norm of the gradient, before anything clips it
    ratios: Mapping[str, float]  # node -> norm of the update by norm of the weights
    samples: int
    seconds: float
    left_out: tuple[str, ...] = field(default_factory=tuple)  # titles of training options that were not used
