"""Picture tokenizers that train: resumed bit for bit, watched without being disturbed, codes drawn without pictures, VQGAN's weight."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from core.blocks.objectives.image_scores import psnr
from core.blocks.values import Codes as CodesOnAWire
from core.graph import edits
from core.graph.document import End
from core.telemetry.diagnostics.codes import figures, sheet, sheet_shape
from core.telemetry.events import Codes, Pictures
from core.training.gradients import plain
from core.training.running import Running
from tests.core.training.running import checkpoint, resumed, same, trainer, weights
from tests.documents import Drawing, tokenizer

QUANTIZERS = ("vector_quantizer", "residual_quantizer", "finite_scalar_quantizer", "lookup_free_quantizer", "sim_vq")
OF_TWO_MAPS = "two_level_quantizer"
SMALL = {
    "vector_quantizer": {"codes": 16}, "residual_quantizer": {"codes": 8, "levels": 2}, "finite_scalar_quantizer": {"levels": "4, 4"},
    "lookup_free_quantizer": {"signs": 4}, "sim_vq": {"codes": 16},
    OF_TWO_MAPS: {"codes": 16},
}  # fmt: skip
WATCHED = {"codes": {"every": 2, "samples": 8, "drawn": 1}}


@pytest.mark.parametrize("quantizer", [*QUANTIZERS, OF_TWO_MAPS])
def test_a_resumed_run_is_the_run_that_never_stopped(quantizer: str, tmp_path: Path) -> None:
    document = tokenizer(quantizer=quantizer, knobs=SMALL[quantizer])
    whole = trainer(document)
    assert whole.train() == "finished"
    first = trainer(document)
    while first.position.step < 3:
        first._step()
    again = resumed(document, tmp_path, checkpoint(first, tmp_path))
    assert again.train() == "finished"
    assert same(weights(whole), weights(again))


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_watching_the_code_book_changes_nothing_and_counts_every_code(quantizer: str) -> None:
    bare = trainer(tokenizer(quantizer=quantizer, knobs=SMALL[quantizer]))
    watched = trainer(tokenizer(quantizer=quantizer, knobs=SMALL[quantizer], diagnostics=WATCHED))
    assert (bare.train(), watched.train()) == ("finished", "finished")
    assert same(weights(bare), weights(watched))
    books = watched.experiment.node(quantizer).books
    said = watched.listener.of(Codes)  # type: ignore[attr-defined]
    names = [f"codes/{quantizer}"] if len(books) == 1 else [f"codes/{quantizer}/{n + 1}" for n in range(len(books))]
    assert [(event.at.step, event.series) for event in said] == [
        (step, name) for step in (1, 2, 4, 6) for name in names
    ]
    assert [(len(event.counts), int(event.counts.sum())) for event in said] == [(size, 8 * 16) for size in books] * 4
    drawn = watched.listener.of(Pictures)  # type: ignore[attr-defined]
    columns, rows = sheet_shape(books[0])
    assert {event.pictures.shape for event in drawn} == {(1, 4 * rows, 4 * columns, 3)}


@pytest.mark.long
def test_the_coarse_map_alone_draws_worse_than_both() -> None:
    """A quarter of the codes says less; what it is drawn as stands beside what both are drawn as, and codes of each are counted."""
    document = tokenizer(
        quantizer=OF_TWO_MAPS, knobs={"codes": 32}, steps=400, batch_size=32, learning_rate=4e-3, diagnostics=WATCHED
    )
    run = trainer(document)
    run.train()
    said = {event.series: int(event.counts.sum()) for event in run.listener.of(Codes)}  # type: ignore[attr-defined]
    assert said == {f"codes/{OF_TWO_MAPS}/1": 8 * 4, f"codes/{OF_TWO_MAPS}/2": 8 * 16}
    batch, tokens = run.feed.fixed_examples(64), End(node=OF_TWO_MAPS, port="tokens")
    run.experiment.eval()
    with torch.no_grad():
        values = run.experiment.run(batch, ["picture_decoder"])
        coarse = {tokens: values[End(node=OF_TWO_MAPS, port="coarse")]}
        drawn = End(node="picture_decoder", port="image")
        both, alone = values[drawn], run.experiment.run(coarse, ["picture_decoder"])[drawn]
    real = batch[End(node="emoji", port="image")]
    assert psnr(both, real).mean() > psnr(alone, real).mean() + 1


def test_accumulating_parts_of_a_batch_moves_the_book_once_from_all_of_it() -> None:
    """The same tokens, so the same averages; without resets, which draw."""
    knobs = {"codes": 16, "dead": 0.0}
    whole = trainer(tokenizer(knobs=knobs, steps=1))
    parts = trainer(tokenizer(knobs=knobs, steps=1, callbacks={"accumulation": {"chunks": 4}}))
    assert (whole.train(), parts.train()) == ("finished", "finished")
    for name, value in weights(whole).items():
        if "codebook" in name:
            torch.testing.assert_close(weights(parts)[name], value, msg=name)


def test_figures_are_the_closed_forms() -> None:
    even = figures(np.array([5] * 8), 0.0, pixels=640)
    assert even["perplexity"] == pytest.approx(8)
    assert (even["use"], even["dead"]) == (1.0, 0.0)
    assert even["bits"] == even["entropy bits"] == pytest.approx(40 * 3 / 640)
    counts = np.array([3, 1, 0, 0])
    one_sided = figures(counts, 0.5, pixels=0)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert one_sided["perplexity"] == pytest.approx(math.exp(entropy))
    assert (one_sided["use"], one_sided["dead"], one_sided["bits"]) == (0.5, 2.0, 0.0)


def test_the_rate_of_the_chapter() -> None:
    """An image of 256 px as 16 × 16 codes of 8 bits is 1/32 bit a pixel; 24 bits a pixel are 768 times as many."""
    found = figures(np.full(256, 1), 0.0, pixels=256 * 256)
    assert found["bits"] == pytest.approx(1 / 32)
    assert 24 / found["bits"] == pytest.approx(768)


def test_a_sheet_shows_codes_in_order() -> None:
    patches = np.stack([np.full((3, 2, 2), k / 10) for k in range(5)])
    shown = sheet(patches)
    assert shown.shape == (4, 6, 3)
    assert shown[::2, ::2, 0].flatten().tolist() == [0, 26, 51, 76, 102, 0]


def test_codes_alone_are_drawn_as_the_picture_they_came_from() -> None:
    run = trainer(tokenizer(knobs={"codes": 16}))
    run.train()
    (codec,) = run.experiment.codecs()
    batch = run.feed.fixed_examples(4)
    codes = run.experiment.encoded(codec, batch)
    image = run.experiment.decoded(codec, codes)
    run.experiment.eval()
    with torch.no_grad():
        wanted = run.experiment.run(batch, ["picture_decoder"])[End(node="picture_decoder", port="image")]
    assert torch.equal(image, wanted)
    assert (codec.original, codec.image) == (End(node="emoji", port="image"), End(node="picture_decoder", port="image"))
    other = CodesOnAWire(ids_BN=(codes.ids_BN + 1) % codes.vocabulary, books=codes.books, grid=codes.grid)
    assert not torch.equal(run.experiment.decoded(codec, other), wanted)


def test_codes_draw_the_same_picture_in_a_second_place() -> None:
    """The weights of a quantizer and its decoder once more, fed with codes alone: an end where a picture is made of codes."""
    draw = Drawing()
    draw.document = tokenizer(knobs={"codes": 16}, steps=2)
    for block in ("tokenizers.vector_quantizer", "tokenizers.picture_decoder", "objectives.reconstruction"):
        draw.add(block)
    document = edits.share_weights(draw.document, "vector_quantizer_2", "vector_quantizer")
    draw.document = edits.share_weights(document, "picture_decoder_2", "picture_decoder")
    for source, target in (
        ("vector_quantizer.codes", "vector_quantizer_2.codes"), ("vector_quantizer_2.tokens", "picture_decoder_2.tokens"),
        ("picture_decoder_2.image", "reconstruction_2.made"), ("emoji.image", "reconstruction_2.real"),
    ):  # fmt: skip
        draw.wire(source, target)
    run = trainer(draw.document)
    assert run.train() == "finished"
    run.experiment.eval()
    with torch.no_grad():
        values = run.experiment.run(run.feed.fixed_examples(4), ["picture_decoder", "picture_decoder_2"])
    here, there = (values[End(node=node, port="image")] for node in ("picture_decoder", "picture_decoder_2"))
    assert torch.equal(here, there)
    assert [codec.quantizer for codec in run.experiment.codecs()] == ["vector_quantizer"]


def test_vqgans_weight_is_the_ratio_of_gradients_and_its_opponent_begins_late() -> None:
    """At the decoder's last layer, of all other losses against the opponent's; before the start there is neither."""
    run = trainer(tokenizer(knobs={"codes": 16}, perceptual=True, steps=6))
    for _ in range(3):
        run._step()
        assert not run.weights
        assert not run.opposing
    wanted = []

    def measured(running: Running) -> dict[str, torch.Tensor]:
        losses = running.experiment.losses(running.forward(running.batch))
        last = running.experiment.node("picture_decoder").last_weight

        def pull(*names: str) -> float:
            total = torch.stack([losses[name] for name in names]).sum()
            return float(torch.autograd.grad(total, last, retain_graph=True)[0].norm())

        wanted.append(pull("reconstruction", "perceptual") / (pull("adversarial") + 1e-4))
        return plain(running)

    run.gradient = measured
    run._step()
    assert float(run.weights["adversarial"]) == pytest.approx(wanted[0], rel=1e-4)
    assert set(run.opposing) == {"adversarial"}


@pytest.mark.long
def test_a_short_run_draws_better_than_mean_colours() -> None:
    """Held out, above an average pool to the same grid, and that above the mean image."""
    document = tokenizer(
        knobs={"codes": 128}, width=32, steps=500, batch_size=64, learning_rate=4e-3,
        callbacks={"evaluation": {"every": 500, "train": False}},
    )  # fmt: skip
    run = trainer(document)
    run.train()
    found = {
        name: run.listener.scalars(f"score/validation/reconstruction/{name}")[-1][1]
        for name in ("PSNR", "pooled PSNR", "mean image PSNR")
    }  # type: ignore[attr-defined]
    assert found["PSNR"] > found["pooled PSNR"] > found["mean image PSNR"]
