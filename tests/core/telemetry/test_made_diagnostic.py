"""What is made while a run learns: the same seeds every time, each with its own stream, and the training undisturbed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core.graph.selection import selecting_split
from core.store.database import Store
from core.store.encoding import samples_of
from core.store.library import Library
from core.telemetry.diagnostics.made import Made, _times_before
from core.telemetry.events import Mark, Pictures, Sounds
from tests.core.made_blocks import hummer, made_blocks, painter
from tests.core.training.running import same, trainer, weights
from tests.core.training.test_adversarial import gan
from tests.documents import tiny_clip


@pytest.fixture(autouse=True, scope="module")
def catalogue() -> Iterator[None]:
    with made_blocks():
        yield


def test_the_training_is_bit_for_bit_the_same_with_and_without() -> None:
    bare, watched = trainer(painter(diagnostics={})), trainer(painter())
    assert (bare.train(), watched.train()) == ("finished", "finished")
    assert same(weights(bare), weights(watched))
    assert bare.listener.scalars("loss") == watched.listener.scalars("loss")  # type: ignore[attr-defined]
    assert watched.listener.of(Pictures)  # type: ignore[attr-defined]


def test_said_at_the_first_the_last_and_every_other_step_by_every_block_that_makes() -> None:
    run = trainer(painter())
    run.train()
    said = run.listener.of(Pictures)  # type: ignore[attr-defined]
    assert [(event.at.step, event.series) for event in said] == [
        (step, f"made/{node}/image") for step in (1, 2, 4, 5) for node in ("rebuild", "paint")
    ]
    assert {event.seeds for event in said} == {(0, 1, 2, 3)}
    split = selecting_split(run.feed.splits) or "train"
    indices = run.feed.some(split, 4)
    assert {event.titles for event in said} == {tuple(run.feed.source.label(index) for index in indices)}


def test_a_reconstruction_stands_beside_what_came_in_and_a_painting_beside_nothing() -> None:
    run = trainer(painter(steps=1))
    run.train()
    rebuilt, painted = run.listener.of(Pictures)  # type: ignore[attr-defined]
    assert painted.originals == ()
    real = run.feed.fixed_examples(4)
    image = next(value for end, value in real.items() if end.port == "image")
    expected = (image.permute(0, 2, 3, 1).clamp(0, 1) * 255).round().byte().numpy()
    np.testing.assert_array_equal(rebuilt.originals, expected)
    assert rebuilt.pictures.shape == expected.shape


def test_number_seven_is_the_same_alone_in_eight_and_in_sixty_four() -> None:
    run = trainer(painter())
    making = next(each for each in run.experiment.makings() if each.end.node == "paint")
    batch = run.feed.fixed_examples(1)

    def made(*seeds: int) -> list[bytes]:
        return [thing.made.tobytes() for thing in run.experiment.make(making, batch, seeds)]

    alone = made(7)[0]
    assert made(*range(8))[7] == made(*range(64))[7] == alone
    assert len(set(made(*range(8)))) == 8, "other seeds give other images"


def test_noise_that_a_batch_carries_is_drawn_from_the_seed_and_not_from_the_sample() -> None:
    run = trainer(gan(steps=2, diagnostics={"made": {"samples": 4}}))
    assert run.train() == "finished"
    last = run.listener.of(Pictures)[-1]  # type: ignore[attr-defined]
    assert len({image.tobytes() for image in last.pictures}) == 4
    (making,) = run.experiment.makings()
    whole, first = run.feed.fixed_examples(4), run.feed.fixed_examples(1)
    for batch, seeds in ((whole, (3, 2, 1, 0)), (first, (2, 3))):
        for thing in run.experiment.make(making, batch, seeds):
            np.testing.assert_array_equal(thing.made, last.pictures[thing.seed])


def test_random_numbers_and_modes_are_left_as_they_were() -> None:
    run = trainer(painter())
    run.experiment.train()
    run.experiment.node("paint").eval()
    torch.manual_seed(3)
    expected = torch.random.get_rng_state()
    mean = run.experiment.node("paint").norm.running_mean.clone()
    making = run.experiment.makings()[0]
    list(run.experiment.make(making, run.feed.fixed_examples(2), (0, 1)))
    assert torch.equal(torch.random.get_rng_state(), expected)
    assert torch.equal(run.experiment.node("paint").norm.running_mean, mean)
    assert (run.experiment.node("vit").training, run.experiment.node("paint").training) == (True, False)
    assert all(parameter.grad is None for parameter in run.experiment.parameters())


def test_a_full_budget_is_said_once_and_stops_the_making(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.telemetry.diagnostics.made.MEBIBYTE", 2 * 4 * 3 * 16 * 16)  # what is made at one step
    run = trainer(painter(steps=12, diagnostics={"made": {"every": 3, "samples": 4, "mebibytes": 3}}))
    run.train()
    said = {event.at.step for event in run.listener.of(Pictures)}  # type: ignore[attr-defined]
    assert said == {1, 3, 6}
    marks = [mark.text for mark in run.listener.of(Mark) if mark.kind == "warning"]  # type: ignore[attr-defined]
    assert marks == ["What was made fills its 3 MiB at step 9: later ones are not kept."]


@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_how_often_before_is_counted_from_the_step_alone(every: int) -> None:
    times = [step for step in range(1, 40) if step % every == 0 or step == 1]
    assert [_times_before(step, every) for step in times] == list(range(len(times)))


def test_a_waveform_is_said_with_its_rate_and_kept_as_a_file(tmp_path: Path) -> None:
    run = trainer(hummer())
    run.train()
    first, last = run.listener.of(Sounds)  # type: ignore[attr-defined]
    assert (first.series, first.hertz, first.sounds.shape) == ("made/hum/waveform", 8000, (3, 400))
    assert not np.array_equal(first.sounds, last.sounds)
    with Store.open(tmp_path / "runs.db") as store:
        library = Library(store)
        uid = library.create_run("hums", "{}").uid
        recorder = library.recorder(uid)
        recorder.say(last)
        assert recorder.close()
        found = library.reader(uid).sounds_at("made/hum/waveform", 2)
        samples, hertz = samples_of(library.reader(uid).file(found.made[1]))
        assert hertz == 8000
        np.testing.assert_allclose(samples, last.sounds[1], atol=2e-7)


def test_where_nothing_is_made_nothing_is_said() -> None:
    run = trainer(tiny_clip(steps=2, diagnostics={"made": {}}))
    assert run.train() == "finished"
    assert run.experiment.makings() == ()
    assert run.listener.of(Pictures) == []  # type: ignore[attr-defined]
    assert isinstance(run.diagnostics[0], Made)
