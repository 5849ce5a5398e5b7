"""What every denoiser that draws images shares: its ports and settings, how it learns, and how it draws.

It learns from images with noise at levels drawn anew for every example; when it is asked to make, it draws one from noise alone,
a random stream an image, guided without a classifier (arXiv:2207.12598). Evaluated, levels and noise are the same at every visit.
Axes: B batch, C H W of an image, M tokens of the condition, D its width, E width of what says time and condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.connectors.pool import example_tokens
from core.blocks.diffusion import conversions
from core.blocks.diffusion.conversions import Estimate
from core.blocks.diffusion.guidance import between, gaussians, guided
from core.blocks.diffusion.layers import TimeEmbedding
from core.blocks.diffusion.paths import NAMES, STRAIGHT, mixed, path
from core.blocks.diffusion.sampling import FIRST, SAMPLERS, run, times
from core.blocks.diffusion.word_maps import WordMaps
from core.blocks.fusion.sides import width_of
from core.blocks.values import Denoising, Tokens
from core.blocks.wish import Wish
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What the image should show, as the network takes it; rows that are blind see the learned nothing alone."""

    vector_BE: Tensor | None = None
    tokens_BMD: Tensor | None = None
    mask_BM: Tensor | None = None


class Diffusion(Block):
    """A network that tells data from noise; a kind of network is a file in ``generators``."""

    modality = "image"
    takes = {
        "image": port("image", "images to learn from, in [0, 1]; not needed to draw"),
        "tokens": port("tokens", "what the image should show, attended to", axes="B M D", optional=True),
        "embedding": port("embedding", "what the image should show, in one vector", optional=True),
    }
    gives = {
        "denoised": port("denoising", "what was predicted beside what is right, for the denoising objective"),
        "image": port("image", "while learning, what it takes the noisy image to be; when asked to make, a drawn one"),
    }
    learns = ("image",)
    is_guided = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """The path, what is predicted on it, and how is drawn."""

        path: str = knob(
            STRAIGHT, "From data to noise: a straight line (rectified flow), or one of the two tables of DDPM.",
            choices=NAMES, title="Noise path",
        )  # fmt: skip
        predicts: str = knob(
            conversions.VELOCITY, "What the network predicts; the others follow from it.", choices=conversions.PREDICTS,
            title="Prediction",
        )  # fmt: skip
        drop: float = knob(
            0.1, "How often an example is learned without its condition; guidance needs some.", low=0, high=1,
            title="Condition dropout",
        )  # fmt: skip
        sampler: str = knob(
            FIRST, "Deterministic: DDIM, on the line Euler. Ancestral: fresh noise at each step. Heun: two evaluations a step.",
            choices=SAMPLERS,
        )  # fmt: skip
        steps: int = knob(20, "Steps from noise to an image.", low=1, high=1000, unit="steps", title="Sampling steps")
        guidance: float = knob(
            3.0, "How far what is drawn is moved towards its condition: 1 as learned, more is closer and less varied, 0 ignores it.",
            low=0, high=30,
        )  # fmt: skip
        clamp: bool = knob(
            True, "Keep the estimated image in its range at every step.", title="Clamp estimates", advanced=True
        )
        time_mean: float = knob(
            0.0, "Levels to learn from, on the line: mean of their logit (arXiv:2403.03206); above 0 is noisier.",
            low=-5, high=5, advanced=True, title="Level mean",
        )  # fmt: skip
        time_spread: float = knob(
            1.0, "Levels to learn from, on the line: spread of their logit.", low=0.01, high=10, advanced=True,
            title="Level spread",
        )  # fmt: skip

    def __init__(self, config: Any, incoming: Mapping[str, Any], vector: int) -> None:
        super().__init__(config, incoming)
        if config.path == STRAIGHT and config.predicts == conversions.NOISE:
            raise refuse(
                "On the straight line the image cannot be told from the predicted noise where there is nothing but noise.",
                hint="Predict the velocity, or choose another noise path.",
            )
        self.form = tuple(int(edge) for edge in incoming["image"].shape[1:])  # C, H, W
        self.path = path(config.path)
        self.time = TimeEmbedding(vector)
        self.embed: nn.Linear | None = None
        self.context: int | None = None  # width of the condition's tokens
        if "embedding" in incoming:
            width = int(incoming["embedding"].shape[-1])
            self.embed, self.no_embedding = nn.Linear(width, vector), nn.Parameter(torch.zeros(width))
        if "tokens" in incoming:
            self.context = width_of(incoming["tokens"])
            self.no_token = nn.Parameter(0.02 * torch.randn(self.context))

    def network(self, z_BCHW: Tensor, vector_BE: Tensor, condition: Condition) -> Tensor:
        """The prediction at noisy images."""
        raise NotImplementedError

    def forward(self, image: Tensor, tokens: Tokens | None = None, embedding: Tensor | None = None) -> dict[str, Any]:
        """[B, C, H, W] with noise at drawn levels, and what is said of it."""
        x_BCHW = 2 * image - 1
        gauss_B, noise_BCHW, seen_B = self._drawn(x_BCHW)
        on_line = self.config.path == STRAIGHT
        time_B = self.path.drawn(self.config.time_mean + self.config.time_spread * gauss_B if on_line else gauss_B)
        level = self.path.at(time_B)
        z_BCHW = mixed(x_BCHW, noise_BCHW, level)
        right = conversions.of_pair(x_BCHW, noise_BCHW, level)
        said = self._said(z_BCHW, time_B, self._condition(len(image), tokens, embedding, seen_B))
        data_BCHW = conversions.of_prediction(said, z_BCHW, level, self.config.predicts).data
        denoised = Denoising(
            prediction_BCHW=said, target_BCHW=conversions.wanted(right, self.config.predicts),
            cost_B=conversions.cost_of(level, self.config.predicts), ratio_B=level.signal_to_noise, time_B=time_B,
        )  # fmt: skip
        return {"denoised": denoised, "image": _shown(data_BCHW)}

    def make(  # type: ignore[override]
        self, wish: Wish, tokens: Tokens | None = None, embedding: Tensor | None = None
    ) -> dict[str, Any]:
        """Images [B, C, H, W] in [0, 1] from noise, told after every step."""
        streams = [torch.Generator(device="cpu").manual_seed(seed) for seed in wish.seeds]
        like = self.time.linear_1.weight
        z_BCHW = self._between(gaussians(streams, self.form, like), wish)
        maps = self._word_maps(wish, tokens)
        predict = self._predictor(wish, tokens, embedding, maps)
        levels_S = times(wish.steps or self.config.steps)
        for at in run(
            self.config.sampler, z_BCHW, levels_S, self.path, predict,
            lambda _now, _then: self._between(gaussians(streams, self.form, like), wish),
        ):  # fmt: skip
            z_BCHW = at.z
            if maps is not None and wish.looked is not None and maps.mean_BMhw is not None:
                wish.looked(maps.mean_BMhw)
            if wish.told is not None:
                wish.told(_shown(at.data), at.done, at.of)
        return {"image": _shown(z_BCHW)}

    def _word_maps(self, wish: Wish, tokens: Tokens | None) -> WordMaps | None:
        """Of words that places attend to, where somebody wants to see it; what lies between two sentences has no words."""
        is_words = tokens is not None and tokens.grid is not None and tokens.grid.kind == "words"
        if wish.looked is None or wish.shares or not is_words:
            return None
        return WordMaps(self.attentions(), (self.form[1], self.form[2]))

    def _predictor(
        self, wish: Wish, tokens: Tokens | None, embedding: Tensor | None, maps: WordMaps | None
    ) -> Callable[[Tensor, Tensor], Estimate]:
        """What the network says of a place, guided."""
        rows = len(wish.seeds)
        nothing = torch.zeros(rows, dtype=torch.bool, device=self.time.linear_1.weight.device)
        shown = self._condition(rows, tokens, embedding, ~nothing)
        hidden = self._condition(rows, tokens, embedding, nothing)
        is_free = tokens is None and embedding is None

        def said(z_BCHW: Tensor, time_B: Tensor, condition: Condition) -> Tensor:
            if not wish.shares:
                return self._said(z_BCHW, time_B, condition)
            every = self._said(z_BCHW.expand(rows, *self.form), time_B.expand(rows), condition)
            return torch.einsum("b,bchw->chw", torch.tensor(wish.shares).to(every), every)[None]

        def predict(z_BCHW: Tensor, time: Tensor) -> Estimate:
            time_B = time.to(z_BCHW).expand(len(z_BCHW))
            told = wish.guidance() if wish.guidance is not None else None
            weight = 0.0 if is_free else self.config.guidance if told is None else told

            def with_condition() -> Tensor:
                with maps.watching() if maps is not None else nullcontext():
                    return said(z_BCHW, time_B, shown)

            prediction = guided(weight, with_condition, lambda: said(z_BCHW, time_B, hidden))
            level = self.path.at(time)
            found = conversions.of_prediction(prediction, z_BCHW, level, self.config.predicts)
            return conversions.clamped(found, z_BCHW, level) if self.config.clamp and float(level.noise) else found

        return predict

    def _drawn(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A Gaussian number for the level, noise, and whether the condition is seen; always the same ones when evaluated."""
        if self.training:
            gauss_B, noise = torch.randn(len(x_BCHW)).to(x_BCHW), torch.randn_like(x_BCHW)
            return gauss_B, noise, torch.rand(len(x_BCHW)).to(x_BCHW) >= self.config.drop
        stream = torch.Generator(device="cpu").manual_seed(0)
        gauss_B = torch.randn(len(x_BCHW), generator=stream, device="cpu").to(x_BCHW)
        noise = torch.randn(x_BCHW.shape, generator=stream, device="cpu").to(x_BCHW)
        return gauss_B, noise, torch.ones(len(x_BCHW), dtype=torch.bool, device=x_BCHW.device)

    def _condition(self, rows: int, tokens: Tokens | None, embedding: Tensor | None, seen_B: Tensor) -> Condition:
        """As the network takes it. The learned nothing is always there, before the tokens; where it is not seen, alone."""
        vector_BE = tokens_BMD = mask_BM = None
        if self.embed is not None and embedding is not None:
            vector_BE = self.embed(torch.where(seen_B[:, None], embedding, self.no_embedding))
        if self.context is not None and tokens is not None:
            x_BMD = tokens.zeroed().x_BND
            tokens_BMD = torch.cat([self.no_token.expand(rows, 1, -1), x_BMD.expand(rows, -1, -1)], 1)
            mask_BM = x_BMD.new_ones(x_BMD.shape[:2], dtype=torch.bool) if tokens.mask_BN is None else tokens.mask_BN
            first = torch.ones_like(seen_B)[:, None]
            mask_BM = torch.cat([first, mask_BM.expand(rows, -1) & seen_B[:, None]], 1)
        return Condition(vector_BE=vector_BE, tokens_BMD=tokens_BMD, mask_BM=mask_BM)

    def _said(self, z_BCHW: Tensor, time_B: Tensor, condition: Condition) -> Tensor:
        vector_BE = self.time(time_B)
        if condition.vector_BE is not None:
            vector_BE = vector_BE + condition.vector_BE
        return self.network(z_BCHW, vector_BE, condition)

    @staticmethod
    def _between(rows_BCHW: Tensor, wish: Wish) -> Tensor:
        """Noise of every row, or of the one thing between two."""
        return between(rows_BCHW[0], rows_BCHW[1], wish.shares[1])[None] if wish.shares else rows_BCHW

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two images, seven words each (two of them padding in the second) and a vector each."""
        tokens = example_tokens(width=12, count=7, modality="text")
        return {"image": torch.rand(2, 3, 8, 8), "tokens": tokens, "embedding": torch.randn(2, 6)}


def _shown(x_BCHW: Tensor) -> Tensor:
    """From [-1, 1] to [0, 1]."""
    return (x_BCHW.clamp(-1, 1) + 1) / 2
