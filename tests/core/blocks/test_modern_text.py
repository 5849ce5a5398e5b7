"""The modern text tower beside transformers' layers on the same weights, forwards and both ways."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.modern_text import ModernText
from core.blocks.generators.pretrained_decoder import described
from core.blocks.values import Text
from tests.core.blocks.test_language_decoder import small, some_ids, text_of

transformers = transformers_module()


@pytest.mark.parametrize("causal", [True, False], ids=["forwards", "both ways"])
@pytest.mark.parametrize("family", ["Llama", "Qwen3"])
def test_it_is_transformers_stack_on_the_same_weights(family: str, causal: bool) -> None:
    model = small(family)
    for part in model.modules():
        if type(part).__name__.endswith("RMSNorm"):
            nn.init.uniform_(part.weight, 0.5, 1.5)
    given = described(model.config, model.state_dict())
    form = given.form
    block = ModernText(
        ModernText.Config(
            width=form.width, depth=form.depth, heads=form.heads, key_heads=form.key_heads, hidden=form.hidden,
            norms_heads=form.norms_heads, causal=causal,
        ),
        {"text": text_of(some_ids())},
    ).eval()  # fmt: skip
    block.load_state_dict({name: weight for name, weight in given.weights.items() if not name.startswith("head.")})
    ids = some_ids()
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[1, 6:] = False
    text = Text(ids_BL=ids, mask_BL=mask, vocabulary=text_of(ids).vocabulary)
    seen = mask.long() if causal else torch.zeros(3, 1, 9, 9).masked_fill(~mask[:, None, None], -torch.inf)
    with torch.no_grad():
        wanted = model.model(input_ids=ids, attention_mask=seen).last_hidden_state
        found = block(text=text)["tokens"].x_BND
    torch.testing.assert_close(found[mask], wanted[mask], atol=1e-5, rtol=1e-5)
