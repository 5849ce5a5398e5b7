"""A file played to a trained run from the command line: answers, figures, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.data.live import LastSeconds, arrivals
from core.graph import edits
from core.graph.document import Document
from core.inference.recognise import recognise
from core.inference.stream import asking
from core.inference.trained import Trained
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from core.telemetry.spans import Span
from studio.cli import main
from tests.core.data.films import film
from tests.documents import Drawing, tiny_clip


def watcher(folder: Path) -> Document:
    """Names the class of a film."""
    draw = Drawing("watcher")
    draw.add("sources.videos", folder=str(folder))
    draw.add("transforms.sample_frames", frames=4, size=16)
    draw.add("encoders.video_cnn", width=8, stages=1)
    draw.add("connectors.pool")
    draw.add("objectives.classification", classes=2)
    for source, target in (
        ("videos.clip", "sample_frames.clip"), ("sample_frames.video", "video_cnn.video"), ("video_cnn.tokens", "pool.tokens"),
        ("pool.embedding", "classification.embedding"), ("videos.classes", "classification.classes"),
    ):  # fmt: skip
        draw.wire(source, target)
    return edits.set_recipe(
        draw.document, steps=2, batch_size=4, threads=1, callbacks={"checkpointing": {}}, diagnostics={}
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """A store with a run that names films, the run's id, and a film of two seconds."""
    root = tmp_path_factory.mktemp("stream")
    for number in range(6):
        place = root / "films" / ("train", "train", "test")[number % 3] / ("run", "jump")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        film(place / f"{number}.mp4", range(50))
    path = root / "runs.sqlite"
    with Store.open(path) as store:
        uid = queue(Library(store), watcher(root / "films"), name="watcher").uid
        assert execute(store, uid) == "finished"
        assert (
            execute(
                store,
                queue(
                    Library(store),
                    edits.set_recipe(tiny_clip(), steps=1, callbacks={"checkpointing": {}}),
                    name="pairs",
                ).uid,
            )
            == "finished"
        )
    return str(path), uid, root / "films" / "train" / "run" / "0.mp4"


def test_every_frame_is_told_and_accounted_for(kept: tuple[str, str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    store, uid, file = kept
    flags = ["stream", uid, str(file), "--speed", "1000", "--capacity", "4", "--wait", "--json", "--store", store]
    assert main(flags) == 0
    *answers, figures = map(json.loads, capsys.readouterr().out.splitlines())
    assert figures["arrived"] == figures["asked about"] == 50
    assert figures["dropped"] == 0
    assert figures["answers"] == len(answers) > 0
    assert figures["largest latency"] >= figures["median latency"] > 0
    assert not figures["cancelled"]
    assert answers[-1]["seconds"] == pytest.approx(1.96)
    assert sum(answers[-1]["classes"].values()) == pytest.approx(1)
    assert set(answers[-1]["classes"]) == {"run", "jump"}


def test_what_it_says_of_a_whole_file_is_what_the_file_is_told_to_be(kept: tuple[str, str, Path]) -> None:
    path, uid, file = kept
    with Store.open(Path(path)) as store:
        reader = Library(store).reader(uid)
        trained = Trained(watcher(file.parents[2]), Path(reader.checkpoints()[-1].path))
    asked, last = asking(trained, most=2), LastSeconds(10.0)
    for one in arrivals(file, size=asked.size):
        last.add(one)
    assert last.film is not None
    assert last.film.shown().seconds == pytest.approx(Span(start=0, end=2.0).seconds)
    for (name, score), (right, wanted) in zip(asked.ask(last), recognise(trained, "film", file)):
        assert name == right
        assert score == pytest.approx(wanted, abs=1e-5)
    trained.close()


def test_figures_are_said_in_words(kept: tuple[str, str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    store, uid, file = kept
    assert main(["stream", uid, str(file), "--speed", "1000", "--store", store]) == 0
    said = capsys.readouterr().out
    assert "50 frames and pieces of audio arrived" in said
    assert "ms behind in the median" in said


@pytest.mark.parametrize(
    ("run", "file", "flags", "why"),
    [
        ("watcher", "nowhere.mp4", [], "There is no file"),
        ("watcher", "", ["--capacity", "0"], "1 or more"),
        ("watcher", "/", [], "is a folder."),
        ("pairs", "", [], "No block here names a class of videos"),
    ],
)
def test_what_cannot_be_is_refused(
    kept: tuple[str, str, Path], capsys: pytest.CaptureFixture[str], run: str, file: str, flags: list[str], why: str
) -> None:
    store, _, film_file = kept
    assert main(["stream", run, file or str(film_file), *flags, "--store", store]) != 0
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--window", "--speed"])
@pytest.mark.parametrize("value", ["nan", "inf", "soon"])
def test_what_is_no_number_is_refused(
    kept: tuple[str, str, Path], capsys: pytest.CaptureFixture[str], flag: str, value: str
) -> None:
    store, uid, film_file = kept
    with pytest.raises(SystemExit) as ended:
        main(["stream", uid, str(film_file), flag, value, "--store", store])
    assert ended.value.code == 2
    assert f"{value!r} is no number" in capsys.readouterr().err


def test_a_file_that_is_no_film_is_told(
    kept: tuple[str, str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, uid, _ = kept
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    assert main(["stream", uid, str(broken), "--store", store]) != 0
    assert "broken.mp4" in capsys.readouterr().err
