"""Where in a film an answer comes from: shares of frames and cells, followed through the whole graph to the frames that came in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.inference.caption import caption
from core.inference.film_looks import FilmLook, look_at, look_of_words
from core.inference.looks import looks
from core.inference.trained import Trained
from core.store.database import Store
from tests.core.inference.test_questions import checkpoint_of
from tests.core.inference.test_watching import runs_and_jumps, watcher


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    document = watcher(runs_and_jumps(tmp_path_factory.mktemp("films")))
    with Store.open(tmp_path_factory.mktemp("runs") / "runs.db") as store:
        trained = Trained(document, checkpoint_of(store, document))
        yield trained
        trained.close()


def file_of(model: Trained) -> Path:
    file: Path = model.graph.source.rows[0].file  # type: ignore[attr-defined]
    return file


def check(look: FilmLook | None) -> FilmLook:
    assert look is not None
    assert look.frames_THW3.shape == (4, 16, 16, 3)
    assert len(look.starts_T) == 4
    assert look.starts_T == tuple(sorted(look.starts_T))
    assert all(share.shape == (4, 2, 2) for share in look.by_rule.values())
    assert all(float(share.sum()) == pytest.approx(1, abs=1e-5) for share in look.by_rule.values())
    return look


def test_a_sentence_and_each_of_its_words_come_from_somewhere_in_the_film(model: Trained) -> None:
    look = check(look_at(model, file_of(model), sentence="run"))
    assert set(look.by_rule) == {"rollout", "gradient"}
    assert look.by_word_LThw is not None
    assert look.by_word_LThw.shape == (len(look.words), 4, 2, 2)
    assert look.by_word_LThw.sum((1, 2, 3)) == pytest.approx(np.ones(len(look.words)), abs=1e-5)


def test_rollout_is_the_product_of_the_maps_over_time_and_over_space_and_of_the_ways_around_them(
    model: Trained,
) -> None:
    file = file_of(model)
    maps = [one for one in looks(model, film=file) if one.layer.startswith("video_transformer")]
    assert len(maps) == 2, "divided: over time, then over space"
    extra, size = int(maps[0].keys["extra"]), maps[0].weights.shape[-1]
    through_NN = np.eye(size)
    for one in maps:
        through_NN = (one.weights.mean(0) + np.eye(size)) / 2 @ through_NN
    read_N = through_NN.mean(0)  # what the mean over all tokens reads
    look = check(look_at(model, file, sentence="run"))
    np.testing.assert_allclose(look.by_rule["rollout"].ravel(), read_N[extra:] / read_N[extra:].sum(), atol=1e-6)


def test_a_class_comes_from_frames_of_its_own(model: Trained) -> None:
    file = file_of(model)
    run, jump = (check(look_at(model, file, name=name)) for name in ("run", "jump"))
    np.testing.assert_allclose(run.by_rule["rollout"], jump.by_rule["rollout"], atol=1e-6)
    assert not np.allclose(run.by_rule["gradient"], jump.by_rule["gradient"], atol=1e-4), "what speaks for each differs"
    assert run.words == ()


def test_where_things_are_marked_in_time_all_tokens_are_read(model: Trained) -> None:
    check(look_at(model, file_of(model)))


def test_the_words_of_a_caption_look_at_frames(model: Trained) -> None:
    file = file_of(model)
    made = caption(model, film=file)
    look = check(look_of_words(model, file, made.words))
    assert look.words == tuple(word.text for word in made.words)
    assert look.by_word_LThw is not None
    np.testing.assert_allclose(look.by_word_LThw.mean(0), look.by_rule["words"], atol=1e-5)
    assert all(word.look_HW is None for word in made.words), "a film is no image"
    assert look_of_words(model, file, ()) is None
