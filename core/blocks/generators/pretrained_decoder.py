"""The weights of a Llama or Qwen3 model of transformers, under the names and in the order of our own layers.

transformers turns the first half of a head against the second, we turn neighbours (as Meta's own code does), so rows of queries and
keys change places; the attention is the same number for number. Axes: H heads, E width of a head, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.attention.modern import Form
from core.blocks.encoders.hub_loading import config_from, only_shapes, transformers_module, weights_from
from core.problems import Refused, refuse

FAMILIES = {"llama": "LlamaForCausalLM", "qwen3": "Qwen3ForCausalLM"}


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """What a folder or hub id holds."""

    form: Form
    vocabulary: int
    tied: bool
    base: float  # of the angles
    weights: Mapping[str, Tensor]  # by our names; empty where only shapes are asked for


def pretrained(source: str, *, may_ask: bool = False) -> Pretrained:
    """Read it; on meta tensors only its configuration. Raises Refused where it is not there or another architecture."""
    library = transformers_module()
    try:
        config = config_from(library.AutoConfig, source, may_ask=may_ask)
        if config.model_type not in FAMILIES:
            raise refuse(
                f"{source!r} is a model of the kind {config.model_type}; the decoder reads Llama and Qwen3 models.",
                hint="Choose the folder of one of these.",
            )
        if only_shapes():
            return described(config, {})
        model, info = weights_from(getattr(library, FAMILIES[config.model_type]), source, may_ask=may_ask)
    except Refused:
        raise
    except (OSError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise refuse(
            f"The language decoder cannot load {source!r}: {first}",
            hint="Give a folder with config.json and model.safetensors.",
        ) from error
    if info["missing_keys"]:
        lacking = sorted(info["missing_keys"])
        raise refuse(
            f"{source!r} lacks {len(lacking)} of the weights of the language decoder, such as {lacking[0]}.",
            hint="These weights are of another architecture.",
        )
    return described(config, model.state_dict())


def described(config: Any, state: Mapping[str, Tensor]) -> Pretrained:
    """From a transformers configuration and the weights under its names. Raises Refused for angles of another make."""
    rope = config.rope_parameters
    if rope.get("rope_type", "default") != "default" or getattr(config, "attention_bias", False):
        raise refuse(
            "This model stretches its positions or has biases in attention, which the decoder does not.",
            hint="Choose a Llama or Qwen3 model without.",
        )
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    form = Form(
        width=config.hidden_size, depth=config.num_hidden_layers, heads=config.num_attention_heads,
        key_heads=config.num_key_value_heads, hidden=config.intermediate_size, head=head,
        norms_heads=config.model_type == "qwen3", epsilon=config.rms_norm_eps,
    )  # fmt: skip
    tied = bool(config.tie_word_embeddings)
    weights = dict(_renamed(state, form, tied)) if state else {}
    return Pretrained(
        form=form, vocabulary=config.vocab_size, tied=tied, base=float(rope["rope_theta"]), weights=weights
    )


def neighbours(weight: Tensor, head: int) -> Tensor:
    """Rows of every head in the order in which halves become neighbours: [H E, ...] to the same."""
    halves = weight.unflatten(0, (-1, 2, head // 2))
    return halves.transpose(1, 2).flatten(0, 2)


def _renamed(state: Mapping[str, Tensor], form: Form, tied: bool) -> Iterator[tuple[str, Tensor]]:
    """Every weight under our name."""
    yield "embedding.weight", state["model.embed_tokens.weight"]
    yield "stack.norm.weight", state["model.norm.weight"]
    if not tied:
        yield "head.weight", state["lm_head.weight"]
    for number in range(form.depth):
        there, here = f"model.layers.{number}.", f"stack.layers.{number}."
        yield from ((here + name, weight) for name, weight in _layer(state, there, form))


def _layer(state: Mapping[str, Tensor], there: str, form: Form) -> Iterator[tuple[str, Tensor]]:
    head = form.head or form.width // form.heads
    q, k, v, out = (state[f"{there}self_attn.{part}_proj.weight"] for part in "qkvo")
    yield "attention.query.weight", neighbours(q, head)
    yield "attention.key_value.weight", torch.cat([neighbours(k, head), v])
    yield "attention.out.weight", out
    yield "norm_1.weight", state[f"{there}input_layernorm.weight"]
    yield "norm_2.weight", state[f"{there}post_attention_layernorm.weight"]
    if form.norms_heads:
        for part in ("query", "key"):
            yield f"attention.{part}_norm.weight", neighbours(state[f"{there}self_attn.{part[0]}_norm.weight"], head)
    for part in ("gate", "up", "down"):
        yield f"mlp.{part}.weight", state[f"{there}mlp.{part}_proj.weight"]
