"""One model for words and images: a causal decoder over one vocabulary of word pieces and image codes (Chameleon, arXiv:2405.09818).

Codes behind the words are drawn from them (DALL-E, arXiv:2102.12092); codes before the words are what the words are about. The same
weights do both, so understanding and generating are two tasks of one document. Guidance (arXiv:2207.12598) for codes holds what the
words say against what an empty sentence would. Codes of an example, such as the image of the nearest caption, may stand before the
words (retrieval-augmented, CM3Leon, arXiv:2309.02591). Axes: B batch, E pieces of the example, L word pieces, N codes, V words, K codes
there can be, M pieces read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from core.blocks.attention.cache import Cache
from core.blocks.attention.core import recording
from core.blocks.catalog import blocks
from core.blocks.diffusion.guidance import guided
from core.blocks.encoders.text_transformer import example_text
from core.blocks.generators.causal import CausalDecoder
from core.blocks.generators.writing import Beginning, Way, further, opened, piece_of
from core.blocks.values import Codes, Grid, Text, Tokens
from core.blocks.wish import Wish
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


@blocks.register("generators.mixed_decoder")
class MixedDecoder(CausalDecoder):
    """Reads and says words and image codes as one sequence: draws an image behind words, or says words behind an image."""

    title = "Mixed-token decoder"
    modality = "shared"
    takes = {
        "text": port("text", "subwords"),
        "codes": port("codes", "codes of an image, said after the words", optional=True),
        "before": port("codes", "codes of an image, read before the words", optional=True),
        "example": port(
            "codes", "codes of another image, read before words that codes are drawn behind", optional=True
        ),
    }
    gives = {
        "words": port("predictions", "for each subword, how likely each comes next", modality="text"),
        "said": port("predictions", "for each code, how likely each was before it was read", modality="image"),
        "codes": port("codes", "while learning, the likeliest at each place; when asked to make, drawn ones"),
        "tokens": port("tokens", "one token per subword, made of it and all before it", axes="B L D", modality="text"),
    }
    learns = ("codes",)
    is_guided = True

    @dataclass(frozen=True, kw_only=True)
    class Config(CausalDecoder.Config):
        """Sizes, what is learned without words, and how codes are drawn."""

        drop: float = knob(
            0.1,
            "How often codes are learned behind an empty sentence; guidance needs some.",
            low=0,
            high=1,
            title="Condition dropout",
        )
        guidance: float = knob(
            2.0,
            "How far drawn codes are moved towards the words: 1 as learned, 0 as for an empty sentence.",
            low=0,
            high=30,
        )
        temperature: float = knob(1.0, "Spread of drawn codes; 0 takes the likeliest.", low=0, high=10)
        top_k: int = knob(0, "Draw only among so many likeliest codes; 0: all.", low=0, high=1_000_000, title="Top k")
        top_p: float = knob(0.95, "Draw only among the likeliest codes that have this probability together.", low=0.01, high=1,
                            title="Top p")  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        both = [incoming[name] for name in ("codes", "before") if name in incoming]
        if len(both) != 1:
            raise refuse(
                "This decoder needs codes of an image, either behind the words or before them.",
                hint="Wire one of the two ports of codes; for both orders place it twice with the same weights.",
            )
        if config.source:
            raise refuse(
                "A decoder of words and codes has no published weights to load.", hint="Leave the folder empty."
            )
        if config.both_ways:
            raise refuse(
                "Here codes are said one by one, so none may see those behind it.",
                hint="Switch Prefix both ways off, or use a language decoder.",
            )
        codes: Codes = both[0]
        if len(codes.books) != 1:
            raise refuse(
                f"This decoder draws images of one code book; the tokenizer has {len(codes.books)}.",
                hint="Choose a quantizer with one book, such as the vector quantizer or finite scalars.",
            )
        self._check_example(codes, incoming)
        self.words, self.book, self.places = incoming["text"].vocabulary, codes.books[0], codes.ids_BN.shape[1]
        self.grid = codes.grid
        super().__init__(config, incoming, self.words + self.book + 1)

    def _check_example(self, codes: Codes, incoming: Mapping[str, Any]) -> None:
        """How many pieces an example takes. Raises Refused where it is of other codes, or of an image that is only read."""
        example: Codes | None = incoming.get("example")
        self.example_pieces = 0 if example is None else 1 + example.ids_BN.shape[1]
        if example is not None and example.books != codes.books:
            raise refuse(
                f"The example has codes of {example.books}, the image of {codes.books}.",
                hint="Make both with the same tokenizer.",
            )
        if example is not None and "codes" not in incoming:
            raise refuse(
                "An example leads to codes that are made, and here an image is only read.",
                hint="Wire codes behind the words.",
            )

    @property
    def image_begins(self) -> int:
        """The piece before an image's codes."""
        return self.words + self.book

    def forward(
        self, text: Text, codes: Codes | None = None, before: Codes | None = None, example: Codes | None = None
    ) -> dict[str, Any]:
        """Ids [B, L] and codes [B, N] to words [B, L, V] and said [B, N, K]: what each code was said to be before it was read."""
        image, length = codes if codes is not None else before, text.ids_BL.shape[1]
        assert image is not None
        codes_BN, real_BN = self._image(image)
        if codes is not None:
            read_BL = self._seen(text.mask_BL)
            first_BE, shown_BE = self._led(example, text.ids_BL, (read_BL == text.mask_BL).all(1, keepdim=True))
            x_BMD, _ = self.read(
                torch.cat([first_BE, text.ids_BL, codes_BN], 1), torch.cat([shown_BE, read_BL, real_BN], 1)
            )
            x_BMD = x_BMD[:, self.example_pieces :]
            words_BLD, image_BND = self._words(text, read_BL, x_BMD[:, :length]), x_BMD[:, length:]
        else:
            x_BMD, _ = self.read(torch.cat([codes_BN, text.ids_BL], 1), torch.cat([real_BN, text.mask_BL], 1))
            words_BLD, image_BND = x_BMD[:, -length:], x_BMD[:, :-length]
        tokens = Tokens(
            x_BND=words_BLD, mask_BN=text.mask_BL, modality="text", grid=Grid(kind="words", sizes=(length,))
        )
        said_BNK = self._codes_of(self.said(torch.where(real_BN[..., None], image_BND, 0.0)[:, :-1]))
        return {
            "words": self.said(tokens.zeroed().x_BND)[..., : self.words], "said": said_BNK,
            "codes": replace(image, ids_BN=said_BNK.argmax(-1)), "tokens": tokens,
        }  # fmt: skip

    def _seen(self, mask_BL: Tensor) -> Tensor:
        """The words that codes are learned behind: now and then those of an empty sentence."""
        if not (self.training and self.config.drop) or mask_BL.device.type == "meta":
            return mask_BL
        hidden_B1 = torch.rand(len(mask_BL), 1, device=mask_BL.device) < self.config.drop
        return torch.where(hidden_B1, _ends_alone(mask_BL), mask_BL)

    def _words(self, text: Text, read_BL: Tensor, x_BLD: Tensor) -> Tensor:
        """What was made of the words; of sentences that the codes did not see, read once more by themselves."""
        hidden_B = (read_BL != text.mask_BL).any(1) if text.ids_BL.device.type != "meta" else None
        if hidden_B is None or not bool(hidden_B.any()):
            return x_BLD
        own_BLD, _ = self.read(text.ids_BL[hidden_B], text.mask_BL[hidden_B])
        return x_BLD.index_put((hidden_B.nonzero()[:, 0],), own_BLD)

    def _image(self, codes: Codes) -> tuple[Tensor, Tensor]:
        """The piece that begins an image and its codes in the decoder's numbers [B, 1 + N], and which are real."""
        ids_BN = codes.ids_BN + self.words
        first_B1 = torch.full_like(ids_BN[:, :1], self.image_begins)
        real_BN = torch.ones_like(ids_BN, dtype=torch.bool) if codes.mask_BN is None else codes.mask_BN
        return torch.cat([first_B1, ids_BN], 1), torch.cat([real_BN.any(1, keepdim=True), real_BN], 1)

    def _led(self, example: Codes | None, ids_BL: Tensor, shown_B1: Tensor) -> tuple[Tensor, Tensor]:
        """An example's pieces [B, E], none without one, and which are read: none where the sentence is hidden."""
        if example is None:
            return ids_BL[:, :0], shown_B1[:, :0]
        first_BE, real_BE = self._image(example)
        return first_BE, real_BE & shown_B1

    def about(self, value: Codes) -> Tokens:
        """An image's codes as tokens before the words: what reads them so reads what the forward reads."""
        ids_BN, real_BN = self._image(value)
        grid = replace(value.grid, extra=value.grid.extra + 1) if value.grid is not None else None
        return Tokens(x_BND=self.embedding(ids_BN), mask_BN=real_BN, modality="image", grid=grid)

    def speaker(self) -> Words:
        """Of all pieces only words are written."""
        return Words(decoder=self)

    def _codes_of(self, logits: Tensor) -> Tensor:
        """Of the codes alone."""
        return logits[..., self.words : self.words + self.book]

    def make(  # type: ignore[override]
        self, wish: Wish, text: Text, before: Codes | None = None, example: Codes | None = None
    ) -> dict[str, Any]:
        """Codes [B, N] drawn behind the words, a stream of random numbers for each seed; what only reads codes reads them."""
        if before is not None:
            return self(text, before=before)
        rows = len(wish.seeds)
        shown = self._beginning(text, text.mask_BL, rows, example, True)
        hidden = self._beginning(text, _ends_alone(text.mask_BL), rows, example, False)
        streams = [torch.Generator().manual_seed(seed) for seed in wish.seeds]
        drawn = self._drawn(wish, shown, hidden, streams)
        codes = Codes(ids_BN=drawn[:1] if wish.shares else drawn, books=(self.book,), grid=self.grid)
        return {"codes": codes}

    def _beginning(self, text: Text, mask_BL: Tensor, rows: int, example: Codes | None, is_shown: bool) -> Beginning:
        first_BE, real_BE = self._led(example, text.ids_BL, torch.full_like(mask_BL[:, :1], is_shown))
        ids_BM = torch.cat([first_BE, text.ids_BL, torch.full_like(text.ids_BL[:, :1], self.image_begins)], 1)
        real_BM = torch.cat([real_BE, mask_BL, torch.ones_like(mask_BL[:, :1])], 1)
        return Beginning(ids_BL=ids_BM.expand(rows, -1), real_BL=real_BM.expand(rows, -1))

    def _drawn(self, wish: Wish, shown: Beginning, hidden: Beginning, streams: list[torch.Generator]) -> Tensor:
        """[B, N]; between two things all rows draw the same: by the odds of both, each counting its share, and as one of both would."""
        knobs = self.config
        way = Way(most=self.places, temperature=knobs.temperature, top_k=knobs.top_k, top_p=knobs.top_p)
        states = [opened(self, beginning, self.places) for beginning in (shown, hidden)]
        found: list[Tensor] = []
        turns = torch.Generator().manual_seed(sum(wish.seeds))
        for step in range(self.places):
            weight = wish.guidance() if wish.guidance is not None else None
            logits_BK = guided(
                knobs.guidance if weight is None else weight,
                lambda: self._codes_of(states[0][0]),  # noqa: B023 called at once
                lambda: self._codes_of(states[1][0]),  # noqa: B023
            )
            if wish.shares:
                logits_BK = (torch.tensor(wish.shares).to(logits_BK) @ logits_BK).expand_as(logits_BK)
            picked = [piece_of(row_K, way, stream) for row_K, stream in zip(logits_BK, streams)]
            if wish.shares:
                edges = torch.tensor(wish.shares, dtype=torch.float64).cumsum(0)
                picked = [picked[int((edges <= torch.rand(1, generator=turns)).sum())]] * len(picked)
            ids_B = torch.tensor(picked, device=logits_BK.device)
            found.append(ids_B)
            self._tell(wish, shown, torch.stack(found, 1)[: wish.count])
            if step + 1 < self.places:
                states = [further(self, ids_B + self.words, cache) for _, cache in states]
        return torch.stack(found, 1)

    def _tell(self, wish: Wish, shown: Beginning, ids_BN: Tensor) -> None:
        """The codes so far; before the last is told, where the words were attended to."""
        done, is_laid = ids_BN.shape[1], self.grid is not None and self.grid.kind == "patches"
        if wish.looked is not None and done == self.places and not wish.shares and is_laid:
            wish.looked(self._looks_at_words(shown, ids_BN))
        if wish.said is not None:
            wish.said(Codes(ids_BN=ids_BN, books=(self.book,), grid=self.grid), done, self.places)

    def _looks_at_words(self, shown: Beginning, ids_BN: Tensor) -> Tensor:
        """Of every cell the shares of its attention that words had when its code was said [B, L, h, w]: mean over layers and heads."""
        assert self.grid is not None
        ids_BM = torch.cat([shown.ids_BL, ids_BN[:, :-1] + self.words], 1)
        real_BM = torch.cat([shown.real_BL, torch.ones_like(ids_BN[:, 1:], dtype=torch.bool)], 1)
        with recording(dict(self.attentions())) as maps:
            self.read(ids_BM, real_BM)
        rows_BMM = torch.stack([self.looks(rows[-1], 0).mean(1) for rows in maps.values()]).mean(0)
        ends = shown.ids_BL.shape[1] - 1  # the last piece before the codes begins the image
        return rows_BMM[:, ends:, self.example_pieces : ends].transpose(1, 2).unflatten(2, self.grid.sizes)

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sentences, and four codes of two by two cells behind each."""
        grid = Grid(kind="patches", sizes=(2, 2))
        codes = Codes(ids_BN=torch.tensor([[0, 3, 1, 2], [4, 4, 0, 1]]), books=(5,), grid=grid)
        return {"text": example_text(), "codes": codes}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer."""
        return {"width": 16, "depth": 1, "heads": 2}


@dataclass(frozen=True, kw_only=True)
class Words:
    """A decoder of words and codes that is asked for words."""

    decoder: MixedDecoder

    def read(
        self, ids_BL: Tensor, real_BL: Tensor, tokens: Tokens | None = None, cache: Cache | None = None
    ) -> tuple[Tensor, Cache | None]:
        """As the decoder reads."""
        return self.decoder.read(ids_BL, real_BL, tokens, cache)

    def said(self, x_BLD: Tensor) -> Tensor:
        """Logits [B, L, V] of words."""
        return self.decoder.said(x_BLD)[..., : self.decoder.words]

    def room(self, rows: int, capacity: int) -> Cache:
        """An empty cache."""
        return self.decoder.room(rows, capacity)


def _ends_alone(mask_BL: Tensor) -> Tensor:
    """The first and the last real piece of every row: what an empty sentence has."""
    place_BL = mask_BL.cumsum(1)
    return mask_BL & ((place_BL == 1) | (place_BL == place_BL[:, -1:]))
