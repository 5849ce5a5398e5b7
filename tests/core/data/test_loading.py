from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from core.blocks.values import Text
from core.data.batch import collate
from core.data.loading import batches, order
from core.data.pipeline import SampleGraph, generator, tolerated
from core.data.workers import pool_of
from core.problems import Refused
from tests.core.data.made import Made, graph, step


@pytest.fixture(scope="module")
def made() -> Iterator[SampleGraph]:
    """One graph for all tests that change nothing of it: its workers stay from test to test, as from epoch to epoch."""
    built = graph()
    yield built
    built.close()


def same(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    text, text_2 = one["words", "text"], other["words", "text"]
    return (
        one.keys() == other.keys()
        and torch.equal(one["indices"], other["indices"])
        and torch.equal(one["augment", "image"], other["augment", "image"])
        and torch.equal(text.ids_BL, text_2.ids_BL)
        and torch.equal(text.mask_BL, text_2.mask_BL)
        and one["source", "sentence"] == other["source", "sentence"]
    )


def epoch(built: SampleGraph, **options: Any) -> list[dict[Any, Any]]:
    return list(batches(built, built.source.splits()["train"], 8, **{"seed": 5, "epoch": 2, **options}))


@pytest.mark.parametrize("workers", [1, 2, pytest.param(4, marks=pytest.mark.long)])
def test_the_stream_does_not_depend_on_the_number_of_workers(made: SampleGraph, workers: int) -> None:
    for number in (0, 1):
        alone, helped = epoch(made, epoch=number), epoch(made, epoch=number, workers=workers)
        assert len(alone) == len(helped) == 6
        assert all(same(one, other) for one, other in zip(alone, helped))
    assert not same(epoch(made, epoch=0)[0], epoch(made, epoch=1)[0])


def test_a_batch_is_the_same_when_the_epoch_is_entered_there(made: SampleGraph) -> None:
    whole = epoch(made)
    for start in (1, 3, 5):
        assert all(same(one, other) for one, other in zip(whole[start:], epoch(made, start_batch=start), strict=True))


def test_workers_enter_an_epoch_in_its_middle_and_can_be_left_early(made: SampleGraph) -> None:
    whole = epoch(made)
    running = batches(made, made.source.splits()["train"], 8, seed=5, epoch=2, workers=2)
    assert same(next(running), whole[0])
    running.close()  # type: ignore[attr-defined]
    assert all(same(one, other) for one, other in zip(whole[2:], epoch(made, start_batch=2, workers=2), strict=True))


def test_two_iterators_share_the_workers(made: SampleGraph) -> None:
    whole = epoch(made)
    one = batches(made, made.source.splits()["train"], 8, seed=5, epoch=2, workers=1)
    first = next(one)
    other = epoch(made, workers=1)
    assert all(same(a, b) for a, b in zip([first, *one], whole, strict=True))
    assert all(same(a, b) for a, b in zip(other, whole, strict=True))


def test_the_order_is_a_shuffle_by_seed_and_epoch() -> None:
    inside = list(range(100, 200))
    assert order(inside, 1, 1, True) == order(inside, 1, 1, True)
    assert sorted(order(inside, 1, 1, True)) == inside
    assert len({tuple(order(inside, seed, number, True)) for seed in range(3) for number in range(3)}) == 9
    assert order(inside, 1, 1, False) == inside


def test_random_numbers_differ_by_every_part_of_their_key() -> None:
    keys = [
        (0, 0, 0, "a"),
        (1, 0, 0, "a"),
        (0, 1, 0, "a"),
        (0, 0, 1, "a"),
        (0, 0, 0, "b"),
        (0, 11, 1, "a"),
        (0, 1, 11, "a"),
    ]
    draws = [generator(*key).random(4).tolist() for key in keys]
    assert len({tuple(draw) for draw in draws}) == len(keys)
    assert generator(*keys[0]).random(4).tolist() == draws[0]


def test_evaluation_is_in_order_without_augmentation(made: SampleGraph) -> None:
    test = made.source.splits()["test"]
    got = list(batches(made, test, 4, training=False))
    assert [int(index) for batch in got for index in batch["indices"]] == list(test)
    assert len(got[-1]["indices"]) == len(test) % 4
    plain = made.source.sample(test[0])["image"]
    assert torch.equal(got[0]["augment", "image"][0], plain)
    assert not torch.equal(made.sample(test[0], 0, 0, True)["augment", "image"], plain)


def test_fewer_samples_than_a_batch_is_a_sentence_not_an_empty_epoch(made: SampleGraph) -> None:
    with pytest.raises(Refused, match="10 samples, fewer than one batch of 64"):
        batches(made, made.source.splits()["test"], 64)
    with pytest.raises(Refused, match="0 samples"):
        batches(made, [], 4)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_sample_is_replaced_by_the_next_good_one(workers: int) -> None:
    built = graph(bad=(7,), count=240)
    try:
        good, train = graph(count=240), built.source.splits()["train"]
        got = epoch(built, workers=workers)
        indices = [int(index) for batch in got for index in batch["indices"]]
        wanted = [int(index) for batch in epoch(good) for index in batch["indices"]]
        assert indices == [8 if index == 7 else index for index in wanted]
        assert built.quarantine == {7: "picture 7 is damaged."}
        assert train.index(8) == train.index(7) + 1
    finally:
        built.close()


def test_more_than_one_percent_unreadable_stops_the_run_with_reasons() -> None:
    built = graph(bad=(7, 8, 9), count=240)
    with pytest.raises(Refused, match=r"(?s)at most 1 %.*picture 7 is damaged"):
        epoch(built)
    assert (tolerated(10), tolerated(100), tolerated(1000)) == (1, 1, 10)


def test_a_worker_that_dies_once_is_forgiven(tmp_path: Path) -> None:
    built = graph(deadly=20, once=str(tmp_path / "died"))
    try:
        assert all(same(one, other) for one, other in zip(epoch(graph()), epoch(built, workers=2), strict=True))
        assert (tmp_path / "died").exists()
    finally:
        built.close()


def test_a_worker_that_dies_twice_names_the_samples_in_flight() -> None:
    built = graph(deadly=20)
    try:
        with pytest.raises(Refused, match=r"lost twice.*square number 20 \(20\)"):
            epoch(built, workers=1)
    finally:
        built.close()


@pytest.mark.long
def test_a_worker_that_hangs_is_given_up(tmp_path: Path) -> None:
    built = graph(hangs=20, once=str(tmp_path / "hung"))
    try:
        assert len(epoch(built, workers=1, timeout_seconds=15.0)) == 6
    finally:
        built.close()


def test_workers_end_with_the_graph(made: SampleGraph) -> None:
    from core.data.workers import pool_of

    epoch(made, workers=1)
    pool = pool_of(made, 1)
    assert len(pool.process_ids) == 1
    before = pool.process_ids
    epoch(made, workers=1, epoch=3)
    assert pool_of(made, 1).process_ids == before  # they stay from epoch to epoch
    made.close()
    assert pool.process_ids == []


def test_workers_come_from_one_server_and_live_in_the_surroundings_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = set()
    for said in ("", " of May", " of June"):
        monkeypatch.setenv("CMS_MADE_SAYS", said)
        built = graph(says="CMS_MADE_SAYS")
        sentences = [one for batch in epoch(built, workers=1) for one in batch["source", "sentence"]]
        assert all(sentence.endswith(said) for sentence in sentences)
        parents |= {psutil.Process(child).ppid() for child in pool_of(built, 1).process_ids}
        built.close()
    assert len(parents) == 1
    assert (os.getpid() in parents) == (sys.platform != "linux")


def test_an_iterator_that_is_left_ends_its_thread(made: SampleGraph) -> None:
    import threading

    running = batches(made, made.source.splits()["train"], 8)
    assert len(list(islice(running, 2))) == 2
    assert any(thread.name == "batches" for thread in threading.enumerate())
    running.close()  # type: ignore[attr-defined]
    assert not any(thread.name == "batches" for thread in threading.enumerate())


def test_what_was_learned_travels_as_json(made: SampleGraph) -> None:
    import json

    again = SampleGraph(parts=graph().parts, wanted=made.wanted)
    again.load_state(json.loads(json.dumps(made.state())))
    assert same(epoch(made)[0], epoch(again)[0])


def test_a_batch_of_text_is_as_long_as_its_longest_sentence(made: SampleGraph) -> None:
    batch = epoch(made)[0]
    text, indices = batch["words", "text"], batch["indices"].tolist()
    assert isinstance(text, Text)
    pieces = [made.sample(index, 2, 5, True)["words", "text"] for index in indices]
    assert text.ids_BL.shape == (8, max(piece.real for piece in pieces))
    assert text.ids_BL.shape[1] < text.most == text.positions == 12
    for row, mask, piece in zip(text.ids_BL, text.mask_BL, pieces):
        assert torch.equal(row[mask], piece.ids[: piece.real])
        assert mask.sum() == piece.real


def test_samples_of_two_shapes_are_refused_with_a_remedy() -> None:
    pictures = [{("a", "image"): torch.zeros(3, 4, 4)}, {("a", "image"): torch.zeros(3, 5, 4)}]
    with pytest.raises(Refused, match=r"\(3, 4, 4\) and \(3, 5, 4\).*resize"):
        collate(pictures, [0, 1])


def test_only_what_is_wanted_is_read() -> None:
    class Careful(Made):
        def part(self, index: int, ports: Any) -> dict[str, Any]:
            assert set(ports) == {"sentence"}
            return {"sentence": "a word"}

    built = SampleGraph(
        parts=(
            ("source", Careful(Made.Config()), {}),
            ("words", step("transforms.tokenizer"), {"sentence": ("source", "sentence")}),
        ),
        wanted=(("words", "text"),),
    )
    built.prepare()
    assert built.sample(0, 0, 0, True)["words", "text"].real > 2
