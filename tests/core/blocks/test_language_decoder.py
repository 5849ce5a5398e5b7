"""The decoder beside transformers on the same weights; with a cache as without; what is written beside transformers' generate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.blocks.connectors.pool import example_tokens
from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.generators.beams import beamed
from core.blocks.generators.causal import among_first
from core.blocks.generators.language_decoder import LanguageDecoder
from core.blocks.generators.pretrained_decoder import described
from core.blocks.generators.writing import Beginning, Way, likelihoods, probabilities, written
from core.blocks.objectives.next_word import NextWord
from core.blocks.positions import angles
from core.blocks.values import Text, Tokens
from core.problems import Refused

transformers = transformers_module()
END, VOCABULARY = 3, 61


def small(family: str = "Llama", **more: Any) -> Any:
    """A tiny transformers model whose words are not all alike."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=64, pad_token_id=0, bos_token_id=2, eos_token_id=END,
        initializer_range=0.2, **more,
    )  # fmt: skip
    return getattr(transformers, f"{family}ForCausalLM")(config).eval()


def ours(model: Any) -> LanguageDecoder:
    """The same weights in our own blocks."""
    given = described(model.config, model.state_dict())
    form = given.form
    block = LanguageDecoder(
        LanguageDecoder.Config(
            width=form.width, depth=form.depth, heads=form.heads, key_heads=form.key_heads, hidden=form.hidden,
            norms_heads=form.norms_heads, tied=given.tied,
        ),
        {"text": text_of(torch.zeros(1, 1, dtype=torch.int64))},
    )  # fmt: skip
    block.load_state_dict(dict(given.weights))
    return block.eval()


def text_of(ids_BL: Tensor, mask_BL: Tensor | None = None) -> Text:
    mask = torch.ones_like(ids_BL, dtype=torch.bool) if mask_BL is None else mask_BL
    return Text(ids_BL=ids_BL, mask_BL=mask, vocabulary=VOCABULARY)


def some_ids(rows: int = 3, length: int = 9) -> Tensor:
    return torch.randint(4, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(1))


class ExactNorm(nn.Module):
    """transformers' RMSNorm without its rounding to float32."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.epsilon = norm.weight, norm.variance_epsilon

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon))


class ExactPlaces(nn.Module):
    """The same angles as ours, their sines in float64."""

    def forward(self, x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        angle = angles(position_ids[..., None], 8).to(x.dtype)
        halves = torch.cat([angle[..., ::2], angle[..., ::2]], -1)
        return halves.cos(), halves.sin()


def in_exact_float64(model: Any) -> Any:
    for name, part in list(model.named_modules()):
        if type(part).__name__.endswith("RMSNorm"):
            owner, leaf = name.rpartition(".")[::2]
            setattr(model.get_submodule(owner), leaf, ExactNorm(part))
    model.model.rotary_emb = ExactPlaces()
    return model.double()


@pytest.mark.parametrize("family", ["Llama", "Qwen3"])
@pytest.mark.parametrize("tied", [False, True])
def test_it_is_transformers_model_on_the_same_weights(family: str, tied: bool) -> None:
    model = small(family, tie_word_embeddings=tied)
    for part in model.modules():  # norms that do something
        if type(part).__name__.endswith("RMSNorm"):
            nn.init.uniform_(part.weight, 0.5, 1.5)
    ids = some_ids()
    with torch.no_grad():
        found = ours(model)(text=text_of(ids))["logits"]
        assert (found - model(ids).logits).abs().max() < 1e-5
        block = ours(model).double()
        exact = in_exact_float64(model)
        assert (block(text=text_of(ids))["logits"] - exact(ids).logits).abs().max() < 1e-12


def test_weights_come_from_a_folder_and_what_is_wrong_is_said(tmp_path: Path) -> None:
    model = small("Qwen3")
    model.save_pretrained(tmp_path / "qwen")
    ids = some_ids()
    text = text_of(ids)
    block = LanguageDecoder(LanguageDecoder.Config(source=str(tmp_path / "qwen")), {"text": text}).eval()
    with torch.no_grad():
        assert (block(text=text)["logits"] - model(ids).logits).abs().max() < 1e-5
    with torch.device("meta"):
        ghost = LanguageDecoder(LanguageDecoder.Config(source=str(tmp_path / "qwen")), {"text": text})
    assert [p.shape for p in ghost.parameters()] == [p.shape for p in block.parameters()]
    transformers.GPT2LMHeadModel(transformers.GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=8)).save_pretrained(
        tmp_path / "gpt"
    )
    with pytest.raises(Refused, match="gpt2"):
        LanguageDecoder(LanguageDecoder.Config(source=str(tmp_path / "gpt")), {"text": text})
    with pytest.raises(Refused, match="16 wide"):
        LanguageDecoder(LanguageDecoder.Config(), {"text": text, "tokens": example_tokens()})


def decoder(**knobs: Any) -> LanguageDecoder:
    """Ours alone, in float64, sharp enough that words differ."""
    torch.manual_seed(0)
    config = LanguageDecoder.Config(**{"width": 16, "depth": 2, "heads": 2, "key_heads": 1, **knobs})
    block = LanguageDecoder(config, {"text": text_of(some_ids()), "tokens": example_tokens()}).double().eval()
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    return block


def before(rows: int = 3) -> Tokens:
    """Tokens before the words, of unequal number."""
    mask = torch.ones(rows, 5, dtype=torch.bool)
    mask[1, 2:] = False
    x_BND = torch.randn(rows, 5, 16, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return Tokens(x_BND=x_BND, mask_BN=mask)


@pytest.mark.parametrize("both_ways", [False, True])
def test_with_a_cache_it_says_what_it_says_without(both_ways: bool) -> None:
    """Read in one go, in two parts, or a piece at a time; the cache that was handed in is as it was."""
    block, ids, tokens = decoder(both_ways=both_ways), some_ids(), before()
    real = torch.ones_like(ids, dtype=torch.bool)
    with torch.no_grad():
        whole, _ = block.read(ids, real, tokens)
        empty = block.room(3, 14)
        parts, cache = [], empty
        for start, stop in ((0, 4), (4, 5), (5, 9)):
            made, cache = block.read(ids[:, start:stop], real[:, start:stop], tokens if start == 0 else None, cache)
            parts.append(made)
    assert (torch.cat(parts, 1) - whole).abs().max() < 1e-12
    assert cache.lengths_B.tolist() == [14, 11, 14]
    assert empty.lengths_B.tolist() == [0, 0, 0]
    assert not empty.layers[0][0].any()
    with pytest.raises(ValueError, match="room for 14"):
        block.read(ids[:, :1], real[:, :1], None, cache)


def test_a_prefix_read_both_ways_changes_what_words_see_and_no_word_sees_ahead() -> None:
    ids, tokens, real = some_ids(), before(), torch.ones(3, 9, dtype=torch.bool)
    with torch.no_grad():
        forwards, _ = decoder().read(ids, real, tokens)
        both, _ = decoder(both_ways=True).read(ids, real, tokens)
        assert (forwards - both).abs().max() > 1e-3
        other = ids.clone()
        other[:, 5] = 4
        again, _ = decoder(both_ways=True).read(other, real, tokens)
    assert torch.equal(both[:, :5], again[:, :5])
    assert not torch.equal(both[:, 5:], again[:, 5:])


def test_no_token_before_the_words_is_no_prefix_at_all() -> None:
    block, ids = decoder(), some_ids()
    none = Tokens(x_BND=torch.zeros(3, 0, 16, dtype=torch.float64))
    with torch.no_grad():
        bare, empty = block(text=text_of(ids)), block(text=text_of(ids), tokens=none)
    assert torch.equal(bare["logits"], empty["logits"])


def left_padded(rows: list[list[int]]) -> Beginning:
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    real = torch.tensor([[False] * (longest - len(row)) + [True] * len(row) for row in rows])
    return Beginning(ids_BL=ids, real_BL=real, tokens=before(len(rows)))


@pytest.mark.parametrize(
    "way", [Way(most=8), Way(most=8, temperature=1.3, top_k=20, top_p=0.9)], ids=["greedy", "drawn"]
)
def test_a_batch_padded_on_the_left_writes_what_each_row_writes_alone(way: Way) -> None:
    block, rows = decoder(), [[2, 7, 9], [2], [2, 11, 12, 13, 5]]
    together = written(block, left_padded(rows), way, [5, 6, 7], END)
    alone = []
    for number, row in enumerate(rows):
        tokens = left_padded(rows).row(number).tokens
        ids = torch.tensor([row])
        one = Beginning(ids_BL=ids, real_BL=torch.ones_like(ids, dtype=torch.bool), tokens=tokens)
        alone += written(block, one, way, [5 + number], END)
    assert together == alone
    assert len({tuple(row) for row in together}) > 1
    assert written(block, left_padded(rows), way, [5, 6, 7], END) == together
    if way.temperature:
        assert written(block, left_padded(rows), way, [8, 9, 10], END) != together


@pytest.mark.parametrize("family", ["Llama", "Qwen3"])
def test_greedy_and_beams_are_transformers_generate(family: str) -> None:
    model = small(family)
    block = ours(model)
    ends = 0
    for seed in range(6):
        ids = torch.randint(4, VOCABULARY, (1, 4), generator=torch.Generator().manual_seed(seed))
        beginning = Beginning(ids_BL=ids, real_BL=torch.ones_like(ids, dtype=torch.bool))
        mask = torch.ones_like(ids)
        theirs = model.generate(ids, attention_mask=mask, max_new_tokens=12, do_sample=False)[0, 4:].tolist()
        mine = written(block, beginning, Way(most=12), [0], END)[0]
        assert mine == [piece for piece in theirs if piece != END]
        for beams, penalty in ((2, 1.0), (4, 0.0), (5, 2.0)):
            made = model.generate(
                ids, attention_mask=mask, max_new_tokens=12, do_sample=False, num_beams=beams, length_penalty=penalty,
                return_dict_in_generate=True, output_scores=True,
            )  # fmt: skip
            found = beamed(block, beginning, Way(most=12, beams=beams, length_penalty=penalty), END)
            wanted = made.sequences[0, 4:].tolist()
            wanted = wanted[: wanted.index(END) + 1] if END in wanted else wanted
            assert list(found[0].ids) == wanted
            assert found[0].score == pytest.approx(float(made.sequences_scores[0]), abs=1e-4)
            ends += wanted[-1] == END
    assert ends  # some came to an end by themselves


@pytest.mark.parametrize(
    "way", [Way(temperature=0.7), Way(temperature=1.5, top_k=5), Way(temperature=1.0, top_p=0.6), Way(temperature=0.9, top_k=9, top_p=0.5)]
)  # fmt: skip
def test_what_is_drawn_from_is_what_transformers_draws_from(way: Way) -> None:
    logits = torch.randn(40, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    warpers = [transformers.TemperatureLogitsWarper(way.temperature)]
    warpers += [transformers.TopKLogitsWarper(way.top_k)] if way.top_k else []
    warpers += [transformers.TopPLogitsWarper(way.top_p)] if way.top_p < 1 else []
    scores = logits[None]
    for warper in warpers:
        scores = warper(None, scores)
    torch.testing.assert_close(probabilities(logits, way), scores[0].softmax(-1))


def test_the_loss_begins_at_ln_v_shifts_once_and_leaves_padding_out() -> None:
    """Beside transformers' own loss, which shifts by itself."""
    model, ids = small(), some_ids()
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[0, 5:] = False
    text = text_of(ids, mask)
    block = ours(model)
    objective = NextWord(NextWord.Config(), {"logits": torch.zeros(1, 1, VOCABULARY), "text": text})
    with torch.no_grad():
        wanted = model(ids, attention_mask=mask.long(), labels=torch.where(mask, ids, -100)).loss
        found = objective(logits=block(text=text)["logits"], text=text)["loss"]
        assert float(found) == pytest.approx(float(wanted), abs=1e-5)
        torch.manual_seed(0)
        fresh = LanguageDecoder(LanguageDecoder.Config(), {"text": text})
        begun = objective(logits=fresh(text=text)["logits"], text=text)["loss"]
    assert float(begun) == pytest.approx(math.log(VOCABULARY), abs=0.05)


def test_likelihoods_are_the_losses_of_each_sentence() -> None:
    block, ids, tokens = decoder(), some_ids(), before()
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[2, 4:] = False
    found = likelihoods(block, ids, mask, tokens)
    objective = NextWord(NextWord.Config(), {"logits": torch.zeros(1, 1, VOCABULARY), "text": text_of(ids)})
    with torch.no_grad():
        for row in range(3):
            text = Text(ids_BL=ids[row : row + 1], mask_BL=mask[row : row + 1], vocabulary=VOCABULARY)
            beginning = Beginning(ids_BL=ids, real_BL=mask, tokens=tokens).row(row)
            loss = objective(logits=block(text=text, tokens=beginning.tokens)["logits"], text=text)["loss"]
            assert float(found[row]) == pytest.approx(-float(loss) * (int(mask[row].sum()) - 1), rel=1e-5)


def test_where_words_look_is_told_as_shares_of_what_stands_before_them() -> None:
    block, ids, tokens = decoder(), some_ids(), before()
    with torch.no_grad():
        _, maps = block.watched(text=text_of(ids), tokens=tokens)
    rows = maps["1"]
    assert rows.shape == (3, 2, 9, 5)
    torch.testing.assert_close(rows.sum(-1), torch.ones(3, 2, 9))
    assert not rows[1, :, :, 2:].any()  # padding is looked at by nobody
    assert torch.equal(among_first(torch.zeros(1, 1, 3, 3), 2), torch.full((1, 1, 1, 2), 0.5))
