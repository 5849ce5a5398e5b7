"""What a decoder writes about held-out samples, beside what it writes about others' and how it reads with them changed about.

After every evaluation: greedy sentences against the data's own by exact match, by the same words in any order, and by chrF (Popović,
W15-3049; sacrebleu), each beside the same sentences told of another sample; perplexity with what the words are about taken from another sample (what is left is
language); retrieval by likelihood, both ways. Samples stand at even distances in their split and the other is half of them away:
neighbours are often alike, and a sentence about the next flag is about a flag. Series: ``score/<split>/<decoder>/chrF``, ``chance chrF`` ...,
``retrieval/<split>/image_to_<decoder>/R@1``. Axes: N samples, L word pieces, B batch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from sacrebleu.metrics import CHRF
from torch import Tensor

from core.blocks.generators.writing import Decoder, Way, likelihoods, written
from core.blocks.values import Text, Tokens, joined, map_tensors
from core.compiler.answers.writing import Writer, beginning, brackets, decoder_of, tokenizer_of, writers
from core.compiler.feed import Batch
from core.data.order import evenly
from core.graph.selection import EXAMPLES, SELECTING
from core.knobs import knob
from core.telemetry.events import Scalars
from core.training.callback import Callback, callbacks
from core.training.callbacks.evaluation import BATCH, as_evaluated
from core.training.control import Stopping
from core.training.retrieval import scores
from core.training.running import Running

SPLITS = (*SELECTING, "style")
AT_ONCE = 1024  # sentences that are read together


@callbacks.register("captions")
class Captions(Callback):
    """Writes about held-out samples and scores the sentences beside those written about other samples."""

    title = "Captions"
    order = 77

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many, and how long."""

        most: int = knob(
            64, "Held-out samples of a split that are written about.", low=2, high=100_000, unit="samples",
            title="Max examples",
        )  # fmt: skip
        words: int = knob(24, "Subwords of a sentence at most.", low=2, high=1024, unit="subwords", title="Max length")
        pool: int = knob(
            32, "Samples of a split whose sentences are ranked by likelihood, each for each; 0: none.", low=0, high=2000,
            unit="samples", title="Ranked",
        )  # fmt: skip

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._writers: tuple[Writer, ...] = ()

    def began(self, run: Running) -> None:
        """Find the decoders, or say why there is nothing to write."""
        self._writers = tuple(writer for writer in writers(run.plan) if writer.about is not None)
        if not self._writers:
            run.warn("Captions is off: no language decoder has tokens before its words.")
        elif run.callback("evaluation") is None:
            run.warn("Captions is off: it needs the training option Evaluation.")

    def evaluated(self, run: Running) -> None:
        """Write, read and score, split by split; cut short by a stop, nothing is said."""
        found: dict[str, float] = {}
        try:
            with as_evaluated(run):
                for _ in run.each_task():
                    for writer in self._writers:
                        if writer.node in run.task.batch_nodes:
                            found |= self._of_writer(run, writer)
        except Stopping:
            return
        run.say(Scalars(at=run.at(), values=found))

    def _of_writer(self, run: Running, writer: Writer) -> dict[str, float]:
        found: dict[str, float] = {}
        for split in (name for name in SPLITS if len(run.feed.splits.get(name, ())) > 1):
            shown = self._read(run, writer, split)
            name = f"{run.named(split)}/{writer.node}"
            found |= {f"score/{name}/{word}": value for word, value in self._scores(run, writer, shown).items()}
            ranked = self._ranked(run, writer, shown)
            found |= {f"retrieval/{run.named(split)}/{word}": value for word, value in ranked.items()}
        return found

    def _read(self, run: Running, writer: Writer, split: str) -> Shown:
        """A split's samples as the decoder meets them."""
        assert writer.about is not None
        about, decoder = writer.about, decoder_of(writer, run.experiment)

        def met(batch: Batch, chosen: list[int]) -> tuple[Any, Any, list[int]]:
            values = run.forward(batch, [about.node])
            return _placed(decoder.about(values[about]), "cpu"), _placed(values[writer.text], "cpu"), chosen

        found = run.collected(split, BATCH, max(self.config.most, self.config.pool), met)
        tokens, text = (_placed(joined([each[side] for each in found]), run.device) for side in (0, 1))
        return Shown(tokens=tokens, text=text, indices=[index for each in found for index in each[2]])

    def _scores(self, run: Running, writer: Writer, shown: Shown) -> dict[str, float]:
        decoder, tokenizer = decoder_of(writer, run.experiment).speaker(), tokenizer_of(writer.tokenizer, run.graph)
        some = shown.some(self.config.most)
        start, end = brackets(tokenizer)
        count = len(some.indices)
        said = written(
            decoder, beginning(some.tokens, count, start, run.device), Way(most=self.config.words), [0] * count, end
        )
        made = [tokenizer.decode(ids) for ids in said]
        own = [tokenizer.decode(ids[real].tolist()) for ids, real in zip(some.text.ids_BL, some.text.mask_BL)]
        words = (some.text.mask_BL[:, 1:] & some.text.mask_BL[:, :-1]).sum()
        losses = {
            name: -likelihoods(decoder, some.text.ids_BL, some.text.mask_BL, tokens).sum() / words
            for name, tokens in (("perplexity", some.tokens), ("chance perplexity", some.moved_on().tokens))
        }  # fmt: skip
        return {
            EXAMPLES: float(count),
            **against(made, own),
            **{name: math.exp(min(float(loss), 700.0)) for name, loss in losses.items()},
        }

    def _ranked(self, run: Running, writer: Writer, shown: Shown) -> dict[str, float]:
        """Which sentence a sample makes likeliest, and which sample a sentence."""
        some = shown.some(self.config.pool)
        if len(some.indices) < 2:
            return {}
        decoder = decoder_of(writer, run.experiment).speaker()
        table_NN = torch.stack([_row(decoder, some, number) for number in range(len(some.indices))]).cpu()
        labels = run.feed.things.captions(some.indices)
        things = run.feed.things.of(some.indices, writer.modality), run.feed.things.of(some.indices, "text")
        left, right = writer.modality, writer.node
        found: dict[str, float] = {}
        for way, table, sides in (
            (f"{left}_to_{right}", table_NN, things), (f"{right}_to_{left}", table_NN.T, things[::-1]),
        ):  # fmt: skip
            found |= {f"{way}/{name}": value for name, value in scores(table, labels, *sides).items()}
        return found


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Held-out samples: what stands before the words, the words."""

    tokens: Tokens
    text: Text
    indices: list[int]

    def some(self, count: int) -> Shown:
        """So many at even distances."""
        rows = evenly(range(len(self.indices)), count)
        tokens, text = (map_tensors(lambda x: x[rows] if x.ndim else x, value) for value in (self.tokens, self.text))
        return Shown(tokens=tokens, text=text, indices=[self.indices[row] for row in rows])

    def moved_on(self) -> Shown:
        """Every sample with what the words of another are about, half of all samples away."""
        far = len(self.indices) // 2
        return replace(self, tokens=map_tensors(lambda x: x.roll(-far, 0) if x.ndim else x, self.tokens))


def against(made: Sequence[str], own: Sequence[str]) -> dict[str, float]:
    """Exact match, the same words in any order, and chrF (0 to 1), each beside the same sentences told of the sample half of all away.

    Where words tell an order, exact match by same words says how often it is right of what was heard at all.
    """
    far = len(own) // 2
    moved = [*own[far:], *own[:far]]
    bags, own_bags, moved_bags = ([_bag(line) for line in lines] for lines in (made, own, moved))
    return {
        "exact match": _share(made, own), "chance exact match": _share(made, moved),
        "same words": _share(bags, own_bags), "chance same words": _share(bags, moved_bags),
        "chrF": _chrf(made, own), "chance chrF": _chrf(made, moved),
    }  # fmt: skip


def _bag(line: str) -> tuple[str, ...]:
    """A sentence's words without their order."""
    return tuple(sorted(re.findall(r"\w+", line)))


def _share(made: Sequence[object], own: Sequence[object]) -> float:
    return sum(one == other for one, other in zip(made, own)) / len(own)


def _chrf(made: Sequence[str], own: Sequence[str]) -> float:
    return float(CHRF().corpus_score(list(made), [list(own)]).score) / 100


def _row(decoder: Decoder, shown: Shown, number: int) -> Tensor:
    """How likely every sentence is behind one sample's tokens [N]."""
    parts = []
    for ids, real in zip(shown.text.ids_BL.split(AT_ONCE), shown.text.mask_BL.split(AT_ONCE)):
        parts.append(likelihoods(decoder, ids, real, _repeated(shown.tokens, number, len(ids))))
    return torch.cat(parts)


def _placed(value: Any, device: Any) -> Any:
    return map_tensors(lambda tensor: tensor.to(device), value)


def _repeated(tokens: Tokens, number: int, count: int) -> Tokens:
    """One sample's tokens, so many times."""
    made: Tokens = map_tensors(lambda x: x[number : number + 1].expand(count, *x.shape[1:]) if x.ndim else x, tokens)
    return made
