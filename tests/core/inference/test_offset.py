"""A person's own video: its offset is the objective's own, nothing is planted in it, and parts that tell nothing say so."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from core.compiler.answers.answerable import answerable, answerable_of_film
from core.data.media import Wave
from core.inference.offset import offsets
from core.inference.trained import Trained
from core.problems import Refused
from core.store.database import Store
from studio.asking.partial import Following
from studio.asking.watching_films import told_of_film
from studio.cli import main
from tests.core.inference.test_questions import checkpoint_of
from tests.core.training.test_sync_diagnostic import document
from tests.documents import tiny_clip
from widgets.query.values import Asked, QueryAnswer, QueryAnswers
from widgets.query.words import found_words

HERTZ = 8000


def with_sound(path: Path, seconds: float) -> Path:
    """Ten frames a second, and noise."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("libx264", rate=10), container.add_stream("aac", rate=HERTZ)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio.layout = "mono"
        for number in range(round(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8), "rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
        sound = av.AudioFrame.from_ndarray(
            rng.normal(0, 0.1, (1, round(seconds * HERTZ))).astype(np.float32), "fltp", "mono"
        )
        sound.rate = HERTZ
        container.mux(audio.encode(sound))
        container.mux(audio.encode())
    return path


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path, str]:
    root = tmp_path_factory.mktemp("offsets")
    asked = document(callbacks={"checkpointing": {}})
    with Store.open(root / "runs.db") as store:
        folder = checkpoint_of(store, asked)
    return Trained(asked, folder), with_sound(root / "own.mp4", 5.0), str(root / "runs.db")


def test_every_part_is_told_what_the_objective_finds_in_it(kept: tuple[Trained, Path, str]) -> None:
    trained, file, _ = kept
    assert answerable(trained.plan)["align"] is None
    parts = offsets(trained, file)
    assert [(round(part.span.start, 2), round(part.span.end, 2)) for part in parts] == [(0, 2), (2, 4), (4, 5)]
    assert all(part.seconds is None or abs(part.seconds) <= 0.55 for part in parts)
    assert [part.frame for part in parts] == pytest.approx([0.25, 0.25, 0.125], abs=0.06)
    assert [(part.seconds, part.sure) for part in offsets(trained, file, seed=9)] == [
        (part.seconds, part.sure) for part in parts
    ]


def test_nothing_is_planted_in_what_a_person_brings(kept: tuple[Trained, Path, str]) -> None:
    trained, _, _ = kept
    task = trained.plan.tasks[0]
    wave = Wave.of(torch.randn(2 * HERTZ), HERTZ)
    made = trained.batch({"waveform": wave}, task)
    spectrogram = next(value for end, value in made.items() if end.node == "log_mel")
    step = next(part for key, part, _ in trained.graph.parts if key == "log_mel")
    torch.testing.assert_close(spectrogram.x_BFT[0], step.spectrogram(wave.samples_S, HERTZ))  # type: ignore[union-attr]
    assert not any(end.port == "offset" for end in made)


def test_a_plan_without_offsets_says_so(tmp_path: Path) -> None:
    asked = tiny_clip(callbacks={"checkpointing": {}})
    with Store.open(tmp_path / "runs.db") as store:
        trained = Trained(asked, checkpoint_of(store, asked))
    with pytest.raises(Refused, match="by how much audio and video are apart"):
        offsets(trained, tmp_path / "own.mp4")
    trained.close()


def test_the_command_tells_every_part(kept: tuple[Trained, Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    _, file, store = kept
    assert main(["sync", "late", str(file), "--store", store]) == 0
    assert capsys.readouterr().out.count("probability") == 3
    assert main(["sync", "late", "nowhere.mp4", "--store", store]) != 0
    assert "There is no file" in capsys.readouterr().err


def test_the_query_page_shows_them_over_the_frames(kept: tuple[Trained, Path, str]) -> None:
    trained, file, _ = kept
    assert answerable_of_film(trained.plan)["align"] is None
    parts, following = offsets(trained, file), Following(progress=lambda *_: True, wrote=lambda _: None)
    shown = told_of_film(trained, "align", str(file), following)
    assert (shown.kind, shown.asked.film.frames if shown.asked.film else 0) == ("offsets", 50)
    assert [(one.span, one.score) for one in shown.answers] == [
        ((part.span.start, part.span.end), part.sure) for part in parts
    ]
    known = [part.seconds for part in parts if part.seconds is not None]
    assert (shown.offset, shown.made) == (statistics.median(known) if known else None, len(known))
    first = told_of_film(trained, "align", str(file), replace(following, progress=lambda done, _: done < 1))
    assert (len(first.answers), first.is_partial) == (1, True)


def test_offsets_are_said_in_words() -> None:
    two = tuple(QueryAnswer(sentence=words, span=(0.0, 1.0), score=0.9) for words in ("+0.20 s late", "cannot be told"))
    told = QueryAnswers(asked=Asked(), kind="offsets", answers=two, made=1, offset=0.2, seconds=0.5)
    assert found_words(told) == "The audio is +0.20 s late in the median of 1 of 2 parts, 0.50 s"
    assert found_words(replace(told, made=0, offset=None)).startswith("Of none of 2 parts")
