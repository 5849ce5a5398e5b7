"""Sound events: which classes are heard at each frame and in the clip, told apart by binary cross-entropy (PANNs, arXiv:1912.10211).

The clip's probability is made of its frames': the largest, their mean, a mean by attention of each class (arXiv:1711.00927), or one by
the probabilities themselves (linear softmax, arXiv:1810.09050). Of each clip its own frames count alike; one without events teaches that
there are none. At the beginning a class is as likely as one of all (arXiv:1708.02002), not as a coin. Axes: B batch, T frames, K classes,
D width, A frames that are real.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.localising import focal
from core.blocks.objectives.gathering import count_a_process
from core.blocks.ranking_scores import mean_average_precision
from core.blocks.times import Marked, When, clips_of, frames_of, in_time, real_frames, runs_of
from core.blocks.values import Grid, Segments, Tokens, full
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse
from core.telemetry.spans import Span

MAX, MEAN, ATTENTION, LINEAR = "max", "mean", "attention", "linear softmax"
NEVER = 1e-6  # a probability is at least so far from 0 and 1


@blocks.register("objectives.event_detection")
class EventDetection(Objective):
    """Says which sound events are heard when, and in the clip as a whole."""

    title = "Event detection"
    modality = "loss"
    takes = {
        "tokens": port("tokens", "audio or video tokens with their times"),
        "segments": port("segments", "the events: start, end, class"),
    }
    gives = {"loss": port("loss", "binary cross-entropy of clips and of frames")}
    counts = ("tokens",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Classes, pooling, weights."""

        classes: int = knob(10, "How many classes the data has; its page says.", low=1, high=100_000, title="Classes")
        pooling: str = knob(
            ATTENTION, "How frames make the clip: the largest, the mean, a mean by learned attention for each class, or one weighed by the "
            "probabilities themselves.", choices=(MAX, MEAN, ATTENTION, LINEAR), title="Frames pooled by",
        )  # fmt: skip
        clip_weight: float = knob(1.0, "The clips' loss is multiplied by it.", low=0, high=1000, title="Clip weight")
        frame_weight: float = knob(
            1.0,
            "The frames' loss is multiplied by it; 0 where the data does not tell times.",
            low=0,
            high=1000,
            title="Frame weight",
        )
        gamma: float = knob(
            0.0, "Focal loss: how little counts what is right already; 0 is plain cross-entropy.", low=0, high=8,
            title="Focal gamma",
        )  # fmt: skip
        threshold: float = knob(0.5, "Frames from this probability on are an event.", low=0, high=1, advanced=True)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width = in_time(incoming["tokens"]).x_BND.shape[-1]
        self.heard = nn.Linear(width, config.classes)
        self.look = nn.Linear(width, config.classes) if config.pooling == ATTENTION else None
        for layer in (self.heard, self.look):
            if layer is not None:
                nn.init.normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        nn.init.constant_(self.heard.bias, -math.log(max(config.classes - 1, 1)))  # one class of all, as in RetinaNet

    def forward(self, tokens: Tokens, segments: Segments) -> dict[str, Any]:
        """Tokens [B, N, D] and spans to one number."""
        self._want_known(segments)
        frame_BTK, clip_BK, real_BT, when = self.said(tokens)
        kinds = self.config.classes
        asked_B = real_BT.any(1)
        loss_B = self.config.clip_weight * self._entropy(clip_BK, clips_of(segments, kinds))
        if self.config.frame_weight:
            frame_BT = torch.where(real_BT, self._entropy(frame_BTK, frames_of(segments, when, kinds)), 0.0)
            loss_B = loss_B + self.config.frame_weight * frame_BT.sum(1) / real_BT.sum(1).clamp_min(1)
        return {"loss": torch.where(asked_B, loss_B, 0.0).sum() / count_a_process(asked_B.sum())}

    def _entropy(self, logit: Tensor, truth: Tensor) -> Tensor:
        """Binary cross-entropy, with its focus, the mean over classes."""
        return focal(logit, truth, gamma=self.config.gamma, alpha=-1.0).mean(-1)

    def counted(self, tokens: Tokens) -> Tensor:  # type: ignore[override]
        """Clips in which anything can be heard."""
        return real_frames(in_time(tokens)).any(1).sum()

    def said(self, tokens: Tokens) -> tuple[Tensor, Tensor, Tensor, When]:
        """Logits of frames [B, T, K] and of clips [B, K], which frames are real [B, T], and where they lie."""
        frames = in_time(tokens).zeroed()
        real_BT = real_frames(frames)
        logit_BTK = full(self.heard(frames.x_BND))
        return logit_BTK, self._clip(frames.x_BND, logit_BTK, real_BT), real_BT, When.of(frames)

    def _clip(self, x_BTD: Tensor, logit_BTK: Tensor, real_BT: Tensor) -> Tensor:
        """The clips' logits. A clip without any frame has nothing in it."""
        real_BT1, how = real_BT[..., None], self.config.pooling
        if how == MAX:
            largest_BK = logit_BTK.masked_fill(~real_BT1, -torch.inf).amax(1)
            return torch.where(real_BT.any(1)[:, None], largest_BK, 0.0)
        chance_BTK = logit_BTK.sigmoid()
        if self.look is not None:
            weight_BTK = torch.where(real_BT1, full(self.look(x_BTD)), -1e9).softmax(1)
        else:
            weight_BTK = torch.where(real_BT1, chance_BTK if how == LINEAR else 1.0, 0.0).to(chance_BTK.dtype)
            weight_BTK = weight_BTK / weight_BTK.sum(1, keepdim=True).clamp_min(NEVER)
        return (weight_BTK * chance_BTK).sum(1).clamp(NEVER, 1 - NEVER).logit()

    def _want_known(self, segments: Segments) -> None:
        """Raise Refused for a class that is not among the known."""
        codes_BN = segments.class_BN
        if codes_BN.device.type != "meta" and bool((codes_BN >= self.config.classes).any()):
            raise refuse(
                f"An event's class has the number {int(codes_BN.max()) + 1}; this block knows {self.config.classes}.",
                hint="Set Classes to how many the data has.",
            )

    def answers(self, tokens: Tokens, segments: Segments) -> dict[str, Tensor]:  # type: ignore[override]
        """Scores and truth of clips [B, K], and of real frames [A, K]."""
        frame_BTK, clip_BK, real_BT, when = self.said(tokens)
        kinds = self.config.classes
        truth_BTK = frames_of(segments, when, kinds)
        return {
            "clip": clip_BK, "clip truth": clips_of(segments, kinds), "frame": frame_BTK[real_BT], "frame truth": truth_BTK[real_BT],
        }  # fmt: skip

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean average precision of clips and frames beside chance; accuracy where every clip, or frame, has one class."""
        found: dict[str, float] = {}
        for prefix, name, truth in (("", "clip", "clip truth"), ("frame ", "frame", "frame truth")):
            value, chance = mean_average_precision(answers[name].float(), answers[truth])
            if chance == chance:
                found |= {prefix + "mAP": value, "chance " + prefix + "mAP": chance}
        found |= _alone(answers["frame"], answers["frame truth"])
        truth_BK = answers["clip truth"]
        if len(truth_BK) and bool((truth_BK.sum(1) == 1).all()):
            right_B = answers["clip"].nan_to_num(-torch.inf).argmax(1) == truth_BK.int().argmax(1)
            found |= {
                "accuracy": float(right_B.double().mean()),
                "chance accuracy": float(truth_BK.double().mean(0).max()),
            }
        return found

    def marked(self, tokens: Tokens, segments: Segments) -> dict[str, list[list[Marked]]]:  # type: ignore[override]
        """For each clip the events that are heard, and those that are there."""
        frame_BTK, _, real_BT, when = self.said(tokens)
        chance_BTK = frame_BTK.sigmoid() * real_BT[..., None]
        heard = [self._events(chance_TK, when, sample) for sample, chance_TK in enumerate(chance_BTK)]
        return {"": heard, "true": true_spans(segments)}

    def _events(self, chance_TK: Tensor, when: When, sample: int) -> list[Marked]:
        return [
            Marked(span=when.span(frames, sample), code=code, score=float(chance_T[frames.start : frames.stop].mean()))
            for code, chance_T in enumerate(chance_TK.T)
            for frames in runs_of(chance_T >= self.config.threshold)
        ]

    def detail(self) -> str:
        """How many, and how they are pooled."""
        return f"K{self.config.classes} · {self.config.pooling}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two clips of six frames; the second ends after four, and has one event fewer."""
        mask = torch.ones(2, 6, dtype=torch.bool)
        mask[1, 4:] = False
        grid = Grid(kind="times", sizes=(6,), first=0.05, step=0.1)
        times = torch.tensor([[[0.0, 0.3], [0.2, 0.6]], [[0.1, 0.4], [0.0, 0.0]]], dtype=torch.float64)
        return {
            "tokens": Tokens(x_BND=torch.randn(2, 6, 16), mask_BN=mask, modality="audio", grid=grid),
            "segments": Segments(times_BN2=times, class_BN=torch.tensor([[1, 4], [1, -1]])),
        }


def _alone(logit_AK: Tensor, truth_AK: Tensor) -> dict[str, float]:
    """Of frames with one class, none with several among all: how often it is the loudest, and how often the most frequent class is."""
    count_A = truth_AK.sum(1)
    if not bool((count_A <= 1).all()) or not bool((count_A == 1).any()):
        return {}
    asked = count_A == 1
    right_A = logit_AK[asked].nan_to_num(-torch.inf).argmax(1) == truth_AK[asked].int().argmax(1)
    return {
        "frame accuracy": float(right_A.double().mean()),
        "chance frame accuracy": float(truth_AK[asked].double().mean(0).max()),
    }


def true_spans(segments: Segments) -> list[list[Marked]]:
    """Each clip's own spans."""
    return [
        [Marked(span=Span(start=start, end=end), code=code) for (start, end), code in zip(times, codes) if code >= 0]
        for times, codes in zip(segments.times_BN2.tolist(), segments.class_BN.tolist())
    ]
