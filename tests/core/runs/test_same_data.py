"""A run that is taken up again knows its data by contents: touched it goes on, edited it is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import core.data.contents as contents
from core.graph.document import Document
from core.graph.file import loads
from core.runs.execute import DATA, execute
from core.store.database import Store
from core.store.library import Library
from core.telemetry.events import PhaseChange
from core.training.control import Control, Rate
from tests.core.data.test_joining import paint, table
from tests.core.runs.running import queued
from tests.documents import tiny_clip


class AfterOneStep(Control):
    def take_rates(self) -> list[Rate]:
        self.stop()
        return super().take_rates()


def own_pictures(root: Path) -> Document:
    for number in range(60):
        paint(root / f"{number}.png", number)
    table(root, [(f"{n}.png", f"thing {n}") for n in range(60)])
    drawn = tiny_clip(steps=4, batch_size=8, callbacks={"checkpointing": {"every": 2}})
    node = replace(drawn.nodes["emoji"], block="sources.caption_table", knobs={"folder": str(root), "image_size": 16})
    return replace(drawn, nodes={**drawn.nodes, "emoji": node})


@pytest.fixture
def run(tmp_path: Path) -> tuple[Store, Library, str, Path]:
    with Store.open(tmp_path / "runs.db") as store:
        uid = queued(store, own_pictures(tmp_path / "data"))
        assert execute(store, uid, AfterOneStep()) == "stopped"
        yield store, Library(store), uid, tmp_path / "data"


def touched(folder: Path) -> None:
    for file in folder.iterdir():
        os.utime(file, (1e9, 1e9))


def copied(folder: Path) -> None:
    """The same bytes in new files."""
    for file in folder.iterdir():
        inside = file.read_bytes()
        file.unlink()
        file.write_bytes(inside)


@pytest.mark.parametrize("harmless", [touched, copied])
def test_the_same_contents_go_on(run: tuple[Store, Library, str, Path], harmless: Callable[[Path], None]) -> None:
    store, library, uid, folder = run
    harmless(folder)
    assert execute(store, uid) == "finished"
    assert not any("data has changed" in mark.text for mark in library.reader(uid).marks())


def test_an_edit_that_keeps_length_and_time_is_refused(run: tuple[Store, Library, str, Path]) -> None:
    store, library, uid, folder = run
    facts, inside = (folder / "7.png").stat(), bytearray((folder / "7.png").read_bytes())
    inside[-20] ^= 1
    (folder / "7.png").write_bytes(bytes(inside))
    os.utime(folder / "7.png", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert execute(store, uid) == "failed"
    assert "The data is not what this run began with" in library.facts(uid).reason


def test_a_run_of_an_earlier_version_goes_on_and_keeps_its_judgements(run: tuple[Store, Library, str, Path]) -> None:
    from core.compiler.portraits import open_source

    store, library, uid, folder = run
    now = library.params(uid)[DATA]
    (former,) = open_source(loads(library.document_text(uid))).former_fingerprints()
    library.add_params(uid, {DATA: former})
    library.mark(former, [(1, 2)], "duplicate")
    assert execute(store, uid) == "finished"
    assert library.params(uid)[DATA] == now
    assert [(each.left, each.right) for each in library.marks(now)] == [(1, 2)]


def test_reading_the_contents_is_told_and_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "SECONDS_BETWEEN_NEWS", -1.0)
    said = list[PhaseChange]()
    control = Control()
    with Store.open(tmp_path / "runs.db") as store:
        uid = queued(store, own_pictures(tmp_path / "data"))
        recorder = Library(store).recorder

        def listening(uid: str, **more: object) -> object:
            made = recorder(uid, **more)
            say = made.say

            def heard(event: object) -> None:
                if isinstance(event, PhaseChange) and event.of:
                    said.append(event)
                    if event.done == 20:
                        control.stop()
                say(event)

            made.say = heard
            return made

        monkeypatch.setattr(Library, "recorder", lambda self, uid, **more: listening(uid, **more))
        assert execute(store, uid, control) == "stopped"
        assert [event.done for event in said] == list(range(21))
        assert DATA not in Library(store).params(uid)
        assert not (tmp_path / "checkpoints" / uid).exists()
