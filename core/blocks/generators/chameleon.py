"""Chameleon from transformers: an image's codes and words in one sequence, one decoder over one vocabulary (arXiv:2405.09818).

Weights come from a folder or hub id (facebook/chameleon-7b), with the tokenizer that came with them; without, the same classes are built
small. Its image tokenizer is frozen. The first piece of a sentence stands before the image, as Chameleon's processor lays it; what the
image's end says next is the first word. Axes: B batch, L word pieces, N codes, M = 2 + N + L pieces read, D width, V vocabulary, H heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.encoders.hub import HubTower
from core.blocks.encoders.hub_loading import only_shapes
from core.blocks.encoders.text_transformer import example_text
from core.blocks.generators.causal import shares
from core.blocks.tokenizers.convolutions import cell_knob, halvings
from core.blocks.tokenizers.quantizer import codes_knob
from core.blocks.values import Codes, Grid, Text, Tokens
from core.graph.ports import port
from core.problems import refuse

BEGINS, ENDS, HOLDS = (
    "<racm3:break>",
    "<eoss>",
    "<image>",
)  # an image begins, ends, stands here: names in Chameleon's vocabulary
CHANNELS = 32  # of the small image tokenizer; its norms need a multiple of 32


@blocks.register("generators.chameleon")
class Chameleon(HubTower):
    """Reads an image as codes among words, and says every next word."""

    title = "Chameleon"
    modality = "text"
    takes = {
        "image": port("image", "images in [0, 1], any size"),
        "text": port("text", "subwords, read after the image"),
    }
    gives = {
        "tokens": port("tokens", "one token per subword, made of it, the image and all before it", axes="B L D", modality="text"),
        "logits": port("predictions", "for each subword, how likely each of the vocabulary comes next", modality="text"),
        "codes": port("codes", "what its image tokenizer made of the image"),
    }  # fmt: skip
    model_class, config_class = "ChameleonForConditionalGeneration", "ChameleonConfig"
    exact = False  # its norms compute in float32

    @dataclass(frozen=True, kw_only=True)
    class Config(HubTower.Config):
        """Where weights come from, or how small to build without any."""

        codes: int = codes_knob()
        cell: int = cell_knob()

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.known = incoming["text"].vocabulary
        self._check()
        self.model.model.vqmodel.requires_grad_(False)
        pieces = self.model.model.vocabulary_mapping.img2bpe
        self.begins, self.ends = (self.model.config.vocabulary_map[name] for name in (BEGINS, ENDS))
        self.register_buffer("pieces_K", torch.tensor([pieces[code] for code in range(len(pieces))]), persistent=False)

    pieces_K: Tensor

    def _check(self) -> None:
        """Raises Refused where words are not what the model knows, or its vocabulary does not say where images are."""
        config, source = self.model.config, self.config.source
        named = config.vocabulary_map or {}
        codes = sorted(self.model.model.vocabulary_mapping.img2bpe) if named else []
        if BEGINS not in named or ENDS not in named or codes != list(range(config.vq_config.num_embeddings)):
            raise refuse(
                f"The configuration of {source!r} does not name the pieces of images.",
                hint="Give a folder of a whole Chameleon model.",
            )
        if self.known > config.vocab_size:
            raise refuse(
                f"The tokenizer has {self.known:,} subwords, this model knows {config.vocab_size:,}.",
                hint="Use the tokenizer that came with the weights (Pretrained tokenizer).",
            )

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """Words first, then codes, then what marks an image."""
        c, words = self.config, incoming["text"].vocabulary
        named = {f"IMGIMG{_letters(code)}Z": words + code for code in range(c.codes)}
        named |= {name: words + c.codes + place for place, name in enumerate((BEGINS, ENDS, HOLDS))}
        side = incoming["image"].shape[-1]
        return library.ChameleonConfig(
            vocab_size=words + c.codes + 3, hidden_size=c.width, intermediate_size=4 * c.width, num_hidden_layers=c.depth,
            num_attention_heads=c.heads, num_key_value_heads=c.heads, vocabulary_map=named, pad_token_id=None,
            bos_token_id=None, eos_token_id=None,
            vq_config={
                "embed_dim": CHANNELS, "num_embeddings": c.codes, "latent_channels": CHANNELS, "resolution": side,
                "base_channels": CHANNELS, "channel_multiplier": [1] * (halvings(c.cell) + 1), "num_res_blocks": 1,
            },
        )  # fmt: skip

    def forward(self, image: Tensor, text: Text) -> dict[str, Any]:
        """Images [B, 3, H, W] and ids [B, L] to tokens [B, L, D] and logits [B, L, V]; zeros where text is padding."""
        given, _ = self._read(image, text)
        return given

    def _read(self, image: Tensor, text: Text, **more: Any) -> tuple[dict[str, Any], Any]:
        codes = self._codes(image)
        ids_BM, real_BM = self._sequence(codes, text)
        place_BM = (real_BM.cumsum(1) - 1).clamp_min(0)
        mask = real_BM.long()
        if mask.device.type == "meta":  # transformers looks into a mask of this form, and lets one of every pair be
            mask = mask[:, None, None].expand(-1, 1, mask.shape[1], -1).bool()
        made = self.model.model(
            input_ids=ids_BM, attention_mask=mask, position_ids=place_BM, use_cache=False, **more
        )  # fmt: skip
        length = text.ids_BL.shape[1]
        tokens = Tokens(
            x_BND=made.last_hidden_state[:, -length:], mask_BN=text.mask_BL, modality="text", grid=Grid(kind="words", sizes=(length,))
        )  # fmt: skip
        return {"tokens": tokens, "logits": self._said(tokens.zeroed().x_BND), "codes": codes}, made

    def _codes(self, image: Tensor) -> Codes:
        config = self.model.config.vq_config
        side = config.resolution
        if image.shape[-2:] != (side, side):
            image = F.interpolate(image, (side, side), mode="bicubic", antialias=image.device.type != "meta").clamp(
                0, 1
            )
        with torch.no_grad():
            found = self.model.model.vqmodel.encode(image * 2 - 1, return_dict=True).image_tokens
        cells = side // 2 ** (len(config.channel_multiplier) - 1)
        grid = Grid(kind="patches", sizes=(cells, cells))
        return Codes(ids_BN=found.view(len(image), -1), books=(config.num_embeddings,), grid=grid)

    def _sequence(self, codes: Codes, text: Text) -> tuple[Tensor, Tensor]:
        """[B, M]: the first piece, the image between its marks, the other pieces; and which are real."""
        pieces_BN = self.pieces_K[codes.ids_BN]
        marks = (torch.full_like(pieces_BN[:, :1], piece) for piece in (self.begins, self.ends))
        before, after = marks
        image_BN = torch.cat([before, pieces_BN, after], 1)
        ids, mask = text.ids_BL, text.mask_BL
        real_BN = mask.any(1, keepdim=True).expand(-1, image_BN.shape[1])
        return torch.cat([ids[:, :1], image_BN, ids[:, 1:]], 1), torch.cat([mask[:, :1], real_BN, mask[:, 1:]], 1)

    def _said(self, x_BLD: Tensor) -> Tensor:
        """Logits of words; of pieces that are codes none is ever said, as in transformers."""
        logits_BLV: Tensor = self.model.lm_head(x_BLD)[..., : self.known]
        codes_K = self.pieces_K[self.pieces_K < self.known] if not only_shapes() else self.pieces_K[:0]
        return logits_BLV.index_fill(-1, codes_K, torch.finfo(logits_BLV.dtype).min) if len(codes_K) else logits_BLV

    def _with_maps(self, **incoming: Any) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
        given, made = self._read(**incoming, output_attentions=True)
        return given, made.attentions

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """How each word shares out its look among the image's codes."""
        given, maps = super().watched(**incoming)
        count, length = given["codes"].ids_BN.shape[1], incoming["text"].ids_BL.shape[1]
        return given, {layer: shares(rows[..., -length:, 2 : 2 + count]) for layer, rows in maps.items()}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small pictures and two short sentences."""
        return {"image": torch.rand(2, 3, 16, 16), "text": example_text()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer, few codes."""
        return {"width": 16, "depth": 1, "heads": 2, "codes": 8, "cell": 8}


def _letters(code: int) -> str:
    """How Chameleon's vocabulary writes the number of a code: a letter for each digit."""
    return "".join(chr(ord("A") + int(digit)) for digit in str(code))
