"""What nobody reads is not computed, and nothing that is read changes: values and gradients, in float64."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.blocks.attention.core import recording
from core.blocks.attention.layer import Stack
from core.blocks.encoders.text_transformer import TextTransformer
from core.blocks.values import Text
from core.compiler.compile import compile
from core.compiler.module import Experiment
from core.graph import edits
from core.training.gradients import plain
from core.training.trainer import Trainer
from tests.core.training.running import trainer
from tests.core.training.test_gradients import double, gradients
from tests.documents import tiny_clip


def clip(how: str = "cls", **knobs: object) -> Trainer:
    document = edits.set_knob(tiny_clip(dropout=0.0), "pool", "how", how)
    document = edits.set_knob(document, "vit", "patch_dropout", 0.0)
    for name, value in knobs.items():
        document = edits.set_knob(document, "vit", name, value)
    return double(trainer(document))


def test_a_tower_whose_cls_alone_is_read_makes_no_other_in_its_last_layer() -> None:
    short, whole = clip(), clip()
    made: list[int] = []
    assert short.experiment.node("vit").stack.first_only
    whole.experiment.node("vit").stack.first_only = False
    short.experiment.node("vit").stack.layers[-1].mlp.register_forward_hook(lambda m, i, out: made.append(out.shape[1]))
    ours, theirs = gradients(short, plain), gradients(whole, plain)
    assert made == [1]
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize(("how", "knobs"), [("mean", {}), ("attention", {}), ("cls", {"attention": "sliding window"})])
def test_where_more_is_read_or_not_all_is_seen_every_token_is_made(how: str, knobs: dict[str, object]) -> None:
    run = clip(how, **knobs)
    made: list[int] = []
    run.experiment.node("vit").stack.layers[-1].mlp.register_forward_hook(lambda m, i, out: made.append(out.shape[1]))
    gradients(run, plain)
    assert made == [17]


def test_recorded_maps_have_all_their_rows() -> None:
    plan = compile(edits.set_knob(tiny_clip(), "pool", "how", "cls"))
    experiment = Experiment(plan).eval()
    vit = experiment.node("vit")
    with recording({"0": vit.stack.layers[-1].attention}) as maps:
        tokens = vit(torch.rand(2, 3, 16, 16))["tokens"]
    assert maps["0"][0].shape[-2:] == (17, 17)
    assert tokens.x_BND.shape[1] == 17
    assert isinstance(vit.stack, Stack)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_behind_the_longest_sentence_changes_nothing(causal: bool) -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([3, 5, 1])
    mask = torch.arange(12)[None] < lengths[:, None]
    wide = Text(ids_BL=torch.randint(1, 50, (3, 12)) * mask, mask_BL=mask, vocabulary=50)
    tower = TextTransformer(
        TextTransformer.Config(width=16, depth=2, heads=2, dropout=0.0, causal=causal), {"text": wide}
    ).double()
    cut = replace(wide, ids_BL=wide.ids_BL[:, :5], mask_BL=mask[:, :5], most=12)
    found = []
    for text in (cut, wide):
        x_BLD = tower(text)["tokens"].x_BND
        assert x_BLD.shape[1] == text.ids_BL.shape[1]
        tower.zero_grad()
        (x_BLD * text.mask_BL[..., None]).pow(2).sum().backward()
        found.append((x_BLD.detach()[text.mask_BL], {name: p.grad.clone() for name, p in tower.named_parameters()}))
    torch.testing.assert_close(found[0][0], found[1][0], atol=1e-12, rtol=1e-10)
    for name, gradient in found[1][1].items():
        torch.testing.assert_close(found[0][1][name], gradient, atol=1e-12, rtol=1e-10)


def test_a_batch_of_empty_sentences_still_has_a_token() -> None:
    text = Text(ids_BL=torch.zeros(2, 6, dtype=torch.long), mask_BL=torch.zeros(2, 6, dtype=torch.bool), vocabulary=9)
    tower = TextTransformer(TextTransformer.Config(width=8, depth=1, heads=2), {"text": text})
    assert tower(text)["tokens"].x_BND.isfinite().all()
