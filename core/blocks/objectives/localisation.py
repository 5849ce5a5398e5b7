"""Where actions lie in time: a class and two distances at every point of a temporal pyramid (ActionFormer, arXiv:2202.07925).

Each level has half as many points as the one below and is for segments twice as long. Classes are learned with the focal loss
(arXiv:1708.02002), distances with DIoU; what is found is thinned by soft-NMS and scored by mAP at several overlaps, beside whoever
says the whole clip for every class. Axes: B batch, T frames, D width, P points of all levels, K classes, M spans that are kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.localising import (
    Points,
    distance_iou,
    focal,
    found_and_true,
    interpolated_precision,
    labelled,
    spans_at,
    suppressed,
)
from core.blocks.objectives.event_detection import true_spans
from core.blocks.objectives.gathering import count_a_process
from core.blocks.times import Marked, When, in_time, real_frames
from core.blocks.values import Grid, Segments, Tokens, full
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse
from core.telemetry.spans import Span

OVERLAPS = (0.3, 0.5, 0.7)
KEPT = 32  # spans of a clip that are kept
MOST_TRUE = 64  # segments of a clip that are scored
RARE = 0.01  # probability of a class at a point, before anything is learned
REACH = 4.0  # a level is for segments whose farther end is up to so many of its steps away


@blocks.register("objectives.localisation")
class Localisation(Objective):
    """Says which actions are done from when to when."""

    title = "Localisation"
    modality = "loss"
    takes = {
        "tokens": port("tokens", "video or audio tokens with their times"),
        "segments": port("segments", "the actions: start, end, class"),
    }
    gives = {"loss": port("loss", "focal loss of classes and DIoU of distances")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Classes, levels, weights."""

        classes: int = knob(8, "How many classes the data has; its page says.", low=1, high=100_000, title="Classes")
        levels: int = knob(
            3,
            "Levels of the pyramid; each is for segments twice as long as the one below.",
            low=1,
            high=8,
            title="Pyramid levels",
        )
        width: int = knob(64, "Channels of the pyramid and its heads.", low=8, high=4096)
        gamma: float = knob(
            2.0, "Focal loss: how little counts what is right already; 0 is plain cross-entropy.", low=0, high=8,
            title="Focal gamma",
        )  # fmt: skip
        distance_weight: float = knob(
            1.0, "The loss of distances is multiplied by it.", low=0, high=1000, title="Distance weight", advanced=True
        )
        sigma: float = knob(
            0.5, "Soft-NMS: how gently scores fall with overlap; 0 drops whatever overlaps by half.", low=0, high=10,
            title="NMS sigma", advanced=True,
        )  # fmt: skip
        threshold: float = knob(
            0.3, "Spans from this score on are drawn.", low=0, high=1, title="Shown from", advanced=True
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width = config.width
        self.enter = nn.Conv1d(in_time(incoming["tokens"]).x_BND.shape[-1], width, 3, padding=1)
        self.halves = nn.ModuleList(nn.Conv1d(width, width, 3, 2, 1) for _ in range(config.levels - 1))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(config.levels))
        self.class_head, self.distance_head = _head(width, config.classes), _head(width, 2)
        self.scale_L = nn.Parameter(torch.ones(config.levels))
        nn.init.constant_(self.class_head[-1].bias, -math.log((1 - RARE) / RARE))  # type: ignore[arg-type]

    def forward(self, tokens: Tokens, segments: Segments) -> dict[str, Any]:
        """Tokens [B, N, D] and spans to one number, the mean over clips."""
        self._want_known(segments)
        logit_BPK, away_BP2, points, real_BP = self.said(tokens)
        code_BP, right_BP2 = labelled(segments, points)
        is_one_BP = (code_BP >= 0) & real_BP
        truth_BPK = (code_BP[..., None] == torch.arange(self.config.classes, device=code_BP.device)) & real_BP[
            ..., None
        ]
        count_B = is_one_BP.sum(1).clamp_min(1)
        class_B = (focal(logit_BPK, truth_BPK, gamma=self.config.gamma).sum(-1) * real_BP).sum(1) / count_B
        wrong_BP = distance_iou(away_BP2, torch.where(is_one_BP[..., None], right_BP2, 1.0).to(away_BP2.dtype))
        distance_B = torch.where(is_one_BP, wrong_BP, 0.0).sum(1) / count_B
        loss_B = class_B + self.config.distance_weight * distance_B
        return {"loss": loss_B.sum() / count_a_process(torch.tensor(len(loss_B), device=loss_B.device))}

    def said(self, tokens: Tokens) -> tuple[Tensor, Tensor, Points, Tensor]:
        """Logits [B, P, K], distances in steps [B, P, 2], where the points lie, and which are real [B, P]."""
        frames = in_time(tokens).zeroed()
        when, real_BT = When.of(frames), real_frames(frames)
        x_BDT = self.enter(frames.x_BND.transpose(1, 2))
        logits, aways, levels, reals = [], [], [], []
        for level, norm in enumerate(self.norms):
            if level:
                x_BDT, real_BT = self.halves[level - 1](x_BDT), real_BT[:, ::2]
            x_BDT = norm(x_BDT.transpose(1, 2)).transpose(1, 2) * real_BT[:, None]
            logits.append(self.class_head(x_BDT).transpose(1, 2))
            aways.append(F.softplus(self.distance_head(x_BDT).transpose(1, 2)) * self.scale_L[level].abs())
            levels.append(_points(when.centre_BT, level, len(self.norms)))
            reals.append(real_BT)
        points = Points(**{
            name: torch.cat([getattr(one, name) for one in levels], -1) for name in ("centre_BP", "step_BP", "low_P", "high_P")
        })  # fmt: skip
        return full(torch.cat(logits, 1)), full(torch.cat(aways, 1)), points, torch.cat(reals, 1)

    def _want_known(self, segments: Segments) -> None:
        """Raise Refused for a class that is not among the known."""
        codes_BN = segments.class_BN
        if codes_BN.device.type != "meta" and bool((codes_BN >= self.config.classes).any()):
            raise refuse(
                f"A segment's class has the number {int(codes_BN.max()) + 1}; this block knows {self.config.classes}.",
                hint="Set Classes to how many the data has.",
            )

    def spans(self, tokens: Tokens) -> list[Tensor]:
        """What is found in each clip [M, 4]: start, end, score, class; best first."""
        logit_BPK, away_BP2, points, real_BP = self.said(tokens)
        span_BP2 = spans_at(points, away_BP2)
        score_BPK = (logit_BPK.nan_to_num(-torch.inf).sigmoid() * real_BP[..., None]).double()
        return [
            self._kept(span_P2, score_PK)
            for span_P2, score_PK in zip(span_BP2.detach().cpu(), score_BPK.detach().cpu())
        ]

    def _kept(self, span_P2: Tensor, score_PK: Tensor) -> Tensor:
        found = []
        for code, score_P in enumerate(score_PK.T):
            some = score_P.topk(min(4 * KEPT, len(score_P))).indices
            places, scores = suppressed(span_P2[some], score_P[some], sigma=self.config.sigma, most=KEPT)
            codes = torch.full((len(places), 1), float(code), dtype=torch.float64)
            found.append(torch.cat([span_P2[some][places], scores[:, None], codes], 1))
        all_S4 = torch.cat(found)
        return all_S4[all_S4[:, 2].argsort(descending=True, stable=True)[:KEPT]]

    def answers(self, tokens: Tokens, segments: Segments) -> dict[str, Tensor]:  # type: ignore[override]
        """Spans that are found [B, 32, 4] and that are there [B, 64, 3], each behind others with class -1; and the clip's end."""
        found_BM4 = torch.stack([_filled(rows, KEPT) for rows in self.spans(tokens)])
        true = torch.cat([segments.times_BN2, segments.class_BN[..., None].double()], -1).cpu()
        true_BN3 = torch.stack([_filled(rows[rows[:, 2] >= 0][:MOST_TRUE], MOST_TRUE) for rows in true])
        when = When.of(in_time(tokens))
        end_B = when.spans_BT2[:, -1, 1].cpu().expand(len(found_BM4))
        return {"found": found_BM4, "true": true_BN3, "end": end_B}

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean average precision at several overlaps, beside saying the whole clip for every class."""
        found, true, end_B = answers["found"], answers["true"], answers["end"]
        whole = torch.stack([torch.zeros_like(end_B), end_B], -1)[:, None]
        said = {"": [], "whole-clip ": []}  # type: ignore[var-annotated]
        for least in OVERLAPS:
            kinds: dict[str, list[float]] = {"": [], "whole-clip ": []}
            for code in range(self.config.classes):
                there = [rows[rows[:, 2] == code, :2] for rows in true]
                made = [(rows[rows[:, 3] == code, :2], rows[rows[:, 3] == code, 2]) for rows in found]
                alone = [(rows, torch.ones(1, dtype=torch.float64)) for rows in whole]
                for name, some in (("", made), ("whole-clip ", alone)):
                    value = interpolated_precision(*found_and_true(some, there, least))
                    kinds[name] += [value] if value == value else []
            for name, values in kinds.items():
                if values:
                    said[name].append((f"{name}mAP@{least:g}", sum(values) / len(values)))
        return {name: value for rows in said.values() for name, value in rows}

    def marked(self, tokens: Tokens, segments: Segments) -> dict[str, list[list[Marked]]]:  # type: ignore[override]
        """For each clip the actions that are found, and those that are there."""
        found = [
            [
                Marked(span=Span(start=max(0.0, start), end=max(0.0, start, end)), code=int(code), score=score)
                for start, end, score, code in rows.tolist()
                if score >= self.config.threshold
            ]
            for rows in self.spans(tokens)
        ]
        return {"": found, "true": true_spans(segments)}

    def detail(self) -> str:
        """Classes and levels."""
        return f"K{self.config.classes} L{self.config.levels}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two clips of eight frames, one with two actions and one with one; the second clip's frames last longer."""
        start_BT = torch.arange(8, dtype=torch.float64) * torch.tensor([[0.1], [0.2]])
        spans_BT2 = torch.stack([start_BT, start_BT + torch.tensor([[0.1], [0.2]])], -1)
        times = torch.tensor([[[0.13, 0.52], [0.44, 0.78]], [[0.23, 1.31], [0.0, 0.0]]], dtype=torch.float64)
        tokens = Tokens(
            x_BND=torch.randn(2, 8, 16), modality="video", grid=Grid(kind="times", sizes=(8,)), spans_BT2=spans_BT2
        )
        return {"tokens": tokens, "segments": Segments(times_BN2=times, class_BN=torch.tensor([[1, 4], [1, -1]]))}


def _head(width: int, out: int) -> nn.Sequential:
    made = nn.Sequential(nn.Conv1d(width, width, 3, padding=1), nn.GELU(), nn.Conv1d(width, out, 3, padding=1))
    nn.init.normal_(made[-1].weight, std=0.02)  # type: ignore[arg-type]
    return made


def _points(centre_BT: Tensor, level: int, levels: int) -> Points:
    """Every so many frames' centres, with the mean time between them; the lowest takes all that is shorter, the top all longer."""
    count = centre_BT.shape[1]
    base_B = (centre_BT[:, -1] - centre_BT[:, 0]) / max(count - 1, 1)
    centre_BP = centre_BT[:, :: 2**level]
    step_BP = (base_B[:, None] * 2**level).clamp_min(1e-6).expand_as(centre_BP)
    ones_P = torch.ones(centre_BP.shape[1], dtype=torch.float64, device=centre_BT.device)
    low, high = (0.0 if level == 0 else REACH / 2), (torch.inf if level == levels - 1 else REACH)
    return Points(centre_BP=centre_BP, step_BP=step_BP, low_P=ones_P * low, high_P=ones_P * high)


def _filled(rows: Tensor, count: int) -> Tensor:
    """As many rows for all: behind the real ones others of class -1."""
    return F.pad(rows, (0, 0, 0, count - len(rows)), value=-1.0)
