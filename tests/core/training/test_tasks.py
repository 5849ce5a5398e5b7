"""Two tasks on the same towers: turns, gradients, resuming, and what is said of each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from core.blocks.values import map_tensors
from core.compiler.module import node_seed
from core.graph import edits
from core.graph.document import Document
from core.graph.mixing import drawn, shares_at
from core.graph.recipe import ALL, Mix, Part, Rule
from core.graph.selection import chosen_figure, figure_of
from core.problems import Refused
from core.runs.declared import declared_vocabulary
from core.telemetry.events import Exhibit, Histogram, Mark, Samples
from core.training.gradients import accumulated, cached, plain
from core.training.position import Position
from core.training.trainer import Trainer
from tests.core.training.running import checkpoint, resumed, same, trainer, weights
from tests.core.training.test_momentum import with_negatives
from tests.core.training.two_tasks import squares, two_tasks
from tests.documents import tiny_clip

PARTS = {"emoji": {"start": 3.0, "end": 1.0}, "caption_table": {"batch_size": 8}}
SOURCES = ("emoji", "caption_table")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return squares(tmp_path_factory.mktemp("squares"))


def document(folder: Path, *, steps: int = 12, batch_size: int = 400, **mix: Any) -> Document:
    """Emoji in batches of 400, three an epoch; squares in batches of 8, three an epoch: both cross epochs."""
    callbacks: dict[str, Any] = {
        "ema": {"decay": 0.9},
        "clipping": {"norm": 0.5},
        "evaluation": {"every": 4, "most": 50},
    }
    plain_clip = tiny_clip(steps=steps, batch_size=batch_size, callbacks=callbacks, seed=1)
    return two_tasks(plain_clip, folder, **{"parts": PARTS, **mix})


def double(run: Trainer) -> Trainer:
    """In float64, whatever task is at work."""
    run.experiment.double()
    for feed in run.feeds.values():
        feed.after.append(
            lambda batch, _: {
                end: map_tensors(lambda t: t.double() if t.is_floating_point() else t, value)
                for end, value in batch.items()
            }
        )
    return run


def one_step(run: Trainer) -> dict[str, torch.Tensor]:
    """The gradients of the step a trainer is about to take."""
    run._enter_stage()
    run._take_turns()
    torch.manual_seed(5)
    run._gradients()
    for feed in run.feeds.values():
        feed.close()
    return {name: p.grad.clone() for name, p in run.experiment.named_parameters() if p.grad is not None}


def test_a_turn_is_a_function_of_the_seed_and_the_step() -> None:
    mix = Mix(parts={source: Part(**part) for source, part in PARTS.items()})  # type: ignore[arg-type]
    ours = [drawn(mix, SOURCES, 3, step, 200) for step in range(200)]
    assert ours == [drawn(mix, SOURCES, 3, step, 200) for step in range(200)]
    assert ours[120:] == [drawn(mix, SOURCES, 3, step, 200) for step in range(120, 200)], "in any order"
    assert ours != [drawn(mix, SOURCES, 4, step, 200) for step in range(200)]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_drawn_ratio_passes_a_chi_squared_test(schedule: str) -> None:
    """Under shares that move from 3 : 1 to 1 : 1, in ten parts of the run; each part has one degree of freedom.

    The 0.1 % point of chi squared with 10 degrees of freedom is 29.6 (Abramowitz and Stegun, table 26.8).
    """
    steps = 20_000
    mix = Mix(schedule=schedule, parts={"emoji": Part(start=3.0, end=1.0)})
    found = 0.0
    for part in range(10):
        inside = range(part * steps // 10, (part + 1) * steps // 10)
        expected = sum(shares_at(mix, SOURCES, step, steps)["emoji"] for step in inside)
        seen = sum(drawn(mix, SOURCES, 0, step, steps) == "emoji" for step in inside)
        found += (seen - expected) ** 2 / expected + (seen - expected) ** 2 / (len(inside) - expected)
    assert found < 29.6
    assert shares_at(mix, SOURCES, 0, steps)["emoji"] == pytest.approx(0.75)
    assert shares_at(mix, SOURCES, steps - 1, steps)["emoji"] == pytest.approx(0.5)
    middle = shares_at(mix, SOURCES, steps // 4, steps)["emoji"]
    assert middle == pytest.approx(0.6875 if schedule == "linear" else 0.75 - 0.25 * (1 - 0.5**0.5) / 2, abs=1e-4)


@pytest.mark.parametrize("turns", ["one task a step", ALL])
def test_a_run_resumed_in_the_middle_of_a_mix_is_bitwise_the_whole(turns: str, folder: Path, tmp_path: Path) -> None:
    drawing = document(folder, turns=turns)
    whole, part = trainer(drawing), trainer(drawing)
    assert whole.train() == "finished"
    part.tell("began")
    for step in (3, 7):
        while part.position.step < step:
            part._step()
        rest = resumed(drawing, tmp_path / str(step), checkpoint(part, tmp_path / str(step)))
        assert rest.position == part.position
        rest.train()
        assert_the_rest_of(whole, rest, step)
    for feed in part.feeds.values():
        feed.close()


def assert_the_rest_of(whole: Trainer, rest: Trainer, step: int) -> None:
    """The same weights, figures and places as a run that was never left."""
    assert same(weights(rest), weights(whole))
    for name in ("loss", "loss/info_nce · Emoji pairs", "loss/info_nce · Squares"):
        said: list[Any] = [run.listener.scalars(name) for run in (whole, rest)]  # type: ignore[attr-defined]
        assert [row for row in said[0] if row[0] > step] == said[1]
    places = whole.position.tasks
    assert {places[source].batches for source in SOURCES} == {3}
    assert all(place.epoch >= 1 for place in places.values()), "both went through their data"
    assert {k: (v.epoch, v.batch, v.turns) for k, v in rest.position.tasks.items()} == {
        k: (v.epoch, v.batch, v.turns) for k, v in places.items()
    }


def test_loader_processes_change_nothing(folder: Path) -> None:
    one = trainer(document(folder, steps=4, batch_size=32))
    one.train()
    drawing = edits.set_recipe(document(folder, steps=4, batch_size=32), workers=1)
    other = trainer(drawing)
    other.train()
    other.graphs.close()
    assert same(weights(one), weights(other))


def test_all_tasks_every_step_is_the_weighted_sum_of_their_own_gradients(folder: Path) -> None:
    """In float64, to 1e-12, with dropout: each task draws the same masks alone and beside the other."""
    drawing = document(folder, turns=ALL, batch_size=32)
    both = one_step(double(trainer(drawing)))
    shares = shares_at(drawing.recipe.mix, SOURCES, 0, drawing.recipe.steps)
    assert shares == {"emoji": 0.75, "caption_table": 0.25}
    summed: dict[str, torch.Tensor] = {}
    for source, share in shares.items():
        run = double(trainer(drawing))
        run._enter_stage()
        run._take_turns()
        alone = {source: 1.0}
        torch.manual_seed(5)
        for number, task in enumerate(run.plan.tasks):  # the second task's masks have a seed of their own
            if task.source == source:
                run.task, run.shares = task, alone
                if number:
                    torch.manual_seed(node_seed(run.recipe.seed, f"step/0/{source}"))
                plain(run)
        for feed in run.feeds.values():
            feed.close()
        for name, p in run.experiment.named_parameters():
            if p.grad is not None:
                summed[name] = summed.get(name, torch.zeros_like(p)) + share * p.grad
    assert both.keys() == summed.keys()
    for name in both:
        torch.testing.assert_close(both[name], summed[name], atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("how", [partial(cached, chunk=5), partial(accumulated, chunks=1)], ids=["cached", "one chunk"])
def test_parts_of_a_batch_give_the_same_gradient_in_a_mix(how: Any, folder: Path) -> None:
    drawing = document(folder, turns=ALL, batch_size=24)
    drawing = edits.set_knob(edits.set_knob(drawing, "vit", "patch_dropout", 0.0), "vit", "dropout", 0.0)
    drawing = edits.set_knob(drawing, "text_transformer", "dropout", 0.0)
    whole = one_step(double(trainer(drawing)))
    run = double(trainer(drawing))
    run.gradient = how
    parts = one_step(run)
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], atol=1e-12, rtol=1e-10)


def test_what_a_run_says_is_told_by_task(folder: Path) -> None:
    drawing = document(folder, steps=8, batch_size=32)
    drawing = edits.set_recipe(
        drawing, diagnostics={"similarity": {"every": 1}, "attention": {"every": 4}, "samples": {}}
    )
    run = trainer(drawing)
    assert run.train() == "finished"
    said: Any = run.listener
    names = {name for event in said if hasattr(event, "values") for name in event.values}
    for name in (
        "loss/info_nce · Squares", "retrieval/test · Squares/image_to_text/R@10", "retrieval/validation · Emoji pairs/text_to_image/mAP",
        "selection/validation/R@10", "selection/validation · Emoji pairs/R@10", "similarity/info_nce · Squares/alignment",
        "mix/asked/Emoji pairs", "mix/drawn/Squares", "mix/epochs/Squares", "temperature/info_nce",
    ):  # fmt: skip
        assert name in names, name
    assert not {name for name in names if name.startswith("retrieval/test/") or name == "loss/info_nce"}
    assert {exhibit.name for exhibit in said.of(Exhibit)} == {
        f"{name} · {task}" for name in ("held out", "probe") for task in ("Emoji pairs", "Squares")
    }
    assert {s.series: s.exhibit for s in said.of(Samples)}["samples/image_to_text · Squares"] == "held out · Squares"
    assert {h.series for h in said.of(Histogram)} >= {
        f"similarity/info_nce · {t}/positive" for t in ("Emoji pairs", "Squares")
    }
    turns = {source: place.turns for source, place in run.position.tasks.items()}
    assert sum(turns.values()) == 8
    assert said.scalars("mix/drawn/Squares")[-1] == (8, turns["caption_table"] / 8)
    asked = sum(shares_at(drawing.recipe.mix, SOURCES, step, 8)["caption_table"] for step in range(8))
    assert said.scalars("mix/asked/Squares")[-1][1] == pytest.approx(asked / 8)
    mean = said.scalars("selection/validation/R@10")[-1][1]
    own = [said.scalars(f"selection/validation · {task}/R@10")[-1][1] for task in ("Emoji pairs", "Squares")]
    assert mean == pytest.approx(sum(own) / 2)


def test_the_recipe_says_which_task_selects(folder: Path) -> None:
    run = trainer(document(folder, steps=4, batch_size=32, selects="caption_table"))
    run.train()
    said: Any = run.listener
    assert said.scalars("selection/validation/R@10") == said.scalars("selection/validation · Squares/R@10")
    assert run.figure is not None
    assert run.figure.what == "R@10 on validation (mean of both directions, Squares)"
    good, lacking = figure_of("validation", {"a/R@10": 0.5}), None
    titles = {"a": "A", "b": "B"}
    assert chosen_figure({"a": good, "b": lacking}, "", titles) is None
    assert chosen_figure({"a": good, "b": lacking}, "a", titles).value == 0.5  # type: ignore[union-attr]
    test = figure_of("test", {"a/R@10": 0.1})
    assert chosen_figure({"a": good, "b": test}, "", titles).split == "test", "said as soon as one is"  # type: ignore[union-attr]


def test_one_vocabulary_of_both(folder: Path) -> None:
    drawing = edits.set_knob(document(folder, batch_size=32), "tokenizer", "method", "words")
    run = trainer(edits.set_knob(drawing, "tokenizer", "vocabulary", 4000))
    first, second = (run.graphs[source].transforms["tokenizer"] for source in SOURCES)
    assert first is second
    pieces = run.graphs.state()["tokenizer"]["pieces"]
    assert {"square", "heart"} <= set(pieces), "words of both"
    assert run.graphs["emoji"].changes == run.graphs["caption_table"].changes == ["tokenizer"]


def test_a_task_without_a_share_is_only_evaluated(folder: Path) -> None:
    run = trainer(document(folder, steps=4, batch_size=32, parts={"caption_table": {"start": 0.0, "batch_size": 500}}))
    assert run.train() == "finished", "its batch need not be filled"
    said: Any = run.listener
    assert run.position.tasks["caption_table"].turns == 0
    assert said.scalars("retrieval/test · Squares/image_to_text/R@10")
    assert not said.scalars("loss/info_nce · Squares")


def test_data_that_does_not_fill_a_batch_is_said_before_the_first_step(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="training split of Squares has 24 samples, fewer than one batch of 100"):
        trainer(document(folder, batch_size=32, parts={"caption_table": {"batch_size": 100}})).train()
    held_out = squares(tmp_path / "held out", ("test", "validation"))
    with pytest.raises(Refused, match="training split of Squares is empty"):
        trainer(document(held_out, batch_size=32)).train()
    run = trainer(document(folder, steps=400, batch_size=32))
    run.control.stop()
    run.train()
    warned = [mark.text for mark in run.listener.of(Mark)]  # type: ignore[attr-defined]
    assert any("Squares runs out first: its 24 training samples are seen about" in text for text in warned)


def test_a_checkpoint_from_before_there_were_tasks_is_read() -> None:
    old = {"step": 7, "epoch": 2, "batch": 1, "batches": 3, "samples": 70, "seconds": 1.5, "processor": 1.0}
    found = Position.from_json(old, ("emoji",))
    assert (found.step, found.samples, found.at().epoch) == (7, 70, pytest.approx(2 + 1 / 3))
    assert Position.from_json(found.as_json(), ("emoji",)) == found


@pytest.mark.parametrize("turns", ["one task a step", ALL])
def test_every_option_works_with_two_tasks(turns: str, folder: Path) -> None:
    """What looks at a run, keeps it or changes its gradient; the queue of earlier keys takes those of every turn."""
    options: dict[str, Any] = {
        "evaluation": {"every": 3, "most": 40}, "ema": {}, "gradient_cache": {"chunk": 5}, "zero_shot": {}, "watchdog": {},
        "clipping": {"per": "modality"}, "ogm_ge": {}, "grad_norm": {}, "frozen_cache": {}, "early_stopping": {},
    }  # fmt: skip
    diagnostics: dict[str, Any] = {
        key: {} for key in ("similarity", "attention", "samples", "gradients", "memory", "experts")
    }
    drawing = tiny_clip(steps=4, batch_size=16, seed=1, callbacks=options, diagnostics=diagnostics)
    drawing = with_negatives(drawing, ("negatives.queue", {"size": 500, "momentum": 0.9}))
    run = trainer(two_tasks(drawing, folder, turns=turns, parts={"caption_table": {"batch_size": 8}}))
    assert run.train() == "finished"
    assert len(run.diagnostics) == 6, "none was switched off"
    turns_of = {source: place.turns for source, place in run.position.tasks.items()}
    queue: Any = run.experiment.node("queue")
    assert int(queue.filled) == 16 * turns_of["emoji"] + 8 * turns_of["caption_table"] == run.position.samples


def test_frozen_features_are_kept_for_each_task(folder: Path) -> None:
    drawing = edits.remove_nodes(tiny_clip(steps=6, batch_size=16), ["augment"], declared_vocabulary())
    drawing = edits.set_recipe(drawing, seed=1, rules={"vit": Rule(frozen=True)}, callbacks={"frozen_cache": {}})
    drawing = two_tasks(drawing, folder, parts={"caption_table": {"batch_size": 8}})
    kept, computed = trainer(drawing), trainer(edits.switch(drawing, "callbacks", "frozen_cache", False))
    for run in (kept, computed):
        run.train()
    cache: Any = kept.callback("frozen_cache")
    assert all(cache._kept[source].values for source in SOURCES), "samples of the same number are told apart"
    for name, tensor in weights(kept).items():
        torch.testing.assert_close(tensor, weights(computed)[name], atol=1e-6, rtol=1e-5)
