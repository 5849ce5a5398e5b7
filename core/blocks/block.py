"""The base of every node that runs per batch on the device.

A block is one file: a class with ``title``, ``takes``, ``gives``, a nested ``Config`` of knobs and a docstring whose
first line says what it is for, followed by its papers (``arXiv:2204.14198``). Palette entry, form, file format, shape
check, help and tests follow from the class. Sizes that the wires already say (an incoming width, a vocabulary) are
not knobs: ``__init__`` receives the incoming values on meta tensors and reads them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.utils import _pytree as pytree

from core.blocks.attention.core import recording
from core.blocks.attention.kept import KeptKeys
from core.blocks.times import Marked
from core.blocks.wish import Wish
from core.graph.ports import Port
from core.knobs import in_words
from core.problems import Problem


class Block(nn.Module):
    """One kind of node."""

    key: ClassVar[str]
    title: ClassVar[str] = ""
    modality: ClassVar[str] = "any"
    takes: ClassVar[Mapping[str, Port]] = {}
    gives: ClassVar[Mapping[str, Port]] = {}
    repeatable: ClassVar[bool] = False
    mixes_samples: ClassVar[bool] = (
        False  # what it gives compares the samples of a batch: chunks of it are another thing
    )
    in_float32: ClassVar[bool] = False  # runs outside autocast, on float32: what compares and sums over a batch
    batch_losses: ClassVar[tuple[str, ...]] = ()  # ports of losses that compare samples though the block does not
    counts: ClassVar[tuple[str, ...]] = ()  # ports that ``counted`` reads, where its loss is not a mean over samples
    causal_when: ClassVar[Mapping[str, Any] | None] = (
        None  # knobs with which no place hangs on later ones; None: none are
    )
    exact: ClassVar[bool] = True  # computes in float64 throughout where weights and inputs are
    reads_packs: ClassVar[bool] = False  # takes rows that hold several documents; others get each in a row of its own
    streams_apart: ClassVar[bool] = False  # when evaluated, a stream hangs only on what came in under its own name
    hangs_on: ClassVar[
        Mapping[str, tuple[str, ...]]
    ] = {}  # outgoing port -> the incoming ones that it alone hangs on; else on all
    any_size: ClassVar[bool] = False  # takes images of another size than those it was built for
    reconstructs: ClassVar[
        Mapping[str, str]
    ] = {}  # an image or waveform given -> the port taken that it is made from, or the given one that it should equal
    learns: ClassVar[tuple[str, ...]] = ()  # ports that only training reads: what it makes does not hang on them
    is_guided: ClassVar[bool] = False  # what it makes can be moved towards its condition, while it is made
    hertz: int = 0  # of a waveform that it makes
    progress: float = 0.0  # share of the run that is done, set before every step

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """A block without knobs."""

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        """``incoming``: values on the incoming ports (meta or real tensors); an unwired optional port is absent."""
        super().__init__()
        self.config = in_words(config)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.takes = MappingProxyType({name: replace(port, name=name) for name, port in cls.takes.items()})
        cls.gives = MappingProxyType({name: replace(port, name=name) for name, port in cls.gives.items()})

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Small real inputs to try the block on, by port name."""
        raise NotImplementedError(f"{cls.__name__}.example() must give small inputs")

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Knob values that make the block small for tests; empty where the defaults already are."""
        return {}

    @classmethod
    def missing(cls, config: Any) -> Problem | None:
        """What a block with these settings needs and this machine does not have, such as a package's weights."""
        return None

    @classmethod
    def untrained(cls, config: Any) -> str:
        """How to get the pretrained weights that it is built without; empty where it has them, or there are none to have."""
        return ""

    @classmethod
    def freezes_itself(cls, config: Any) -> bool:
        """Whether with these settings its own weights stay as they begin, whatever the recipe's rules say."""
        return False

    def set_progress(self, share: float) -> None:
        """Before every step: which share of the run is done, 0 to 1."""
        self.progress = share

    def make(self, wish: Wish, **incoming: Any) -> dict[str, Any]:
        """What it gives when it is asked to make something; without the ports of ``learns``. Drawn in steps, it tells each."""
        given: dict[str, Any] = self(**incoming)
        return given

    def after_update(self) -> None:
        """Right after an optimiser step: keep parameters in their range, keys in a queue."""

    def readings(self) -> Mapping[str, float | Tensor]:
        """Scalars worth a curve: ``{"temperature": ...}``."""
        return {}

    def counted(self, **incoming: Any) -> Tensor | int:
        """How many things the loss it gives is a mean over, in this batch: parts of a batch are weighed by it.

        Samples where it is not overridden.
        """
        return next(len(leaf) for leaf in pytree.tree_leaves(incoming) if isinstance(leaf, Tensor) and leaf.ndim)

    def curves(self) -> dict[str, float | Tensor]:
        """The readings, and how often kept keys and values were found again where they are kept."""
        kept = [found for module in self.modules() if isinstance(found := getattr(module, "kept", None), KeptKeys)]
        asked = sum(keys.asked for keys in kept)
        hits = {"kept keys found": sum(keys.hits for keys in kept) / asked} if asked else {}
        return {**self.readings(), **hits}

    def detail(self) -> str:
        """One short line for the canvas: ``w192 d6 p8``; words in it stand between ``·``, where they are translated."""
        return ""

    def attentions(self) -> Mapping[str, nn.Module]:
        """Attention modules whose maps can be captured, by layer number."""
        return {}

    def meets(self, layer: str) -> tuple[str, str] | None:
        """Ports of the tokens that ask and that are asked in a layer's map; None: what comes in or goes out is alone, and tells."""
        return None

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A forward that also gives attention maps [B, heads, queries, keys] by layer, rows summing to one."""
        modules = dict(self.attentions())
        with recording(modules) as maps:
            given = self(**incoming)
        return given, {layer: rows[-1] for layer, rows in maps.items() if rows}


@dataclass(frozen=True, kw_only=True, eq=False)
class Synced:
    """How two streams of clips lie in time, as an objective finds it."""

    alike_BTS: Tensor  # each frame of the first with each of the second, -1 to 1
    time_BT: Tensor  # seconds of both streams' frames
    found_B: Tensor  # seconds by which the second is late
    sure_B: Tensor  # probability
    least: float  # from which on an offset is said
    true_B: Tensor | None = None  # where that is known


class Objective(Block):
    """A block that gives a loss. ``pairs`` names two incoming ports whose similarity is worth watching."""

    pairs: ClassVar[tuple[str, str] | None] = None
    in_float32 = True
    opposed: ClassVar[bool] = False  # something learns against this objective: see ``opposing``

    def opposing(self, **incoming: Any) -> Tensor | None:
        """The loss of an opponent that learns against this objective: no gradient of it reaches what comes in.

        None where there is no opponent, or it does not play yet. Its parameters are those of ``opponent``; the
        objective's own loss takes them as constants.
        """
        return None

    def score_tables(self, left: Any, right: Any) -> tuple[Tensor, Tensor]:
        """What held-out samples are ranked by: every left [N] against every right [M], and every right against every left."""
        table_NM = left @ right.T
        return table_NM, table_NM.T

    def own_ranks(self, **incoming: Any) -> tuple[str, Tensor, Tensor] | None:
        """A question that each sample answers by itself: its name, the rank of the right answer and how many there are, [B]."""
        return None

    def answers(self, **incoming: Any) -> dict[str, Tensor]:
        """What this objective's own held-out scores are made of, one row an item; batches are put one after another."""
        return {}

    def marked(self, **incoming: Any) -> dict[str, list[list[Marked]]]:
        """Spans of each sample's time: those it finds under the name ``""``, those it was told under ``true``."""
        return {}

    def synced(self, **incoming: Any) -> Synced | None:
        """How the two streams of each sample lie in time, of an objective that compares some."""
        return None

    def chances(self, **incoming: Any) -> Tensor | None:
        """What several looks at a sample are averaged by, one row for each of ``answers`` [A, K]; None where there is nothing."""
        return None

    def averaged(self, answers: Mapping[str, Tensor], chances_AK: Tensor) -> dict[str, Tensor]:
        """The answers once the chances are the mean of several looks."""
        raise NotImplementedError

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Scores of a whole split by name, each beside its chance level (``accuracy``, ``chance accuracy``)."""
        return {}
