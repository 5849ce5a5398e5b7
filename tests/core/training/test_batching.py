"""Training on packs and buckets: the gradient of the same samples padded, exact with every other way of computing it, resumed bitwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from core.blocks.values import Pictures, Text, map_tensors, widest
from core.compiler.compile import analyse
from core.compiler.describe import vocabulary
from core.data.sources.emoji_scenes import SEVERAL
from core.graph import edits, file
from core.graph.document import Document, End
from core.graph.paths import knob_at, placed, value_at
from core.graph.recipe import Choice, Rule
from core.graph.vocabulary import Vocabulary
from core.problems import Refused
from core.training.describe import options
from core.training.gradients import accumulated, cached, plain
from core.training.trainer import Trainer
from tests.core.training.running import Said, checkpoint, resumed, same, trainer, weights
from tests.documents import Drawing, tiny_clip

PACKED = Choice(key="packed", knobs={"budget": 192, "packs": 2, "window": 64})
BUCKETED = Choice(key="bucketed", knobs={"window": 4})
FIXED = Choice(key="fixed")


def scenes(
    batching: Choice = PACKED,
    *,
    dropout: float = 0.0,
    cls: bool = False,
    queue: bool = False,
    objective: str = "info_nce",
    **recipe: Any,
) -> Document:
    """Emoji scenes at their own sizes against the name of one of them."""
    draw = Drawing("scenes of several sizes")
    draw.add("sources.emoji_scenes", image_size=48, count=2, scenes=1, shape=SEVERAL)
    draw.add("transforms.own_size", patch_size=8, most=48)
    draw.add("transforms.tokenizer", vocabulary=300, length=24)
    draw.add("encoders.navit", width=24, depth=2, heads=2, dropout=dropout, cls=cls)
    draw.add("encoders.text_transformer", width=16, depth=2, heads=2, dropout=dropout)
    for how in ("cls" if cls else "mean", "attention"):
        draw.add("connectors.pool", how=how)
    for _ in range(2):
        draw.add("connectors.projection", width=16)
    draw.add(f"objectives.{objective}")
    for source, target in (
        ("emoji_scenes.image", "own_size.image"), ("own_size.pictures", "navit.pictures"), ("navit.tokens", "pool.tokens"),
        ("pool.embedding", "projection.embedding"), ("projection.embedding", f"{objective}.left"),
        ("emoji_scenes.sentence", "tokenizer.sentence"), ("tokenizer.text", "text_transformer.text"),
        ("text_transformer.tokens", "pool_2.tokens"), ("pool_2.embedding", "projection_2.embedding"),
        ("projection_2.embedding", f"{objective}.right"),
    ):  # fmt: skip
        draw.wire(source, target)
    if queue:
        draw.add("negatives.queue", size=64)
        draw.wire("projection.embedding", "queue.left")
        draw.wire("projection_2.embedding", "queue.right")
        draw.wire("queue.negatives", f"{objective}.negatives")
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, "steps": 4, "batch_size": 9, **recipe}
    return edits.set_recipe(draw.document, batching=batching, **recipe)


def double(run: Trainer) -> Trainer:
    run.experiment.double()
    run.feed.after.append(lambda batch, _: {end: map_tensors(_wide, value) for end, value in batch.items()})
    return run


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def padded(value: Any) -> Any:
    return replace(value, pack_B=None) if isinstance(value, Text | Pictures) else value


def gradients(run: Trainer, how: Any, *, pad: bool = False) -> dict[str, torch.Tensor]:
    run._enter_stage()
    run.batch, run.indices = run.feed.next(0, 0)
    run.feed.close()
    if pad:
        run.batch = {end: padded(value) for end, value in run.batch.items()}
    run.experiment.zero_grad()
    torch.manual_seed(0)
    run.losses = how(run)
    return {name: p.grad.clone() for name, p in run.experiment.named_parameters() if p.grad is not None}


def near(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("cls", [False, True])
def test_a_step_on_packs_is_the_step_on_the_same_samples_padded(cls: bool) -> None:
    run, other = (double(trainer(scenes(cls=cls))) for _ in range(2))
    packs, rows = gradients(run, plain), gradients(other, plain, pad=True)
    near(packs, rows)
    assert len(run.indices) > 9  # the budget says how many
    left, right = run.sides["info_nce"]
    assert len(left) == len(right) == len(run.indices)  # documents are compared, not packs
    torch.testing.assert_close(run.losses["info_nce"], other.losses["info_nce"], atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("chunk", [5, 16])
def test_gradient_caching_of_packs_is_the_whole_step(chunk: int) -> None:
    near(
        gradients(double(trainer(scenes())), plain), gradients(double(trainer(scenes())), partial(cached, chunk=chunk))
    )


def test_accumulation_weighs_documents() -> None:
    """SigLIP-like parts would differ; a loss by sample alone would not: here both forms agree with rows padded, part for part."""
    how = partial(accumulated, chunks=3)
    near(gradients(double(trainer(scenes())), how), gradients(double(trainer(scenes())), how, pad=True))


def test_a_queue_takes_the_keys_of_documents() -> None:
    run, other = (double(trainer(scenes(queue=True))) for _ in range(2))
    near(gradients(run, plain), gradients(other, plain, pad=True))
    for one in (run, other):
        one.experiment.after_update(one.batch)
    for name, value in run.experiment.state_dict().items():
        torch.testing.assert_close(value, other.experiment.state_dict()[name], atol=1e-12, rtol=1e-10)


def test_frozen_features_of_packs_are_kept_by_sample() -> None:
    losses = []
    for callbacks in ({}, {"frozen_cache": {}}):
        run = trainer(scenes(callbacks=callbacks, rules={"navit": Rule(frozen=True)}, steps=12))
        run.train()
        losses.append([loss for _, loss in run.listener.scalars("loss")])  # type: ignore[attr-defined]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert run.callback("frozen_cache")._kept


def of_ninety(run: Trainer) -> Trainer:
    """On ninety training scenes: an epoch has a few batches."""
    run.feed.splits = {**run.feed.splits, "train": list(run.feed.splits["train"])[:90]}
    return run


@pytest.mark.parametrize("batching", [PACKED, BUCKETED])
@pytest.mark.parametrize("step", [2, pytest.param(5, marks=pytest.mark.long)])
def test_resumed_bitwise(batching: Choice, step: int, tmp_path: Path) -> None:
    large = {"packs": 3} if batching is PACKED else {}
    document = scenes(Choice(key=batching.key, knobs={**batching.knobs, **large}), dropout=0.2, steps=12, batch_size=20)
    whole = of_ninety(trainer(document))
    whole.train()
    run = of_ninety(trainer(document))
    run.tell("began")
    while run.position.step < step:
        run._step()
    run.feed.close()
    again = of_ninety(resumed(document, tmp_path, checkpoint(run, tmp_path)))
    again.train()
    assert next(iter(whole.position.tasks.values())).epoch >= 2
    assert same(weights(whole), weights(again))
    assert replace(again.position, seconds=0, processor=0) == replace(whole.position, seconds=0, processor=0)


def test_samples_are_counted_as_they_come() -> None:
    run = trainer(scenes(steps=3))
    seen: list[int] = []
    run.feed.after.append(lambda batch, indices: seen.append(len(indices)) or batch)  # type: ignore[func-returns-value]
    run.train()
    assert run.position.samples == sum(seen)
    assert len(set(seen)) > 1  # the budget is of tokens


def test_an_evaluation_of_packs_is_the_evaluation() -> None:
    found = []
    for batching in (PACKED, FIXED, BUCKETED):
        run = trainer(scenes(batching, callbacks={"evaluation": {"most": 120}}))
        run.callback("evaluation").measure(run)
        said = run.listener
        assert isinstance(said, Said)
        found.append({name: value for e in said if hasattr(e, "values") for name, value in e.values.items()})
        assert any("retrieval/test" in name for name in found[-1])
    for other in found[1:]:
        assert found[0].keys() == other.keys()
        assert all(found[0][name] == pytest.approx(other[name], abs=1e-5) for name in found[0])


@pytest.fixture
def watched() -> Iterator[Trainer]:
    run = trainer(scenes(cls=True))
    yield run
    run.feed.close()


def test_every_picture_of_a_pack_has_its_own_map(watched: Trainer) -> None:
    batch = watched.feed.fixed_examples(6)
    pictures = batch[End(node="own_size", port="pictures")]
    assert pictures.pack_B is not None
    maps = watched.experiment.attention_maps(batch)
    rows, queries, keys = maps["navit/1"]
    assert queries == keys
    assert queries["each"] == pictures.size_B2.tolist()
    assert (queries["kind"], queries["extra"]) == ("patches", 1)
    split = watched.feed.some("validation", 6)
    for place in range(6):
        one = watched.feed.split("validation", 1)
        alone = next(b for b, indices in one if indices == [split[place]])
        own = watched.experiment.attention_maps(alone)["navit/1"][0]
        length = own.shape[-1]
        torch.testing.assert_close(rows[place, None, :, :length, :length], own, atol=1e-5, rtol=1e-5)
    shown = watched.feed.exhibit("probe", watched.feed.some("validation", 6), watched.at())
    assert [(h // 8, w // 8) for h, w in shown.sizes] == [tuple(size) for size in pictures.size_B2.tolist()]


def test_words_of_a_pack_are_named_by_their_own_sentence(watched: Trainer) -> None:
    batch = watched.feed.fixed_examples(6)
    rows, queries, _ = watched.experiment.attention_maps(batch)["text_transformer/0"]
    exhibit = watched.feed.exhibit("probe", watched.feed.some("validation", 6), watched.at())
    real = [len(words) for words in exhibit.words]
    assert queries == {"kind": "words", "extra": 0, "length": max(real)}
    for place, length in enumerate(real):
        assert not rows[place, :, :length, length:].any()
        torch.testing.assert_close(rows[place, :, :length, :length].sum(-1), torch.ones(2, length))


def test_sentences_cut_to_the_longest_score_as_padded_ones() -> None:
    run = trainer(tiny_clip(dropout=0.0))
    run.experiment.double().eval()
    batch = run.feed.fixed_examples(12)
    batch = {end: map_tensors(_wide, value) for end, value in batch.items()}
    wide = {end: widest(value) for end, value in batch.items()}
    end = End(node="projection_2", port="embedding")
    with torch.no_grad():
        cut, whole = (run.experiment.run(one, [end.node])[end] for one in (batch, wide))
    assert wide[End(node="tokenizer", port="text")].ids_BL.shape[1] == 8
    torch.testing.assert_close(cut, whole, atol=1e-12, rtol=1e-12)


# The recipe's choice --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    known = vocabulary()
    return Vocabulary(known.values(), options())


def test_the_choice_is_written_read_and_turned_by_path(words: Vocabulary) -> None:
    document = scenes()
    again = file.from_data(file.to_data(document))
    assert again.recipe.batching == PACKED
    assert "batching" not in file.to_data(scenes(FIXED))["recipe"]  # an older reader of such a file misses nothing
    assert value_at(document, "recipe.batching", words) == "packed"
    assert value_at(document, "recipe.batching.budget", words) == 192
    assert placed(document, "recipe.batching.budget", 512, words).recipe.batching.knobs["budget"] == 512
    assert placed(document, "recipe.batching", "fixed", words).recipe.batching == FIXED
    assert set(knob_at(document, "recipe.batching", words).choices) == {"fixed", "bucketed", "packed"}
    with pytest.raises(Refused):
        placed(document, "recipe.batching.budget", 1, words)
    with pytest.raises(Refused, match="budgett"):
        placed(document, "recipe.batching.budgett", 64, words)


def test_what_cannot_be_grouped_is_told_before_the_run() -> None:
    draw = Drawing("no sizes")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("encoders.vit", patch_size=4, width=24, depth=1, heads=2)
    draw.wire("emoji.image", "vit.image")
    document = edits.set_recipe(draw.document, batching=PACKED)
    problem = next(p for p in analyse(document).problems if "one size" in p.what)
    assert problem.fix is not None
    mended = getattr(edits, problem.fix.edit)(document, **problem.fix.arguments)
    assert not any("one size" in p.what for p in analyse(mended).problems)
    unknown = edits.set_recipe(draw.document, batching=Choice(key="packd"))
    assert any("packd" in p.what and "packed" in p.hint for p in analyse(unknown).problems)
    wrong = edits.set_recipe(scenes(), batching=Choice(key="packed", knobs={"budget": 1}))
    assert any(p.severity == "error" for p in analyse(wrong).problems)


def test_pictures_of_several_sizes_are_refused_by_a_tower_of_one() -> None:
    draw = Drawing("several into one")
    draw.add("sources.emoji_scenes", shape=SEVERAL)
    draw.add("encoders.vit", patch_size=4, width=24, depth=1, heads=2)
    draw.wire("emoji_scenes.image", "vit.image")
    problem = next(p for p in analyse(draw.document).problems if p.node == "vit")
    assert "differ in size" in problem.what
    assert "Resize images" in problem.hint
