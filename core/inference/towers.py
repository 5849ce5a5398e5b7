"""A tower trained here becomes a transformers folder (config.json, safetensors), and the reverse, where it is that architecture.

``encoders.vit`` with a CLS token and a linear patch cut is transformers' ViTModel (arXiv:2010.11929); ``encoders.text_transformer``
that is causal is CLIPTextModel (arXiv:2103.00020); towers that are transformers models already are saved as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.encoders.hub import HubTower
from core.blocks.encoders.hub_loading import transformers_module, weights_from
from core.blocks.encoders.text_transformer import TextTransformer
from core.blocks.encoders.vit import ViT
from core.problems import refuse

_ROWS = {  # ours in a layer -> theirs, by the version of transformers
    "vit": (
        {"query": "attention.q_proj", "key": "attention.k_proj", "value": "attention.v_proj", "out": "attention.o_proj",
         "norm_1": "layernorm_before", "norm_2": "layernorm_after", "up": "mlp.fc1", "down": "mlp.fc2"},
        {"query": "attention.attention.query", "key": "attention.attention.key", "value": "attention.attention.value",
         "out": "attention.output.dense", "norm_1": "layernorm_before", "norm_2": "layernorm_after",
         "up": "intermediate.dense", "down": "output.dense"},
    ),
    "clip": (
        {"query": "self_attn.q_proj", "key": "self_attn.k_proj", "value": "self_attn.v_proj", "out": "self_attn.out_proj",
         "norm_1": "layer_norm1", "norm_2": "layer_norm2", "up": "mlp.fc1", "down": "mlp.fc2"},
    ),
}  # fmt: skip
_WHOLE = {
    "vit": {
        "cls_11D": "embeddings.cls_token", "position_1ND": "embeddings.position_embeddings",
        "cut.weight": "embeddings.patch_embeddings.projection.weight",
        "cut.bias": "embeddings.patch_embeddings.projection.bias",
        "stack.norm.weight": "layernorm.weight", "stack.norm.bias": "layernorm.bias",
    },
    "clip": {
        "embedding.weight": "embeddings.token_embedding.weight",
        "position_1LD": "embeddings.position_embedding.weight",
        "stack.norm.weight": "final_layer_norm.weight", "stack.norm.bias": "final_layer_norm.bias",
    },
}  # fmt: skip


def save_tower(tower: nn.Module, folder: Path) -> str:
    """Write the folder; gives the class that loads it. Raises Refused where the architecture is none that transformers has."""
    if isinstance(tower, HubTower):
        model = tower.model
    else:
        kind = _kind(tower)
        model = _theirs(tower, kind)
        with torch.no_grad():
            own = tower.state_dict()
            for name, target in model.state_dict().items():
                target.copy_(_read(own, name, kind, model).reshape(target.shape))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder, safe_serialization=True)
    except OSError as error:
        raise refuse(f"{folder} cannot be written: {error.strerror or error}.") from error
    return type(model).__name__


def load_tower(tower: nn.Module, folder: Path) -> None:
    """The reverse: weights of a transformers folder into a tower of ours with the same sizes. Raises Refused."""
    kind = _kind(tower)
    cls = getattr(transformers_module(), {"vit": "ViTModel", "clip": "CLIPTextModel"}[kind])
    extra = {"add_pooling_layer": False} if kind == "vit" else {}
    try:
        model, _ = weights_from(cls, str(folder), **extra)
    except (OSError, ValueError) as error:
        raise refuse(f"{folder} cannot be loaded: {str(error).splitlines()[0][:200]}") from error
    expected = _theirs(tower, kind).config
    for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act"):
        if getattr(model.config, name) != getattr(expected, name):
            raise refuse(
                f"The folder's {name} is {getattr(model.config, name)}, this tower's is {getattr(expected, name)}.",
                hint="Draw a tower with the folder's sizes, or use the transformers blocks, which read them.",
            )
    theirs, made = model.state_dict(), {}
    for name, target in tower.state_dict().items():
        value = _written(theirs, name, kind, model)
        if value.numel() != target.numel():
            raise refuse(f"{name} has {tuple(target.shape)} here and {tuple(value.shape)} in the folder.")
        made[name] = value.reshape(target.shape)
    tower.load_state_dict(made)


def _kind(tower: nn.Module) -> str:
    """Which architecture a tower is. Raises Refused naming the knob that makes it none."""
    if not isinstance(tower, ViT | TextTransformer):
        title = getattr(tower, "title", "") or type(tower).__name__
        raise refuse(
            f"{title} is no architecture that transformers has.",
            hint="ViT, a causal text transformer and hub towers are.",
        )
    config = tower.config
    for field in fields(config):
        if field.name not in _SIZES and getattr(config, field.name) != field.default:
            raise refuse(f"transformers has no such tower with {field.name} = {getattr(config, field.name)}.")
    if isinstance(tower, ViT):
        if not config.cls or config.convolutional_stem:
            raise refuse(
                "transformers' ViTModel has a CLS token and a linear patch cut.", hint="Set the two settings so."
            )
        if tower.cells[0] != tower.cells[1]:
            raise refuse("transformers' ViTModel takes square images here.", hint="Resize images to squares.")
        return "vit"
    if not config.causal and config.depth:
        raise refuse(
            "transformers' CLIPTextModel is causal.", hint="Switch the setting Causal mask on and train again."
        )
    return "clip"


_SIZES = {
    "patch_size", "width", "depth", "heads", "ratio", "dropout", "patch_dropout", "unmasked", "cls", "convolutional_stem", "causal",
}  # fmt: skip


def _theirs(tower: Any, kind: str) -> Any:
    """An empty transformers model of the tower's sizes."""
    library, c = transformers_module(), tower.config
    common = {
        "hidden_size": c.width, "num_hidden_layers": c.depth, "num_attention_heads": c.heads,
        "intermediate_size": int(c.width * c.ratio), "hidden_act": "gelu", "layer_norm_eps": 1e-5,
    }  # fmt: skip
    if kind == "vit":
        sizes = {"image_size": tower.cells[0] * c.patch_size, "patch_size": c.patch_size}
        plain = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        channels = tower.cut.weight.shape[1]
        config = library.ViTConfig(**common, **sizes, **plain, num_channels=channels)
        return library.ViTModel(config, add_pooling_layer=False)
    rows, length = tower.embedding.weight.shape[0], tower.position_1LD.shape[1]
    marks = {"bos_token_id": None, "eos_token_id": rows - 1, "pad_token_id": 0}
    return library.CLIPTextModel(
        library.CLIPTextConfig(**common, vocab_size=rows, max_position_embeddings=length, **marks)
    )


def _pairs(kind: str, depth: int) -> Iterator[tuple[str, str, str]]:
    """(ours, part of ours, end of theirs) for every tensor, in each version's names."""
    for own, end in _WHOLE[kind].items():
        yield own, "", end
    for rows in _ROWS[kind]:
        for number in range(depth):
            for part, place in rows.items():
                for leaf in ("weight", "bias"):
                    end = f".{number}.{place}.{leaf}"
                    if part in ("key", "value"):
                        yield f"stack.layers.{number}.attention.key_value.{leaf}", part, end
                    elif part in ("up", "down"):
                        yield f"stack.layers.{number}.mlp.{0 if part == 'up' else 2}.{leaf}", "", end
                    else:
                        inside = "" if part.startswith("norm") else "attention."
                        yield f"stack.layers.{number}.{inside}{part}.{leaf}", "", end


def _depth(model: Any) -> int:
    return int(model.config.num_hidden_layers)


def _read(own: Mapping[str, Tensor], name: str, kind: str, model: Any) -> Tensor:
    """What one tensor of theirs is here."""
    for ours, part, end in _pairs(kind, _depth(model)):
        if f".{name}".endswith(end if end.startswith(".") else f".{end}"):
            value = own[ours]
            return value.chunk(2)[0 if part == "key" else 1] if part else value
    raise refuse(f"This version of transformers has a tensor {name} that is not known here.")


def _written(theirs: Mapping[str, Tensor], name: str, kind: str, model: Any) -> Tensor:
    """What one tensor of ours is there; keys and values are one matrix here."""
    found: dict[str, Tensor] = {}
    for ours, part, end in _pairs(kind, _depth(model)):
        if ours == name:
            ending = end if end.startswith(".") else f".{end}"
            named = next((key for key in theirs if f".{key}".endswith(ending)), "")
            if named:
                found[part] = theirs[named]
    if not found:
        raise refuse(f"The folder has nothing for {name}.")
    return torch.cat([found["key"], found["value"]]) if "key" in found else found[""]


def tower_nodes(blocks_by_node: Mapping[str, type[Block]]) -> list[str]:
    """Nodes whose block may be an architecture that transformers has."""
    return [node for node, cls in blocks_by_node.items() if issubclass(cls, ViT | TextTransformer | HubTower)]
