"""What a decoder looks at beside its words, and learned keys before its own: beside IDEFICS and peft on the same weights."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.blocks.connectors.pool import example_tokens
from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.generators.beams import beamed
from core.blocks.generators.language_decoder import BESIDE, LanguageDecoder
from core.blocks.generators.pretrained_decoder import described, neighbours
from core.blocks.generators.writing import Beginning, Way, likelihoods, written
from core.blocks.values import Text, Tokens
from core.problems import Refused

transformers = transformers_module()
END, VOCABULARY, WIDTH, SEEN = 3, 61, 32, 12


def text_of(ids_BL: Tensor) -> Text:
    return Text(ids_BL=ids_BL, mask_BL=torch.ones_like(ids_BL, dtype=torch.bool), vocabulary=VOCABULARY)


def some_ids(rows: int = 2, length: int = 7) -> Tensor:
    return torch.randint(4, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(1))


def some_tokens(rows: int = 2, width: int = SEEN) -> Tokens:
    """Five, of which the second row has three."""
    mask = torch.ones(rows, 5, dtype=torch.bool)
    mask[1, 3:] = False
    drawn = torch.randn(rows, 5, width, generator=torch.Generator().manual_seed(2))
    return Tokens(x_BND=drawn, mask_BN=mask, modality="image")


def decoder(tokens: Tokens | None = None, **knobs: Any) -> LanguageDecoder:
    """Small; with the same seed and sizes the same weights, whatever is added to them."""
    torch.manual_seed(0)
    incoming = {"text": text_of(some_ids()), **({} if tokens is None else {"tokens": tokens})}
    sizes = {"width": WIDTH, "depth": 3, "heads": 4, "key_heads": 2, "hidden": 48}
    return LanguageDecoder(LanguageDecoder.Config(**{**sizes, **knobs}), incoming).eval()


def sharpened(block: LanguageDecoder) -> LanguageDecoder:
    """Weights so large that words differ, gates open."""
    torch.manual_seed(4)
    with torch.no_grad():
        for name, parameter in block.named_parameters():
            if "gate_" in name:
                parameter.fill_(0.7)
            elif parameter.ndim > 1:
                parameter.normal_(std=0.4)
    return block


@pytest.mark.parametrize("every", [1, 2])
def test_with_closed_gates_it_says_what_the_decoder_says_without(every: int) -> None:
    tokens = some_tokens()
    beside, alone = decoder(tokens, reads=BESIDE, every=every), decoder()
    assert set(beside.gated) == {str(number) for number in range(0, 3, every)}
    with torch.no_grad():
        found = beside(text=text_of(some_ids()), tokens=tokens)["logits"]
        assert (found - alone(text=text_of(some_ids()))["logits"]).abs().max() < 1e-6
        sharpened(beside)
        opened = beside(text=text_of(some_ids()), tokens=tokens)["logits"]
        nothing = Tokens(x_BND=tokens.x_BND, mask_BN=torch.zeros(2, 5, dtype=torch.bool), modality="image")
        assert (beside(text=text_of(some_ids()), tokens=nothing)["logits"] - opened).abs().max() > 1e-2


def idefics() -> Any:
    """A tiny one with open gates; its vision tower is never run."""
    config = transformers.IdeficsConfig(
        vocab_size=VOCABULARY, additional_vocab_size=0, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4,
        num_attention_heads=4, rms_norm_eps=1e-6, cross_layer_interval=2, qk_layer_norms=False, use_resampler=False,
        alpha_initializer="normal", alphas_initializer_range=1.0, alpha_type="vector", initializer_range=0.2, tie_word_embeddings=False,
        vision_config={"embed_dim": SEEN, "image_size": 4, "patch_size": 2, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8},
    )  # fmt: skip
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    return transformers.IdeficsForVisionText2Text(config).eval()


def ours_of(model: Any) -> LanguageDecoder:
    """The same weights in our own blocks: its decoder is a Llama, its gated layers stand before every second layer."""
    state = model.state_dict()
    llama = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4, num_attention_heads=4,
        rms_norm_eps=1e-6, tie_word_embeddings=False,
    )  # fmt: skip
    weights = dict(described(llama, state).weights)
    block = decoder(some_tokens(), reads=BESIDE, every=2, depth=4, hidden=4 * WIDTH, key_heads=4, tied=False)
    for number, place in enumerate(("0", "2")):
        there, here = f"model.gated_cross_attn_layers.{number}.", f"gated.{place}."
        weights |= {here + name: state[there + name2] for name, name2 in (
            ("attention.query.weight", "cross_attn.q_proj.weight"), ("attention.out.weight", "cross_attn.o_proj.weight"),
            ("norm_1.weight", "input_layernorm.weight"), ("norm_2.weight", "post_attention_layernorm.weight"),
            ("mlp.gate.weight", "mlp.gate_proj.weight"), ("mlp.up.weight", "mlp.up_proj.weight"), ("mlp.down.weight", "mlp.down_proj.weight"),
        )}  # fmt: skip
        keys = [state[f"{there}cross_attn.{part}_proj.weight"] for part in "kv"]
        weights[here + "attention.key_value.weight"] = torch.cat(keys)
        for gate, alpha in (("gate_attention", "alpha_cross_attn"), ("gate_mlp", "alpha_dense")):
            weights[here + gate] = state[there + alpha].flatten()[:1]
    kept = block.state_dict()
    unread = {name for name in kept if name.startswith("gated.") and name.endswith(".bias")}
    assert set(kept) - unread == set(weights)
    assert not any(kept[name].any() for name in unread)  # IDEFICS has none: zero here
    block.load_state_dict({**kept, **weights})
    return block


def one_gate_a_layer(model: Any) -> None:
    """Its gates have a number for each place of a vector when drawn at random; the same number everywhere is one gate."""
    with torch.no_grad():
        for layer in model.model.gated_cross_attn_layers:
            for gate in (layer.alpha_cross_attn, layer.alpha_dense):
                gate.fill_(float(gate.flatten()[0]))


def test_it_is_idefics_decoder_on_the_same_weights() -> None:
    """From embeddings through every gated and plain layer to logits."""
    model, tokens, ids = idefics(), some_tokens(), some_ids()
    one_gate_a_layer(model)
    tokens = Tokens(x_BND=tokens.x_BND, mask_BN=None, modality="image")
    with torch.no_grad():
        theirs = model(
            input_ids=ids, attention_mask=torch.ones_like(ids), image_encoder_embeddings=tokens.x_BND[:, None],
            image_attention_mask=torch.ones(*ids.shape, 1, dtype=torch.int64),
        ).logits  # fmt: skip
        mine = ours_of(model)(text=text_of(ids), tokens=tokens)["logits"]
        assert float(theirs.std()) > 0.1
        assert (mine - theirs).abs().max() < 1e-5


@pytest.mark.parametrize(
    "knobs",
    [{"reads": BESIDE}, {"adapter": "prefix tuning", "adapter_rank": 3, "reads": BESIDE}, {"adapter": "prefix tuning"}],
)
def test_word_by_word_with_a_cache_is_all_at_once(knobs: dict[str, Any]) -> None:  # fmt: skip
    """And beams of one are greedy; each row alone says what it says beside others."""
    tokens = some_tokens(width=SEEN if "reads" in knobs else WIDTH)
    block, ids = sharpened(decoder(tokens, **knobs)).double(), some_ids()
    tokens = Tokens(x_BND=tokens.x_BND.double(), mask_BN=tokens.mask_BN, modality="image")
    real = torch.ones_like(ids, dtype=torch.bool)
    with torch.no_grad():
        whole, _ = block.read(ids, real, tokens)
        cache, parts = block.room(2, 20), []
        for start, stop in ((0, 3), (3, 4), (4, 7)):
            x_BLD, grown = block.read(ids[:, start:stop], real[:, start:stop], None if start else tokens, cache)
            assert grown is not None
            cache = grown
            parts.append(x_BLD)
        assert (torch.cat(parts, 1) - whole).abs().max() < 1e-12
        beginning = Beginning(ids_BL=ids[:, :1], real_BL=real[:, :1], tokens=tokens)
        greedy = written(block, beginning, Way(most=8), [0, 0], END)
        assert [written(block, beginning.row(row), Way(most=8), [0], END)[0] for row in (0, 1)] == greedy
        assert greedy[0] != greedy[1]
        beam = beamed(block, beginning.row(0), Way(most=8, beams=1, length_penalty=0.0), END)[0]
        assert [piece for piece in beam.ids if piece != END] == greedy[0]
        three = beamed(block, beginning.row(0), Way(most=8, beams=3, length_penalty=0.0), END)[0]
        said = torch.tensor([[int(ids[0, 0]), *three.ids]])
        own = likelihoods(block, said, torch.ones_like(said, dtype=torch.bool), beginning.row(0).tokens)
        assert three.score == pytest.approx(float(own), abs=1e-9)


def test_learned_keys_are_pefts_on_the_same_weights() -> None:
    """Whose keys stand as transformers turns them: halves where ours are neighbours."""
    count = 4
    torch.manual_seed(0)
    llama = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, initializer_range=0.2, tie_word_embeddings=False, rms_norm_eps=1e-6,
    )).eval()  # fmt: skip
    block = decoder(adapter="prefix tuning", adapter_rank=count, tied=False)
    weights = dict(described(llama.config, llama.state_dict()).weights)
    peft = importlib.import_module("peft")
    theirs = peft.get_peft_model(
        llama, peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=count)
    ).eval()  # fmt: skip
    drawn = theirs.prompt_encoder["default"].embedding.weight.detach()  # [P, layers x (keys, values) x G x E]
    laid = drawn.view(count, 3, 2, 2, 8).permute(1, 2, 3, 0, 4)  # [layers, 2, G, P, E]
    for number, (k_GPE, v_GPE) in enumerate(laid):
        turned = neighbours(k_GPE.transpose(1, 2).flatten(0, 1), 8).unflatten(0, (2, 8)).transpose(1, 2)
        weights[f"stack.layers.{number}.attention.prefix_2GPE"] = torch.stack([turned, v_GPE])
    block.load_state_dict(weights)
    ids = some_ids()
    with torch.no_grad():
        wanted = theirs(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        found = block(text=text_of(ids))["logits"]
        assert (found - wanted).abs().max() < 1e-5
        block.load_state_dict(weights)
        plain = decoder(tied=False)
        plain.load_state_dict({name: value for name, value in weights.items() if "prefix" not in name})
        assert (plain(text=text_of(ids))["logits"] - wanted).abs().max() > 1e-2


def test_a_prefix_of_no_length_is_not_there() -> None:
    """Neither learned keys nor tokens before the words."""
    block, alone = decoder(), decoder()
    block.stack.add_prefixes(0)
    empty = Tokens(x_BND=torch.zeros(2, 0, WIDTH), modality="image")
    with torch.no_grad():
        said = alone(text=text_of(some_ids()))["logits"]
        assert torch.equal(block(text=text_of(some_ids()))["logits"], said)
        assert torch.equal(alone(text=text_of(some_ids()), tokens=empty)["logits"], said)


@pytest.mark.parametrize(("adapter", "part"), [("gated layers", "gated."), ("prefix tuning", "prefix_2GPE")])
def test_what_is_added_learns_alone_and_whole(adapter: str, part: str) -> None:
    """In the first step of a gated layer only its gates have a gradient."""
    tokens = some_tokens()
    reads = {"reads": BESIDE} if adapter == "gated layers" else {}
    block = decoder(tokens if reads else None, adapter=adapter, **reads)
    incoming = {"text": text_of(some_ids()), **({"tokens": tokens} if reads else {})}
    learns = [name for name, parameter in block.named_parameters() if parameter.requires_grad]
    assert learns == [name for name, _ in block.named_parameters() if part in name]
    kept = {name: parameter.detach().clone() for name, parameter in block.named_parameters()}
    optimizer = torch.optim.SGD([p for p in block.parameters() if p.requires_grad], lr=0.5)
    for _ in range(2):
        optimizer.zero_grad()
        block(**incoming)["logits"].pow(2).sum().backward()
        optimizer.step()
    moved = {name for name, parameter in block.named_parameters() if not torch.equal(parameter, kept[name])}
    assert moved == set(learns)
    if reads:
        assert float(block.readings()["gate"]) > 0


def test_looks_are_shares_of_what_stands_beside_the_words() -> None:
    tokens = some_tokens()
    block = sharpened(decoder(tokens, reads=BESIDE, every=2))
    with torch.no_grad():
        _, maps = block.watched(text=text_of(some_ids()), tokens=tokens)
    assert set(maps) == {"0", "2"}
    rows_BHLN = maps["2"]
    assert rows_BHLN.shape == (2, 4, 7, 5)
    torch.testing.assert_close(rows_BHLN.sum(-1), torch.ones(2, 4, 7))
    assert not rows_BHLN[1, ..., 3:].any()
    learned = sharpened(decoder(some_tokens(width=WIDTH), adapter="prefix tuning", adapter_rank=3))
    with torch.no_grad():
        _, maps = learned.watched(text=text_of(some_ids()), tokens=some_tokens(width=WIDTH))
    assert maps["1"].shape == (2, 4, 7, 5)
    torch.testing.assert_close(maps["1"].sum(-1), torch.ones(2, 4, 7))


def test_gates_alone_cannot_learn_where_there_are_none() -> None:
    with pytest.raises(Refused, match="has none"):
        decoder(adapter="gated layers")
    with pytest.raises(Refused, match="12 wide"):
        decoder(some_tokens())
    assert decoder(reads=BESIDE).gated == nn.ModuleDict() or not decoder(reads=BESIDE).gated
    assert decoder(example_tokens(), reads=BESIDE).gated  # of any width
