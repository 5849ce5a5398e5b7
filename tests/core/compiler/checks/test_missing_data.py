"""What a source names and this machine does not have stands on Design, before a run is begun; a trained model goes without."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.compiler.compile import analyse, compile
from core.graph import edits
from core.graph.document import Document
from tests.documents import Drawing, tiny_clip


def with_source(block: str, **knobs: object) -> Document:
    document = tiny_clip()
    node = edits.change_node(document, "emoji", block=f"sources.{block}", knobs=knobs)
    return node


def said(document: Document) -> list[str]:
    return [problem.what for problem in analyse(document).problems if problem.node == "emoji"]


@pytest.mark.parametrize("block", ["caption_table", "image_folders"])
def test_no_folder_and_a_folder_that_is_gone_are_problems_of_the_drawing(block: str, tmp_path: Path) -> None:
    assert any("No folder" in what for what in said(with_source(block)))
    assert said(with_source(block, folder=str(tmp_path / "gone")))
    assert not analyse(with_source(block, folder=str(tmp_path / "gone"))).is_runnable


def test_a_table_without_the_column_is_a_problem_of_the_drawing(tmp_path: Path) -> None:
    assert any("no table" in what for what in said(with_source("caption_table", folder=str(tmp_path))))
    (tmp_path / "captions.csv").write_text("file,caption\na.png,a red heart\n")
    assert said(with_source("caption_table", folder=str(tmp_path))) == []
    (what,) = said(with_source("caption_table", folder=str(tmp_path), caption_column="title"))
    assert "no column 'title'" in what


def test_weights_of_a_package_that_is_not_installed_are_told_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.pretrained.importlib.util.find_spec", lambda name: None)
    draw = Drawing()
    draw.add("encoders.ai_sfx")
    (told,) = [problem for problem in analyse(draw.document).problems if "aisfx" in problem.what]
    assert (told.node, told.hint) == ("ai_sfx", "Run: pip install --no-deps aisfx")
    random = edits.set_knob(draw.document, "ai_sfx", "weights", False)
    assert not any("aisfx" in problem.what for problem in analyse(random).problems)


def test_a_trained_model_is_built_without_its_data(tmp_path: Path) -> None:
    compile(with_source("caption_table", folder=str(tmp_path / "gone")))
