"""What is added to frozen weights changes nothing at first, learns alone and whole, and merges away."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from core.blocks.adapters.low_rank import add_low_rank, merge
from core.blocks.connectors.pool import example_tokens
from core.blocks.encoders.text_transformer import example_text
from core.blocks.generators.language_decoder import LanguageDecoder
from core.problems import Refused

LORA, BOTTLENECK = "LoRA", "bottleneck"


def decoder(**knobs: Any) -> LanguageDecoder:
    torch.manual_seed(0)
    incoming = LanguageDecoder.example()
    return LanguageDecoder(LanguageDecoder.Config(**{**LanguageDecoder.tiny(), "depth": 2, **knobs}), incoming)


def given() -> dict[str, Any]:
    torch.manual_seed(1)
    return {"text": example_text(), "tokens": example_tokens()}


def said(block: LanguageDecoder) -> torch.Tensor:
    made: torch.Tensor = block(**given())["logits"]
    return made


@pytest.mark.parametrize("adapter", [LORA, BOTTLENECK])
def test_at_first_it_is_not_there_and_then_it_learns_alone_and_whole(adapter: str) -> None:
    block = decoder(adapter=adapter, adapter_rank=3)
    plain = decoder()
    assert torch.equal(said(block), said(plain))
    learns = [name for name, p in block.named_parameters() if p.requires_grad]
    assert learns
    assert all("lora_" in name or ".adapter." in name for name in learns)
    before = {name: p.detach().clone() for name, p in block.named_parameters()}
    optimizer = torch.optim.SGD([p for p in block.parameters() if p.requires_grad], lr=0.5)
    for _ in range(2):  # in the first step only what begins at zero has a gradient that is not
        optimizer.zero_grad()
        said(block).pow(2).sum().backward()
        optimizer.step()
    moved = {name for name, p in block.named_parameters() if not torch.equal(p, before[name])}
    assert moved == set(learns)


def test_merged_it_is_the_same_model() -> None:
    block = decoder(adapter=LORA, adapter_rank=3).double().eval()
    with torch.no_grad():
        for name, parameter in block.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
        apart = said(block)
        assert (apart - said(decoder().double())).abs().max() > 1e-3
        assert merge(block) == 2 * 6
        assert (said(block) - apart).abs().max() < 1e-12


def test_what_would_silently_never_learn_is_refused() -> None:
    class Tower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.mlp = nn.Linear(8, 8)

    with pytest.raises(Refused, match="out_proj would never be read"):
        add_low_rank(Tower(), ("out_proj", "mlp"), rank=2, alpha=2)
    with pytest.raises(Refused, match="no linear map"):
        add_low_rank(Tower(), ("query",), rank=2, alpha=2)
    assert add_low_rank(Tower(), ("mlp",), rank=2, alpha=2) == ["mlp"]


@pytest.mark.parametrize("adapter", [LORA, BOTTLENECK, "prefix tuning", "frozen", "none"])
def test_a_decoder_first_learns_to_write_alone_and_then_its_adapter_does(adapter: str) -> None:
    block = decoder(adapter=adapter, adapter_rank=3, adapter_start=0.5).train()
    own = {name for name, p in block.named_parameters() if p.requires_grad}
    every = {name for name, _ in block.named_parameters()}
    optimizer = torch.optim.AdamW(block.parameters(), lr=0.01)

    def moved(progress: float) -> set[str]:
        before = {name: p.detach().clone() for name, p in block.named_parameters()}
        block.set_progress(progress)
        for _ in range(2):
            if (loss := said(block).pow(2).sum()).requires_grad:  # of a frozen decoder nothing learns
                loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return {name for name, p in block.named_parameters() if not torch.equal(p, before[name])}

    block.set_progress(0.0)
    alone = {**given(), "tokens": None}
    assert torch.equal(block(**given())["logits"], block(**alone)["logits"]), "what it writes about is not read yet"
    assert moved(0.2) == (every if adapter == "none" else every - own)
    assert moved(0.5) == own
    assert not torch.equal(block(**given())["logits"], block(**alone)["logits"])
    block.set_progress(0.0)
    block.eval()
    assert not torch.equal(block(**given())["logits"], block(**alone)["logits"]), "asked, it always reads them"


def test_a_stage_that_freezes_the_decoder_stays_frozen() -> None:
    block = decoder(adapter=BOTTLENECK, adapter_start=0.5).requires_grad_(False).eval()
    block.set_progress(0.1)
    assert not [name for name, p in block.named_parameters() if p.requires_grad]
