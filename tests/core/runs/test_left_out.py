"""What the data left out, and what the check warned of, stands in the run's log."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image

from core.data.sources.image_folders import ImageFolders
from core.graph import edits
from core.runs.execute import MOST_TOLD, _say_left_out, execute
from core.store.database import Store
from core.store.library import Library
from tests.core.runs.running import queued
from tests.documents import tiny_clip


def test_what_was_left_out_is_counted_and_named_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "cat" / "a.png")
    said: list[tuple[str, str]] = []
    source = ImageFolders(ImageFolders.Config(folder=str(tmp_path)))
    source.open()
    trainer: Any = SimpleNamespace(
        graph=SimpleNamespace(source=source), warn=lambda text: said.append(("warning", text)),
        log=lambda text: said.append(("info", text)), each_task=lambda: iter((None,)), whose=lambda text: text,
    )  # fmt: skip
    _say_left_out(trainer)
    assert said == []
    for number in range(3):
        source.pass_over_kind(tmp_path / f"{number}.heic")
    for number in range(30):
        source.leave_out(f"Line {number} has no caption.")
    _say_left_out(trainer)
    assert said[0] == ("warning", "33 rows or files were left out; 1 are used.")
    assert said[1] == ("info", "Images ending in .heic were left out (3); this kind is not read here.")
    assert said[2] == ("info", "Line 0 has no caption.")
    assert said[-1] == ("info", f"{31 - MOST_TOLD} more remarks on the data are on its page.")
    assert len(said) == MOST_TOLD + 2


def test_the_runs_log_says_it_once(store: Store, library: Library) -> None:
    drawn = edits.change_node(
        tiny_clip(steps=2, batch_size=4),
        "vit",
        block="encoders.convnext_v2",
        knobs={"width": 8, "depth": 1, "patch_size": 2},
    )
    uid = queued(store, edits.set_rule(drawn, "vit", frozen=True))
    assert execute(store, uid) == "finished"
    reader = library.reader(uid)
    assert ["without pretrained weights" in line.text for line in reader.log()].count(True) == 1
    assert any(mark.kind == "warning" and "without pretrained weights" in mark.text for mark in reader.marks())
