"""A classifier's sample is explained by the logit of a class: of the one it says, or of any; over cells of a spectrogram, by removal, told from random."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core.graph import edits
from core.inference.faithfulness import faithfulness, regions
from core.inference.inspecting import chosen_score, class_names, followed_by, found_by, inspect, own_class, said_class
from core.inference.scoring import CLASS, scores_of
from core.inference.trained import Trained
from core.problems import Refused
from core.store.database import Store
from studio.asking.inspecting import subject_of
from tests.core.inference.test_questions import checkpoint_of, spoken
from tests.documents import Drawing
from widgets.inspection.values import SampleWish


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """A narrow CNN over spectrograms whose bands are merged, pooled by their mean, after three steps."""
    root = tmp_path_factory.mktemp("spoken")
    spoken(root)
    draw = Drawing("heard")
    draw.add("sources.sounds", folder=str(root), hertz=8000, seconds=0.5)
    draw.add("transforms.sound_length", seconds=0.5)
    draw.add("transforms.log_mel", n_fft=256, hop=64, mels=16)
    draw.add("encoders.audio_cnn", width=8, stages=2)
    draw.add("connectors.frequency_merge", width=12)
    draw.add("connectors.pool", how="mean")
    draw.add("objectives.classification", classes=4)
    for source, target in (
        ("sounds.waveform", "sound_length.waveform"), ("sound_length.waveform", "log_mel.waveform"),
        ("log_mel.spectrogram", "audio_cnn.spectrogram"), ("audio_cnn.tokens", "frequency_merge.tokens"),
        ("frequency_merge.tokens", "pool.tokens"), ("pool.embedding", "classification.embedding"),
        ("sounds.classes", "classification.classes"),
    ):  # fmt: skip
        draw.wire(source, target)
    document = edits.set_recipe(draw.document, steps=3, batch_size=4, threads=1, callbacks={"checkpointing": {}}, diagnostics={})  # fmt: skip
    with Store.open(root / "runs.sqlite") as store:
        found = Trained(document, checkpoint_of(store, document))
        yield found
        found.close()


def sample(trained: Trained, index: int = 16):
    task = trained.task("test")
    given = trained.given(index=index, task=task)
    return task, given, trained.batch(given, task)


def test_the_logit_of_any_class_is_asked_for_and_the_one_said_stays_while_parts_are_removed(trained: Trained) -> None:
    task, given, batch = sample(trained)
    (score,) = scores_of(trained.plan, task)
    assert score.kind == CLASS
    whole = inspect(trained, given, task)
    by_class = [inspect(trained, given, task, objective=f"classification={n}").score for n in range(4)]
    said, share = said_class(trained, whole)
    assert by_class[said] == whole.score == max(by_class)
    assert share == pytest.approx(float(np.exp(by_class[said]) / np.exp(by_class).sum()), abs=1e-6)
    fixed = score.said(trained.experiment, followed_by(trained, task, batch, score).values)
    assert fixed.column == said
    assert fixed.said(trained.experiment, {}) is fixed
    with pytest.raises(Refused, match="There is no class with the number 9; this run knows 4"):
        chosen_score(trained, task, "classification=8")
    assert sorted(class_names(trained, score)) == [f"tone{n}" for n in range(4)]
    assert own_class(trained, score, 16) == "tone0"


def test_merged_bands_are_made_of_their_cells_as_gradient_times_token_says(trained: Trained) -> None:
    """The product of two shares, of time and of band in it, by autograd on the same weights."""
    task, _, batch = sample(trained)
    score = scores_of(trained.plan, task)[0]
    followed = followed_by(trained, task, batch, score)
    (found,) = found_by(trained, followed, score, "gradient", 1)
    assert found.end.node == "audio_cnn"
    bands, times = found.grid.sizes
    cells = followed.values[found.end].x_BND.detach().requires_grad_()
    linear, head = trained.experiment.node("frequency_merge").linear, trained.experiment.node("classification").scores
    merged = linear(cells[:, found.grid.extra :].unflatten(1, (bands, times)).transpose(1, 2).flatten(2))
    logit = head(merged.mean(1))[0].max()
    at_cells, at_times = torch.autograd.grad(logit, (cells, merged))

    def shares(part: torch.Tensor, axis: int) -> torch.Tensor:
        up = part.clamp_min(0)
        total = up.sum(axis, keepdim=True)
        return torch.where(total > 0, up / total.clamp_min(1e-30), 1 / part.shape[axis])

    cell_FT = (cells * at_cells).sum(-1)[0, found.grid.extra :].unflatten(0, (bands, times))
    expected_FT = shares(cell_FT, 0) * shares((merged * at_times).sum(-1)[0], 0)
    assert torch.allclose(found.share_BM[0, found.grid.extra :], expected_FT.flatten(), atol=1e-6)
    assert float(found.share_BM.sum()) == pytest.approx(1.0, abs=1e-5)


def test_what_is_removed_by_the_map_is_told_beside_random_and_the_whole_is_the_score(trained: Trained) -> None:
    task, _, batch = sample(trained)
    score = scores_of(trained.plan, task)[0]
    followed = followed_by(trained, task, batch, score)
    own = score.said(trained.experiment, followed.values)
    (found,) = found_by(trained, followed, own, "gradient", 1)
    share_P = regions(found.grid, found.share_BM[0].numpy())
    told = faithfulness(trained, task, batch, own, found.end, found.grid, share_P, draws=3)
    assert told.deletion_S[0] == pytest.approx(float(followed.score_B[0]), abs=1e-5)
    assert told.insertion_S[-1] == pytest.approx(float(followed.score_B[0]), abs=1e-5)
    assert told.random_deletion_DS.shape == (3, len(told.shares))


def test_the_page_says_which_class_is_said_and_shows_cells_over_the_spectrogram(qapp, trained: Trained) -> None:
    subject = subject_of(
        trained, "run", "heard", SampleWish(split="test", index=16, sentence="", picture="", objective="")
    )
    assert subject.score_kind == CLASS
    assert "it is tone0" in subject.says
    assert list(subject.objectives)[:2] == ["classification", "classification=0"]
    places = subject.rules["gradient"].places
    assert (places.kind, places.flipped) == ("patches", True)
    assert subject.picture.ndim == 3
    assert not subject.layers
