"""A trained run is judged later: the very scores that it would have said itself, and by any judge."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from core.inference.answering import Cancelled
from core.problems import Refused
from core.runs.execute import checkpoint_folder
from core.runs.judging import Judgement, judged, keep
from core.store.database import Store
from core.store.library import Library
from core.telemetry.events import At, LogLine, StatusChange
from studio.cli import main
from studio.commands.judge import table_of
from tests.core.compiler.answers.test_making_by_diffusion import drawer
from tests.core.runs.running import started
from tests.documents import tiny_clip

SETTINGS = {"most": 12, "steps": 1}


@pytest.mark.long
def test_a_run_is_judged_later_as_it_would_have_been_at_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    callbacks = {"evaluation": {"every": 4, "train": False}, "ema": {"decay": 0.5}, "checkpointing": {"every": 4}}
    with Store.open(tmp_path / "runs.sqlite") as store:
        judge = started(store, tiny_clip(steps=2, callbacks={"checkpointing": {"every": 2}}))
        judge.join(60)
        settings = {**SETTINGS, "judge": str(checkpoint_folder(store, judge.uid))}
        run = started(store, drawer(callbacks={**callbacks, "made_scores": settings}))
        run.join(60)
        last = Library(store).find(run.uid).last
        own = ["--store", str(tmp_path / "runs.sqlite")]
        assert main(["judge", run.uid, "--by", run.uid, *own]) == 2
        assert "cannot judge itself" in capsys.readouterr().err
        assert main(["judge", run.uid, "--by", judge.uid, "--most", "12", "--steps", "1", "--json", *own]) == 0
        heard: list[tuple[int, int]] = []
        found = judged(checkpoint_folder(store, run.uid), settings, progress=lambda *far: heard.append(far) is None)
        assert heard == sorted(heard)
        assert set(heard) == {(0, 0), (0, 24), (12, 24), (24, 24)}
        assert Library(store).find(judge.uid).last.keys().isdisjoint(found.scores)
        keep(Library(store), judge.uid, found)  # it learned for two steps; what is kept is of step four
        kept, reader = Library(store).find(judge.uid), Library(store).reader(judge.uid)
        assert {name: kept.last[name] for name in found.scores} == found.scores
        assert (kept.step, kept.status, reader.head().samples) == (2, "finished", 2 * 16)
        assert {mark.text for mark in reader.marks()} >= {"made images judged by tiny clip"}
        assert reader.log()[-1].text == "What step 4 makes was judged later, by tiny clip."
    later = json.loads(capsys.readouterr().out)
    said = {name: value for name, value in last.items() if name.startswith("score/") and "/unet/" in name}
    assert len(said) > 40
    assert later["scores"] == said
    assert any("features: the image tower of tiny clip" in line for line in later["said"])


def test_a_table_shows_what_was_made_beside_real_images_the_lookup_and_chance() -> None:
    scores = {"R@1": 0.05, "R@10": 0.25, "R@10, 95 % from": 0.2, "R@10, 95 % to": 0.31,
              "R@1, 95 % from": 0.03, "R@1, 95 % to": 0.09, "lookup R@1": 0.2, "chance R@10": 0.049,
              "training KID": -0.0001}  # fmt: skip
    out = StringIO()
    Console(file=out, width=150).print(table_of("test, unet, N 204", scores))
    title, head, trained, lookup, made, chance = [line.strip() for line in out.getvalue().splitlines()]
    assert title == "test, unet, N 204"
    assert head.split("  ")[0] == "shown"
    assert lookup.split() == ["training", "image", "of", "the", "nearest", "caption", "20.0", "%"]
    assert trained.split() == ["as", "many", "training", "images", "-0.0001"]
    assert made.split() == ["made", *"5.0 % (3.0 to 9.0)".split(), *"25.0 % (20.0 to 31.0)".split()]
    assert chance.split() == ["chance", "4.9", "%"]


def test_a_run_that_makes_nothing_cannot_be_judged(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.sqlite") as store:
        run = started(store, tiny_clip(steps=2, callbacks={"checkpointing": {"every": 2}}))
        run.join(60)
        with pytest.raises(Refused, match="makes no images"):
            judged(checkpoint_folder(store, run.uid), SETTINGS)


def test_who_waits_no_more_ends_it_before_all_is_made(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []

    def progress(done: int, of: int) -> bool:
        heard.append((done, of))
        return (done, of) != (0, 24)  # the first images are being made

    with Store.open(tmp_path / "runs.sqlite") as store:
        run = started(store, drawer(callbacks={"checkpointing": {}}, diagnostics={}))
        run.join(60)
        with pytest.raises(Cancelled):
            judged(checkpoint_folder(store, run.uid), SETTINGS, progress=progress)
        assert not [name for name in Library(store).find(run.uid).last if "/unet/" in name]
    assert heard[-1] == (0, 24)


def test_nothing_is_kept_with_a_run_that_trains_again(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.sqlite") as store:
        library = Library(store)
        uid = library.create_run("one", "{}").uid
        recorder = library.recorder(uid)
        found = Judgement(scores={}, lines=(), judge="", events=(LogLine(at=At(step=1, seconds=0), text="found"),))
        with pytest.raises(Refused, match="trains again"):
            keep(library, uid, found)
        recorder.say(StatusChange(at=At(step=1, seconds=1), status="finished"))
        assert recorder.close()
        keep(library, uid, found)
        assert next(line.text for line in library.reader(uid).log()) == "found"
