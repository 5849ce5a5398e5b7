"""One decoder of words and codes: what each place sees, both orders, drawing equal to its own probabilities, guidance."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from core.blocks.encoders.text_transformer import example_text
from core.blocks.generators.mixed_decoder import MixedDecoder
from core.blocks.generators.writing import Beginning, Way, likelihoods, probabilities, written
from core.blocks.objectives.next_code import NextCode
from core.blocks.values import Codes, Grid, Text
from core.blocks.wish import Wish
from core.problems import Refused

GRID = Grid(kind="patches", sizes=(2, 2))


def codes_of(*rows: list[int]) -> Codes:
    return Codes(ids_BN=torch.tensor(rows), books=(5,), grid=GRID)


CODES = codes_of([0, 3, 1, 2], [4, 4, 0, 1])


def decoder(order: str = "codes", **knobs: Any) -> MixedDecoder:
    torch.manual_seed(0)
    config = MixedDecoder.Config(**{"width": 32, "depth": 2, "heads": 4, "guidance": 1.0, **knobs})
    made = MixedDecoder(config, {"text": example_text(), order: CODES}).eval()
    torch.nn.init.normal_(made.embedding.weight, std=0.25)  # neither uniform nor sure
    return made


def test_a_code_is_said_from_the_words_and_the_codes_before_it_alone() -> None:
    model, text = decoder(), example_text()
    said = model(text, codes=CODES)["said"]
    assert said.shape == (2, 4, 5)
    later = model(text, codes=codes_of([0, 3, 4, 4], [4, 4, 2, 2]))["said"]
    torch.testing.assert_close(said[:, :3], later[:, :3])  # the third was said before it was read
    assert not torch.allclose(said[:, 3], later[:, 3])
    other = replace(text, ids_BL=text.ids_BL.flip(1))
    assert not torch.allclose(said[:, 0], model(other, codes=CODES)["said"][:, 0])


def test_words_before_an_image_are_those_of_the_text_alone() -> None:
    model, text = decoder(), example_text()
    alone, _ = model.read(text.ids_BL, text.mask_BL)
    words = model(text, codes=CODES)["words"]
    expected = model.said(torch.where(text.mask_BL[..., None], alone, 0.0))[..., :50]
    torch.testing.assert_close(words, expected, atol=1e-5, rtol=0)


def test_an_image_that_is_masked_out_leaves_the_text_alone() -> None:
    model, text = decoder("before"), example_text()
    hidden = replace(CODES, mask_BN=torch.zeros(2, 4, dtype=torch.bool))
    seen, masked = model(text, before=CODES)["words"], model(text, before=hidden)["words"]
    alone, _ = model.read(text.ids_BL, text.mask_BL)
    expected = model.said(torch.where(text.mask_BL[..., None], alone, 0.0))[..., :50]
    torch.testing.assert_close(masked, expected, atol=1e-5, rtol=0)
    assert not torch.allclose(seen, masked, atol=1e-3)


def test_both_orders_are_the_same_weights() -> None:
    behind, before = decoder("codes"), decoder("before")
    before.load_state_dict(behind.state_dict())
    assert behind.image_begins == before.image_begins == 55


def test_drawing_says_what_the_whole_sequence_says() -> None:
    """Greedy codes, one by one through the cache, are the likeliest of the whole read at once."""
    model, text = decoder(temperature=0.0), example_text()
    drawn = model.make(Wish(seeds=(1, 2)), text)["codes"]
    assert drawn.grid == GRID
    assert drawn.books == (5,)
    again = model(text, codes=drawn)
    assert torch.equal(again["said"].argmax(-1), drawn.ids_BN)
    assert torch.equal(again["codes"].ids_BN, drawn.ids_BN)


def test_a_seed_draws_the_same_alone_and_beside_others() -> None:
    model = decoder(temperature=3.0, top_p=1.0)
    text = example_text()
    one = replace(text, ids_BL=text.ids_BL[:1], mask_BL=text.mask_BL[:1])
    alone = [model.make(Wish(seeds=(seed,)), one)["codes"].ids_BN[0] for seed in (3, 4, 5, 6)]
    together = model.make(Wish(seeds=(3, 4, 5, 6)), one)["codes"].ids_BN
    assert torch.equal(torch.stack(alone), together)
    assert len({tuple(row.tolist()) for row in together}) > 1


def test_first_codes_are_drawn_as_often_as_they_are_likely() -> None:
    model = decoder(temperature=1.3, top_p=1.0, width=8, depth=1, heads=1)
    text = example_text()
    one = Text(ids_BL=text.ids_BL[:1], mask_BL=text.mask_BL[:1], vocabulary=50)
    logits = model(one, codes=codes_of([0, 0, 0, 0]))["said"][0, 0].detach()
    expected = probabilities(logits.double(), Way(temperature=1.3)) * 1500
    model.places = 1
    drawn = model.make(Wish(seeds=tuple(range(1500))), one)["codes"].ids_BN[:, 0]
    counted = torch.bincount(drawn, minlength=5)
    assert (
        float(((counted - expected) ** 2 / expected.clamp_min(1e-9)).sum()) < 20.5
    )  # four degrees of freedom, p < 0.0004


def test_guidance_moves_away_from_the_empty_sentence() -> None:
    text = example_text()
    one = replace(text, ids_BL=text.ids_BL[:1], mask_BL=text.mask_BL[:1])
    empty = replace(one, mask_BL=torch.tensor([[True, False, False, False, False, True]]))
    model = decoder(temperature=0.0)
    model.places = 1
    seen, blind = (model(which, codes=CODES_1)["said"][0, 0] for which in (one, empty))
    for weight in (0.0, 1.0, 4.0):
        drawn = model.make(Wish(seeds=(0,), guidance=lambda weight=weight: weight), one)["codes"].ids_BN[0, 0]
        assert int(drawn) == int((blind + weight * (seen - blind)).argmax())


CODES_1 = codes_of([0, 3, 1, 2])


def test_while_learning_some_codes_stand_behind_an_empty_sentence() -> None:
    model, text = decoder(drop=1.0), example_text()
    empty = replace(text, mask_BL=torch.tensor([[True] + [False] * 4 + [True], [True, False, True] + [False] * 3]))
    learned = model.train()(text, codes=CODES)
    plain = model.eval()
    torch.testing.assert_close(learned["said"], plain(empty, codes=CODES)["said"], atol=1e-5, rtol=0)
    torch.testing.assert_close(learned["words"], plain(text, codes=CODES)["words"], atol=1e-5, rtol=0)


def test_the_loss_at_the_beginning_is_the_logarithm_of_the_code_book() -> None:
    objective = NextCode(NextCode.Config(), {"said": torch.randn(2, 4, 5), "codes": CODES})
    assert float(objective(torch.zeros(2, 4, 5), CODES)["loss"]) == pytest.approx(math.log(5), abs=1e-6)
    one_hot = 100.0 * torch.nn.functional.one_hot(CODES.ids_BN, 5).float()
    assert float(objective(one_hot, CODES)["loss"]) == pytest.approx(0.0, abs=1e-6)
    objective.eval()
    scores = objective.held_out_scores(objective.answers(torch.zeros(2, 4, 5), CODES))
    counts = 2 * torch.bincount(CODES.ids_BN.flatten(), minlength=5) + 1.0  # of two steps; one added to each
    unigram = (counts / counts.sum()).log()[CODES.ids_BN].mean()
    assert scores["perplexity"] == pytest.approx(5.0)
    assert scores["chance perplexity"] == pytest.approx(math.exp(-float(unigram)))


@pytest.mark.parametrize(
    ("incoming", "said"),
    [
        ({}, "either behind the words or before them"),
        ({"codes": CODES, "before": CODES}, "either behind the words or before them"),
        (
            {"codes": Codes(ids_BN=torch.zeros(2, 8, dtype=torch.long), books=(4, 4))},
            "one code book; the tokenizer has 2",
        ),
    ],
)
def test_what_cannot_be_drawn_is_told(incoming: dict[str, Codes], said: str) -> None:
    with pytest.raises(Refused, match=said):
        MixedDecoder(MixedDecoder.Config(), {"text": example_text(), **incoming})


def test_words_are_written_about_codes_as_they_are_read() -> None:
    """As tokens before the words an image's codes give what the forward gives; only words are written."""
    model, text = decoder("before"), example_text()
    about = model.about(CODES)
    assert about.grid is not None
    assert (about.grid.kind, about.grid.extra) == ("patches", 1)
    with torch.no_grad():
        read, _ = model.read(text.ids_BL, text.mask_BL, about)
        said = model.speaker().said(torch.where(text.mask_BL[..., None], read, 0.0))
        words = model(text, before=CODES)["words"]
        torch.testing.assert_close(said, words, atol=1e-5, rtol=0)
        logp = words.log_softmax(-1)[:, :-1].gather(-1, text.ids_BL[:, 1:, None])[..., 0]
        own = (logp * (text.mask_BL[:, 1:] & text.mask_BL[:, :-1])).sum(1)
        found = likelihoods(model.speaker(), text.ids_BL, text.mask_BL, about)
        torch.testing.assert_close(found, own, atol=1e-4, rtol=0)
        torch.nn.init.ones_(model.embedding.weight[model.words :])  # every code far likelier than every word
        beginning = Beginning(ids_BL=text.ids_BL[:, :1], real_BL=text.mask_BL[:, :1], tokens=model.about(CODES))
        rows = written(model.speaker(), beginning, Way(most=6), [0, 0], end=3)
    assert all(0 <= piece < model.words for row in rows for piece in row)


def test_codes_that_are_said_one_by_one_see_none_behind() -> None:
    with pytest.raises(Refused, match="one by one"):
        decoder(both_ways=True)


def after_example(**knobs: Any) -> MixedDecoder:
    torch.manual_seed(0)
    config = MixedDecoder.Config(**{"width": 32, "depth": 2, "heads": 4, "guidance": 1.0, "drop": 0.0, **knobs})
    made = MixedDecoder(config, {"text": example_text(), "codes": CODES, "example": CODES}).eval()
    torch.nn.init.normal_(made.embedding.weight, std=0.25)
    return made


EXAMPLE = codes_of([1, 1, 2, 4], [0, 2, 2, 3])


def test_an_example_is_read_before_the_words() -> None:
    """What is said behind it hangs on it, and is what a plain reading of one sequence says; masked out, nothing is left of it."""
    model, plain, text = after_example(), decoder(), example_text()
    plain.load_state_dict(model.state_dict())
    said = model(text, codes=CODES, example=EXAMPLE)["said"]
    ids_BM = torch.cat(
        [torch.full((2, 1), model.image_begins), EXAMPLE.ids_BN + model.words, text.ids_BL,
         torch.full((2, 1), model.image_begins), CODES.ids_BN + model.words], 1,
    )  # fmt: skip
    real_BM = torch.cat([torch.ones(2, 5, dtype=torch.bool), text.mask_BL, torch.ones(2, 5, dtype=torch.bool)], 1)
    read, _ = plain.read(ids_BM, real_BM)
    torch.testing.assert_close(said, plain.said(read[:, -5:-1])[..., 50:55], atol=1e-5, rtol=0)
    assert not torch.allclose(said, model(text, codes=CODES, example=CODES)["said"])
    hidden = replace(EXAMPLE, mask_BN=torch.zeros(2, 4, dtype=torch.bool))
    unseen = model(text, codes=CODES, example=hidden)
    alone = plain(text, codes=CODES)
    for name in ("said", "words"):
        torch.testing.assert_close(unseen[name], alone[name], atol=1e-5, rtol=0)


def test_drawing_after_an_example_says_what_the_whole_sequence_says() -> None:
    looks: list[torch.Tensor] = []
    model, text = after_example(temperature=0.0), example_text()
    wish = Wish(seeds=(1, 2), looked=lambda maps: looks.append(maps), said=lambda *_: None)
    drawn = model.make(wish, text, example=EXAMPLE)["codes"]
    assert torch.equal(model(text, codes=drawn, example=EXAMPLE)["said"].argmax(-1), drawn.ids_BN)
    assert looks[0].shape == (2, text.ids_BL.shape[1], 2, 2), "a share for every word, none for the example"


def test_where_the_sentence_is_hidden_the_example_is_too() -> None:
    model, text = after_example(drop=1.0).train(), example_text()
    one = model(text, codes=CODES, example=EXAMPLE)["said"]
    torch.testing.assert_close(one, model(text, codes=CODES, example=CODES)["said"], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("wired", "sentence"),
    [({"codes": CODES, "example": replace(CODES, books=(6,))}, "same tokenizer"),
     ({"before": CODES, "example": CODES}, "only read")],
)  # fmt: skip
def test_an_example_that_cannot_be_read_is_refused(wired: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        MixedDecoder(MixedDecoder.Config(width=32, depth=1, heads=4), {"text": example_text(), **wired})
