"""By how much sound and film are apart: the true lag must stand out among all wrong ones of the same clip (arXiv:1804.03160,
arXiv:2210.07055, arXiv:2401.16423).

Both streams are mapped to vectors of one width, and every lag within a bound is scored by the mean dot product of the frames that meet
there; cross-entropy over lags makes the wrong ones shifted negatives. The vectors' lengths are free: where nothing happens they can be
short, all lags score alike, and no offset is said. Where a drift is wired in too, the offset of every moment is read off the cheapest
path through both streams (DTW). Axes: B batch, T frames of film, S of sound, L lags, D width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.blocks.block import Objective, Synced
from core.blocks.catalog import blocks
from core.blocks.lags import Stream, alike_at, placed
from core.blocks.objectives.gathering import count_a_process
from core.blocks.times import in_time
from core.blocks.values import Grid, Tokens, full
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse
from core.telemetry.warping import partners, warped

PATH = (
    "seconds path off",
    "seconds constant off",
)  # of a drift: the path's error, and that of one offset for all moments


@blocks.register("objectives.sync")
class Sync(Objective):
    """Finds by how much the sound of a video comes too late or too early."""

    title = "Sync"
    modality = "loss"
    takes = {
        "video": port("tokens", "video tokens with their times"),
        "audio": port("tokens", "audio tokens with their times"),
        "offset": port("number", "by how many seconds the audio is late; without it, it is in sync", optional=True),
        "drift": port("number", "by how many seconds a second it falls behind besides", optional=True),
    }
    gives = {"loss": port("loss", "cross-entropy of the true lag among all lags of the clip")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Bounds, and when an offset is said."""

        most: float = knob(
            2.0, "Offsets are looked for between this much earlier and this much later.", low=0.1, high=60.0, unit="s",
            title="Largest offset",
        )  # fmt: skip
        step: float = knob(
            0.05, "From one lag that is tried to the next.", low=0.005, high=10.0, unit="s", title="Lag step"
        )
        width: int = knob(32, "Numbers of the vectors that are compared.", low=4, high=4096)
        sure: float = knob(
            0.5, "An offset is said where so much of the probability lies within one frame of it; else none is, as where nothing is heard.",
            low=0, high=1, title="Said from",
        )  # fmt: skip
        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    lag_L: Tensor

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if config.step > config.most:
            raise refuse(
                f"Lags {config.step:g} s apart do not fit between 0 and {config.most:g} s.",
                hint="Choose a smaller lag step or a larger largest offset.",
            )
        count = round(config.most / config.step)
        self.register_buffer("lag_L", torch.linspace(-count, count, 2 * count + 1) * config.step, persistent=False)
        self.see, self.hear = (
            nn.Linear(in_time(incoming[side]).x_BND.shape[-1], config.width) for side in ("video", "audio")
        )

    def forward(
        self, video: Tokens, audio: Tokens, offset: Tensor | None = None, drift: Tensor | None = None
    ) -> dict[str, Any]:
        """Tokens [B, N, D] of both and seconds [B] to one number; a clip without sound costs nothing."""
        logit_BL, met_BL = self.scores(video, audio)
        truth_BL = self._truth(offset, logit_BL) * (met_BL > 0)
        loss_B = -(truth_BL * logit_BL.masked_fill(met_BL == 0, -1e4).log_softmax(-1)).sum(-1)
        count = count_a_process(torch.tensor(len(loss_B), device=loss_B.device))
        return {"loss": self.config.weight * loss_B.sum() / count}

    def streams(self, video: Tokens, audio: Tokens) -> tuple[Stream, Stream]:
        """Both with vectors of one width."""
        made = []
        for tokens, layer in ((video, self.see), (audio, self.hear)):
            row = in_time(tokens).zeroed()
            made.append(Stream.of(row.with_x(full(layer(row.x_BND)))))
        return made[0], made[1]

    def scores(self, video: Tokens, audio: Tokens) -> tuple[Tensor, Tensor]:
        """The logit of every lag, and how many frames meet there, [B, L] each."""
        seen, heard = self.streams(video, audio)
        alike_BL, met_BL = alike_at(seen, heard, self.lag_L)
        return alike_BL * seen.x_BTD.shape[1] ** 0.5 / self.config.width**0.5, met_BL

    def _truth(self, offset: Tensor | None, logit_BL: Tensor) -> Tensor:
        """How much each lag is the true one [B, L]: the two beside it share. Nothing of a sample whose offset is out of bounds."""
        if offset is None:
            offset = torch.zeros_like(logit_BL[:, 0])
        away_BL = (self.lag_L - offset.to(logit_BL)[:, None]).abs() / self.config.step
        return (1 - away_BL).clamp_min(0).nan_to_num(0.0)

    def found(self, video: Tokens, audio: Tokens) -> tuple[Tensor, Tensor, Tensor]:
        """Seconds, how sure they are, and how long a frame is shown, [B] each. Between lags by a parabola through three of them.

        NaN where nothing meets, or scores are no numbers; never sure where the best lag is the first or last that is tried.
        """
        logit_BL, met_BL = self.scores(video, audio)
        is_known_B = (met_BL > 0).any(-1) & logit_BL.isfinite().all(-1)
        logit_BL = logit_BL.masked_fill(met_BL == 0, -1e4).nan_to_num(0.0).double()
        best_B = logit_BL.argmax(-1)
        frame_B = Stream.of(video).step_B
        near_BL = (self.lag_L - self.lag_L[best_B][:, None]).abs() <= frame_B[:, None] + 1e-6
        is_inside_B = (best_B > 0) & (best_B < len(self.lag_L) - 1)  # at the bound the best may lie beyond it
        sure_B = torch.where(is_known_B & is_inside_B, (logit_BL.softmax(-1) * near_BL).sum(-1), 0.0)
        inner_B = best_B.clamp(1, len(self.lag_L) - 2)
        left, middle, right = (logit_BL.gather(1, (inner_B + side)[:, None])[:, 0] for side in (-1, 0, 1))
        bend_B = left - 2 * middle + right
        moved_B = torch.where((bend_B < 0) & (inner_B == best_B), 0.5 * (left - right) / bend_B.clamp_max(-1e-9), 0.0)
        found_B = self.lag_L[best_B].double() + moved_B.clamp(-0.5, 0.5) * self.config.step
        return torch.where(is_known_B, found_B, torch.nan), sure_B, frame_B

    def tables(self, video: Tokens, audio: Tokens) -> tuple[Tensor, Tensor]:
        """How alike each frame is to the sound at every frame's time [B, T, T], 1 the most in the clip; and the times [B, T]."""
        seen, heard = self.streams(video, audio)
        then_BTD = placed(heard, seen.time_BT).read(heard.x_BTD)
        table_BTT = torch.einsum("btd,bsd->bts", seen.x_BTD, then_BTD)
        largest_B11 = table_BTT.abs().amax((1, 2), keepdim=True).clamp_min(1e-6)
        return (table_BTT / largest_B11).nan_to_num(0.0), seen.time_BT

    def answers(  # type: ignore[override]
        self, video: Tokens, audio: Tokens, offset: Tensor | None = None, drift: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Of each clip the offset that is found and the true one, how sure it is, a frame's length; and the path's errors."""
        found_B, sure_B, frame_B = self.found(video, audio)
        true_B = torch.zeros_like(found_B) if offset is None else offset.double()
        given = {"found": found_B, "sure": sure_B, "frame": frame_B, "true": true_B}
        if drift is not None:
            given |= self._path_errors(video, audio, found_B, true_B, drift.double())
        return {name: value.detach().double().cpu() for name, value in given.items()}

    def _path_errors(
        self, video: Tokens, audio: Tokens, found_B: Tensor, true_B: Tensor, drift_B: Tensor
    ) -> dict[str, Tensor]:
        table_BTT, time_BT = self.tables(video, audio)
        rows = []
        for table, time, found, true, drift in zip(
            table_BTT.detach().cpu().double().numpy(), time_BT.cpu().numpy(), found_B, true_B, drift_B
        ):
            right_T = float(true) / (1 - float(drift)) + time * float(drift) / (1 - float(drift))
            inside_T = (time + right_T >= time[0]) & (time + right_T <= time[-1])
            made = [offsets_of(table, time), np.full(len(time), float(found))]
            rows.append([float(np.abs(one - right_T)[inside_T].mean()) if inside_T.any() else math.nan for one in made])
        off_B2 = torch.tensor(rows, dtype=torch.float64)
        return dict(zip(PATH, off_B2.unbind(-1)))

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """How many are within one frame of the truth: of those where an offset is said, and of all; beside a guess between the bounds."""
        off_B = (answers["found"] - answers["true"]).abs()
        said_B, right_B = answers["sure"] >= self.config.sure, off_B <= answers["frame"] + 1e-9
        most = self.config.most
        low_B, high_B = ((answers["true"] + side * answers["frame"]).clamp(-most, most) for side in (-1, 1))
        scores = {
            "recovered": float((said_B & right_B).double().mean()),
            "chance recovered": float(((high_B - low_B) / (2 * most)).mean()),
            "recovered of said": float(right_B[said_B].double().mean()),
            "said": float(said_B.double().mean()),
            "seconds off": float(off_B.nan_to_num(torch.inf).median()),
        }
        return scores | {name: float(answers[name].nan_to_num(torch.inf).median()) for name in PATH if name in answers}

    def synced(  # type: ignore[override]
        self, video: Tokens, audio: Tokens, offset: Tensor | None = None, drift: Tensor | None = None
    ) -> Synced:
        """What is drawn of each clip."""
        found_B, sure_B, _ = self.found(video, audio)
        table_BTT, time_BT = self.tables(video, audio)
        return Synced(
            alike_BTS=table_BTT, time_BT=time_BT, found_B=found_B, sure_B=sure_B, least=self.config.sure,
            true_B=None if offset is None else offset.double(),
        )  # fmt: skip

    def detail(self) -> str:
        """The bound."""
        return f"±{self.config.most:g} s"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two clips of eight frames, with twice as many of sound."""
        start_BT = (torch.arange(8, dtype=torch.float64) * 0.25).expand(2, -1)
        spans_BT2 = torch.stack([start_BT, start_BT + 0.25], -1)
        video = Tokens(
            x_BND=torch.randn(2, 8, 12), modality="video", grid=Grid(kind="times", sizes=(8,)), spans_BT2=spans_BT2
        )
        grid = Grid(kind="times", sizes=(16,), first=0.013, step=0.125)
        audio = Tokens(x_BND=torch.randn(2, 16, 16), modality="audio", grid=grid)
        return {"video": video, "audio": audio, "offset": torch.tensor([0.513, -0.268])}


def offsets_of(alike_TT: NDArray[np.float64], time_T: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much the sound is late at every frame [T], along the cheapest path through both."""
    cost_TT = alike_TT.max() - alike_TT
    return np.asarray(time_T[partners(warped(cost_TT), cost_TT)] - time_T)
