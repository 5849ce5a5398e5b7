"""An objective with a discriminator: a discriminator that learns to tell made images from real ones (GAN, arXiv:1406.2661).

Two losses, one backward pass, and no gradient crosses: the generator's loss sees the discriminator with its weights detached,
the discriminator's loss sees images that are detached. Hinge (arXiv:1705.02894), logistic (the non-saturating form of the
first paper) or least squares (arXiv:1611.04076); R1 (arXiv:1801.04406) flattens the discriminator around real images. The
discriminator may start late and the generator's loss may be weighed against the other objectives on the generator's last
layer, as VQGAN does (arXiv:2012.09841, equation 7). Axes: B batch, C channels, H height, W width of the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.values import full
from core.graph.ports import port
from core.knobs import knob

FORMS = ("hinge", "logistic", "least squares")
THUMBNAIL = 8  # pixels along an edge, for the variety of what is made
SMALLEST_MAP = 4  # cells along an edge of the discriminator's last map


def generator_loss(form: str, made_B: Tensor) -> Tensor:
    """What the generator minimises, from the discriminator's answers to made images."""
    if form == "hinge":
        return -made_B.mean()
    if form == "logistic":
        return F.softplus(-made_B).mean()
    return (made_B - 1).pow(2).mean()


def discriminator_loss(form: str, made_B: Tensor, real_B: Tensor) -> Tensor:
    """What the discriminator minimises, from its answers to made and to real images."""
    if form == "hinge":
        return (F.relu(1 + made_B).mean() + F.relu(1 - real_B).mean()) / 2
    if form == "logistic":
        return F.softplus(made_B).mean() + F.softplus(-real_B).mean()
    return (made_B.pow(2).mean() + (real_B - 1).pow(2).mean()) / 2


class Discriminator(nn.Module):
    """Convolutions that halve the image down to a map of 4 by 4 cells, and one answer an image: above 0 is real.

    With ``positions`` and ``deviation`` the answer also rests on where in the map something is, and on how much the images of
    the batch differ, in one more channel (arXiv:1710.10196, section 3).
    """

    def __init__(self, channels: int, edge: int, width: int, positions: bool = False, deviation: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.2)]
        now = width
        while edge > SMALLEST_MAP:
            out, edge = min(2 * now, 8 * width), (edge + 1) // 2
            layers += [nn.Conv2d(now, out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            now = out
        self.body = nn.Sequential(*layers)
        self.deviation = deviation
        self.last = nn.Conv2d(now + deviation, now, 3, padding=1) if positions or deviation else None
        self.cells = SMALLEST_MAP if positions else 1
        self.answer = nn.Linear(now * self.cells**2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """[B, C, H, W] in [0, 1] to [B]."""
        x_BCHW = self.body(image * 2 - 1)
        if self.deviation:
            spread_11HW = x_BCHW.var(0, correction=0).add(1e-8).sqrt().mean().expand(1, 1, *x_BCHW.shape[2:])
            x_BCHW = torch.cat([x_BCHW, spread_11HW.expand(len(x_BCHW), -1, -1, -1)], dim=1)
        if self.last is not None:
            x_BCHW = F.leaky_relu(self.last(x_BCHW), 0.2)
        if self.cells == 1:
            return self.answer(x_BCHW.mean(dim=(-2, -1)))[:, 0]  # type: ignore[no-any-return]
        return self.answer(F.adaptive_avg_pool2d(x_BCHW, self.cells).flatten(1))[:, 0]  # type: ignore[no-any-return]


@blocks.register("objectives.adversarial")
class Adversarial(Objective):
    """Makes generated images look real: a discriminator learns to tell them from real ones, the generator to deceive it."""

    title = "Adversarial loss"
    modality = "loss"
    opposed = True
    takes = {
        "made": port("image", "generated images"),
        "real": port("image", "images of the data, of the same size"),
    }
    gives = {"loss": port("loss", "what the generator learns from; the discriminator's own loss is a curve beside it")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """The game, and how the discriminator learns."""

        form: str = knob("logistic", "Hinge and least squares bound the gradient; logistic is the first paper's.",
                         choices=FORMS, title="Loss form")  # fmt: skip
        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)
        adaptive: bool = knob(
            False, "Weighted anew at every step so that its gradient at the generator's last layer is as long as that of the other objectives together.",
            title="Adaptive weight",
        )  # fmt: skip
        start: float = knob(
            0.0, "Share of the run before the discriminator begins to learn and to count.", low=0, high=1, title="Discriminator start",
        )  # fmt: skip
        r1: float = knob(
            0.0,
            "Weight of the penalty on the discriminator's gradient at real images (R1); 0 is none.",
            low=0,
            high=1000,
            title="R1 penalty",
        )
        width: int = knob(32, "Channels of the discriminator's first map; each halving doubles them, up to 8 times.",
                          low=4, high=512, unit="channels", title="Discriminator width")  # fmt: skip
        positions: bool = knob(
            False, "The discriminator's answer also depends on where in the image something is.", advanced=True,
            title="Discriminator sees positions",
        )  # fmt: skip
        deviation: bool = knob(
            False, "The discriminator also sees how much the images of a batch differ, so that images all alike give themselves away.",
            advanced=True, title="Discriminator sees variety",
        )  # fmt: skip
        learning_rate: float | None = knob(
            None, "Of the discriminator; empty: the training recipe's.", low=0, high=10, logarithmic=True,
            title="Discriminator learning rate",
        )  # fmt: skip
        beta_1: float = knob(0.5, "The discriminator's memory of the mean gradient, where the optimiser has one.",
                             low=0, high=0.9999, title="Discriminator beta 1")  # fmt: skip
        beta_2: float = knob(0.99, "The discriminator's memory of the squared gradient, where the optimiser has one.",
                             low=0, high=0.99999, title="Discriminator beta 2")  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        made, real = incoming["made"].shape[1:], incoming["real"].shape[1:]
        if made != real:
            raise ValueError(
                f"Generated images are {_size(made)} and real ones {_size(real)}; both must have the same size."
            )
        seen = {"positions": config.positions, "deviation": config.deviation}
        self.discriminator = Discriminator(made[0], min(made[1:]), config.width, **seen)

    @property
    def has_started(self) -> bool:
        """Whether the discriminator plays yet."""
        return self.progress >= self.config.start

    @property
    def betas(self) -> tuple[float, float]:
        """The discriminator's own, for optimisers of Adam's family."""
        return self.config.beta_1, self.config.beta_2

    def forward(self, made: Tensor, real: Tensor) -> dict[str, Any]:
        """[B, C, H, W] twice to the generator's loss: the discriminator's weights are constants in it."""
        if not self.has_started:
            return {"loss": made.new_zeros(())}
        fixed = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        answers_B = full(functional_call(self.discriminator, fixed, (made,)))
        return {"loss": self.config.weight * generator_loss(self.config.form, answers_B)}

    def opposing(self, made: Tensor, real: Tensor) -> Tensor | None:  # type: ignore[override]
        """The discriminator's loss: images are constants in it. None before it starts."""
        if not self.has_started:
            return None
        made, real = made.detach(), real.detach()
        needs_slope = self.config.r1 > 0 and torch.is_grad_enabled()
        real = real.requires_grad_() if needs_slope else real
        made_B, real_B = full(self.discriminator(made)), full(self.discriminator(real))
        loss = discriminator_loss(self.config.form, made_B, real_B)
        if needs_slope:
            (slope,) = torch.autograd.grad(real_B.sum(), real, create_graph=True)
            loss = loss + self.config.r1 / 2 * slope.flatten(1).pow(2).sum(1).mean()
        return loss

    def answers(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """The discriminator's answers to held-out examples, and thumbnails of both."""

        def small(image: Tensor) -> Tensor:
            return F.adaptive_avg_pool2d(full(image), THUMBNAIL).flatten(1)

        return {
            "made": full(self.discriminator(made)), "real": full(self.discriminator(real)),
            "small made": small(made), "small real": small(real),
        }  # fmt: skip

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """How often the discriminator is right (0.5 is what the generator wants), and how varied made images are.

        Variety is the variance of their thumbnails over that of real ones: 0 where all are the same.
        """
        if len(answers["real"]) < 2:
            return {}
        middle = 0.5 if self.config.form == "least squares" else 0.0
        right = ((answers["made"] <= middle).float().mean() + (answers["real"] > middle).float().mean()) / 2
        spread = [answers[which].var(0).sum() for which in ("small made", "small real")]
        return {
            "discriminator accuracy": float(right), "chance discriminator accuracy": 0.5,
            "variety": float(spread[0] / spread[1].clamp_min(1e-12)),
        }  # fmt: skip

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two made and two real images."""
        return {"made": torch.rand(2, 3, 8, 8), "real": torch.rand(2, 3, 8, 8)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """A narrow discriminator."""
        return {"width": 4}


def _size(shape: Any) -> str:
    return " × ".join(str(edge) for edge in shape)
