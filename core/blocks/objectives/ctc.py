"""Connectionist temporal classification (Graves et al., ICML 2006): a sentence is learned from sound without being told when each piece is said.

The loss is the negative log-likelihood of all paths that read as the sentence, for each piece. Padding's number stands for the blank;
the first and the last piece of a sentence, which tokenizers put around it, are not said. Clips too short for their sentence are left
out and counted. Axes: B batch, T frames, V vocabulary, L pieces, D width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.alignment import BLANK, best_path, edits, frames_needed, frames_of_pieces, said
from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.encoders.text_transformer import example_text
from core.blocks.objectives.gathering import count_a_process
from core.blocks.times import Marked, When, in_time, real_frames
from core.blocks.values import Grid, Text, Tokens, full
from core.graph.ports import port
from core.knobs import knob
from core.telemetry.spans import Span


@blocks.register("objectives.ctc")
class CTC(Objective):
    """Teaches frames of audio to spell a sentence, and aligns it to them."""

    title = "CTC"
    modality = "loss"
    takes = {
        "tokens": port("tokens", "audio tokens with their times", modality="audio"),
        "text": port("text", "what is said, as subwords with their mask"),
    }
    gives = {"loss": port("loss", "negative log-likelihood per subword")}
    counts = ("tokens", "text")
    counts_V: Tensor

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Weight."""

        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        vocabulary = incoming["text"].vocabulary
        self.spells = nn.Linear(in_time(incoming["tokens"]).x_BND.shape[-1], vocabulary)
        nn.init.normal_(self.spells.weight, std=0.02)
        nn.init.zeros_(self.spells.bias)
        self.register_buffer("counts_V", torch.zeros(vocabulary))  # how often each piece was asked for in training
        self._too_short = 0.0

    def forward(self, tokens: Tokens, text: Text) -> dict[str, Any]:
        """Tokens [B, N, D] and ids [B, L] to one number; a batch without anything to say costs nothing."""
        log_BTV, frames_B, _ = self.emitted(tokens)
        if log_BTV.device.type == "meta":  # PyTorch's loss looks at lengths, of which there are none
            return {"loss": log_BTV.mean()}
        pieces = sentences(text)
        target_BL, length_B = _targets(pieces, log_BTV.device)
        fits_B = self._fits(pieces, frames_B)
        if self.training:
            self.counts_V += torch.bincount(target_BL[target_BL > 0], minlength=len(self.counts_V))
            self._too_short = float((~fits_B).double().mean())
        asked_B = fits_B & (length_B > 0)
        loss_B = F.ctc_loss(
            log_BTV.transpose(0, 1),
            target_BL,
            frames_B.clamp_min(1),
            length_B,
            blank=BLANK,
            reduction="none",
            zero_infinity=True,
        )
        loss = torch.where(asked_B, loss_B / length_B.clamp_min(1), 0.0).sum() / count_a_process(asked_B.sum())
        return {"loss": self.config.weight * loss}

    def emitted(self, tokens: Tokens) -> tuple[Tensor, Tensor, When]:
        """Log-probabilities of pieces at each frame [B, T, V], how many frames are real, and where they lie."""
        frames = in_time(tokens).zeroed()
        return full(self.spells(frames.x_BND)).log_softmax(-1), real_frames(frames).sum(1), When.of(frames)

    @staticmethod
    def _fits(pieces: list[list[int]], frames_B: Tensor) -> Tensor:
        needed_B = torch.tensor([frames_needed(one) for one in pieces], device=frames_B.device)
        return (needed_B <= frames_B) & (frames_B > 0)

    def counted(self, tokens: Tokens, text: Text) -> Tensor:  # type: ignore[override]
        """Clips whose sentence fits."""
        pieces = sentences(text)
        length_B = torch.tensor([len(one) for one in pieces], device=text.ids_BL.device)
        return (self._fits(pieces, real_frames(in_time(tokens)).sum(1)) & (length_B > 0)).sum()

    def answers(self, tokens: Tokens, text: Text) -> dict[str, Tensor]:  # type: ignore[override]
        """Each sentence's pieces, what it takes to make it of what is heard, and of the most frequent piece alone."""
        log_BTV, frames_B, _ = self.emitted(tokens)
        guess = [int(self.counts_V.argmax())]
        rows = [
            (len(right), _edits(log_TV[:count], right), edits(guess, right))
            for log_TV, count, right in zip(log_BTV, frames_B.tolist(), sentences(text))
            if right
        ]
        length_A, edits_A, guess_A = torch.tensor(rows, dtype=torch.float64).reshape(-1, 3).unbind(1)
        return {"length": length_A, "edits": edits_A, "guess": guess_A}

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Edits per piece, and how many sentences are right to the last piece; beside saying the most frequent piece always."""
        total = float(answers["length"].sum())
        if not total:
            return {}
        return {
            "error rate": float(answers["edits"].sum()) / total, "chance error rate": float(answers["guess"].sum()) / total,
            "accuracy": float((answers["edits"] == 0).double().mean()), "chance accuracy": float((answers["guess"] == 0).double().mean()),
        }  # fmt: skip

    def marked(self, tokens: Tokens, text: Text) -> dict[str, list[list[Marked]]]:  # type: ignore[override]
        """What is heard when, and when the pieces of the true sentence are said."""
        log_BTV, frames_B, when = self.emitted(tokens)
        heard, true = [], []
        for sample, (log_TV, count, pieces) in enumerate(zip(log_BTV, frames_B.tolist(), sentences(text))):
            log_TV = log_TV[:count].cpu()
            heard.append(
                [_marked(log_TV, number, frames, when.span(frames, sample)) for number, frames in said(log_TV)]
            )
            true.append(
                [
                    _marked(log_TV, number, frames, when.span(frames, sample))
                    for number, frames in aligned(log_TV, pieces)
                ]
            )
        return {"": heard, "true": true}

    def readings(self) -> Mapping[str, float | Tensor]:
        """Share of the last batch's clips that are too short for their sentence."""
        return {"too short": self._too_short}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two clips of eight frames, the second of five, and a sentence for each."""
        mask = torch.ones(2, 8, dtype=torch.bool)
        mask[1, 5:] = False
        grid = Grid(kind="times", sizes=(8,), first=0.01, step=0.02)
        return {
            "tokens": Tokens(x_BND=torch.randn(2, 8, 16), mask_BN=mask, modality="audio", grid=grid),
            "text": example_text(vocabulary=20, length=6),
        }


def sentences(text: Text) -> list[list[int]]:
    """The pieces of each sentence without the first and the last, which stand around it."""
    return [ids[: max(real, 0)][1:-1] for ids, real in zip(text.ids_BL.tolist(), text.mask_BL.sum(1).tolist())]


def aligned(log_TV: Tensor, pieces: list[int]) -> list[tuple[int, range]]:
    """Every piece with its frames; none where they do not fit."""
    if not pieces or len(log_TV) < frames_needed(pieces):
        return []
    return list(zip(pieces, frames_of_pieces(best_path(log_TV, pieces), len(pieces))))


def _targets(pieces: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    longest = max(1, *(len(one) for one in pieces))
    rows = [one + [0] * (longest - len(one)) for one in pieces]
    return torch.tensor(rows, device=device), torch.tensor([len(one) for one in pieces], device=device)


def _edits(log_TV: Tensor, right: list[int]) -> float:
    """What it takes to make a sentence of what is heard; NaN where what is heard is no number."""
    if not bool(log_TV.isfinite().all()):
        return math.nan
    return edits([number for number, _ in said(log_TV)], right)


def _marked(log_TV: Tensor, number: int, frames: range, span: Span) -> Marked:
    chance = float(log_TV[frames.start : frames.stop, number].exp().mean())
    return Marked(span=span, code=number, score=chance)
