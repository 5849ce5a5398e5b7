"""The Q-Former with text: BLIP-2's numbers on the same weights under its three masks, and who is blind to whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.text_transformer import example_text
from core.blocks.fusion.pairs import Pairs
from core.blocks.fusion.q_former_text import QFormerText, seen
from core.blocks.fusion.sides import example_sides
from core.blocks.values import Text, Tokens
from core.compiler.answers.questions import questions_of
from core.compiler.compile import compile
from core.knobs import configure
from core.problems import Refused
from tests.core.blocks.test_bridges import plain, shaken, take
from tests.documents import Drawing

transformers = transformers_module()
QUERIES, LENGTH = 5, 6


def text(seed: int = 0) -> Text:
    """Two captions, the second of them short."""
    generator = torch.Generator().manual_seed(seed)
    return replace(example_text(vocabulary=30), ids_BL=torch.randint(1, 30, (2, LENGTH), generator=generator))


def made(**incoming: Any) -> QFormerText:
    torch.manual_seed(0)
    config = configure(QFormerText.Config, {"width": 16, "count": QUERIES, "depth": 3, "heads": 4})
    return QFormerText(config, {"tokens": plain(width=20), "text": text(), **incoming}).eval()


def names_of_blip() -> dict[str, str]:
    """Each of our weights under BLIP-2's name."""
    names = {f"norm.{kind}": f"layernorm.{kind}" for kind in ("weight", "bias")}
    for n in range(3):
        parts = {"attention": "attention", **({"cross": "crossattention"} if n % 2 == 0 else {})}
        norms = {
            "norm_1": "attention.output.LayerNorm",
            "norm_3": "output_query.LayerNorm",
            "norm_text": "output.LayerNorm",
        }
        norms |= {"norm_2": "crossattention.output.LayerNorm"} if n % 2 == 0 else {}
        dense = {
            "mlp.0": "intermediate_query",
            "mlp.2": "output_query",
            "mlp_text.0": "intermediate",
            "mlp_text.2": "output",
        }
        for kind in ("weight", "bias"):
            for mine, other in parts.items():
                here, there = f"layers.{n}.{mine}.", f"encoder.layer.{n}.{other}."
                names[f"{here}query.{kind}"] = f"{there}attention.query.{kind}"
                names[f"{here}key_value.{kind}"] = f"{there}attention.key.{kind}+{there}attention.value.{kind}"
                names[f"{here}out.{kind}"] = f"{there}output.dense.{kind}"
            names |= {f"layers.{n}.{mine}.{kind}": f"encoder.layer.{n}.{other}.{kind}" for mine, other in norms.items()}
            names |= {
                f"layers.{n}.{mine}.{kind}": f"encoder.layer.{n}.{other}.dense.{kind}" for mine, other in dense.items()
            }
    return names


def test_it_is_blip2s_under_all_three_masks_on_the_same_weights() -> None:
    module = transformers.models.blip_2
    config = module.Blip2QFormerConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, encoder_hidden_size=20, vocab_size=30,
        cross_attention_frequency=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, use_qformer_text_input=True,
    )  # fmt: skip
    theirs, block = shaken(module.modeling_blip_2.Blip2QFormerModel(config)), made()
    own = {"queries_QE": (QUERIES, 16), "embedding.weight": (30, 16), "position.weight": (LENGTH, 16),
           "said.weight": (30, 16), "said.bias": (30,)}  # fmt: skip
    generator = torch.Generator().manual_seed(4)
    given = {name: torch.randn(shape, generator=generator) for name, shape in own.items()}
    take(block, {**theirs.state_dict(), **given}, {**names_of_blip(), **{name: name for name in own}})
    tokens, words = plain(width=20), text()
    query_BQE = given["queries_QE"].expand(2, -1, -1)
    word_BLE = given["embedding.weight"][words.ids_BL] + given["position.weight"][:LENGTH]
    both_BTE = torch.cat([query_BQE, word_BLE], 1)

    def of(x_BTE: Tensor, mask: Tensor, queries: int) -> Tensor:
        found: Tensor = theirs(
            query_embeds=x_BTE, query_length=queries, attention_mask=mask, encoder_hidden_states=tokens.x_BND
        ).last_hidden_state
        return found

    with torch.no_grad():
        found = block(tokens=tokens, text=words, matched=words)
        alone = theirs(query_embeds=query_BQE, encoder_hidden_states=tokens.x_BND).last_hidden_state
        real_BL = words.mask_BL
        read = of(word_BLE, real_BL, 0)
        told = of(both_BTE, seen(QUERIES, real_BL, causal=True)[:, None], QUERIES)[:, QUERIES:]
        together = of(both_BTE, torch.cat([torch.ones(2, QUERIES, dtype=torch.bool), real_BL], 1), QUERIES)[:, :QUERIES]
    near = {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(found["queries"].x_BND, alone, **near)
    torch.testing.assert_close(found["words"].x_BND[real_BL], read[real_BL], **near)
    torch.testing.assert_close(found["logits"][real_BL], block.said(told)[real_BL], **near)
    torch.testing.assert_close(found["together"].x_BND, together, **near)


def test_who_is_blind_to_whom() -> None:
    block, tokens, other = made(), plain(width=20), text(seed=1)
    other_image = tokens.with_x(-tokens.x_BND)
    with torch.no_grad():
        first = block(tokens=tokens, text=text(), matched=text())
        words = block(tokens=tokens, text=other, matched=other)
        image = block(tokens=other_image, text=text(), matched=text())
        alone = made().requires_grad_(False)(tokens=tokens)["queries"]

    def same(one: Any, two: Any) -> bool:
        left, right = (value.x_BND if isinstance(value, Tokens) else value for value in (one, two))
        return torch.allclose(left, right, atol=1e-6)

    assert [same(first[name], words[name]) for name in ("queries", "words", "logits", "together")] == [
        True,
        False,
        False,
        False,
    ]
    assert [same(first[name], image[name]) for name in ("queries", "words", "logits", "together")] == [
        False,
        True,
        False,
        False,
    ]
    assert same(alone, first["queries"])
    assert QFormerText.hangs_on == {"queries": ("tokens",), "words": ("text",)}


def test_a_word_is_said_of_the_image_and_of_what_came_before() -> None:
    block, tokens, words = made(), plain(width=20), text()
    for place in range(1, LENGTH):
        ids_BL = words.ids_BL.clone()
        ids_BL[0, place:] = (ids_BL[0, place:] + 7) % 30
        with torch.no_grad():
            first, later = (
                block(tokens=tokens, text=one)["logits"][0] for one in (words, replace(words, ids_BL=ids_BL))
            )
        torch.testing.assert_close(first[:place], later[:place], atol=1e-6, rtol=1e-5)
        assert not torch.allclose(first[place], later[place], atol=1e-4)


def test_looks_are_those_of_queries_that_read_no_word() -> None:
    block, tokens = made(), plain(width=20)
    with torch.no_grad():
        _, maps = block.watched(tokens=tokens, text=text(), matched=text(seed=1))
        _, alone = block.watched(tokens=tokens)
    assert [*maps] == ["0", "2"]
    torch.testing.assert_close(maps["2"], alone["2"], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(maps["2"].sum(-1), torch.ones(2, 4, QUERIES))


def test_each_side_has_its_modality_and_is_asked_alone() -> None:
    draw = Drawing("one Q-Former")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.vit", patch_size=4, width=24, depth=1, heads=2)
    draw.add("fusion.q_former_text", width=16, count=2, heads=2)
    draw.add("connectors.pool")
    draw.add("connectors.pool")
    draw.add("objectives.info_nce")
    for source, target in (
        ("emoji.image", "vit.image"), ("emoji.sentence", "tokenizer.sentence"), ("vit.tokens", "q_former_text.tokens"),
        ("tokenizer.text", "q_former_text.text"), ("q_former_text.queries", "pool.tokens"), ("q_former_text.words", "pool_2.tokens"),
        ("pool.embedding", "info_nce.left"), ("pool_2.embedding", "info_nce.right"),
    ):  # fmt: skip
        draw.wire(source, target)
    plan = compile(draw.document)
    assert [plan.modality_of(end) for end in plan.pair("info_nce") or ()] == ["image", "text"]
    assert {given: one.finds for given, one in questions_of(plan).items()} == {
        frozenset({"sentence"}): "pictures", frozenset({"picture"}): "sentences",
    }  # fmt: skip


def test_without_text_it_says_what_to_do() -> None:
    with pytest.raises(Refused, match="has no text"):
        QFormerText(QFormerText.Config(), {"tokens": plain()})


def test_subwords_of_mismatched_pairs_go_with_their_side() -> None:
    sides, words = example_sides(), text()
    given = Pairs(Pairs.Config(), sides).eval()(left=sides["left"], right=sides["right"], text=words)
    rights, ids = given["right"].x_BND, given["text"].ids_BL
    for row in range(len(rights)):
        whose = next(n for n in range(2) if torch.equal(rights[row], sides["right"].x_BND[n]))
        assert torch.equal(ids[row], words.ids_BL[whose] * words.mask_BL[whose])
    assert "text" not in Pairs(Pairs.Config(), sides).eval()(left=sides["left"], right=sides["right"])
