"""A folder dropped on the data page goes to the source that reads what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from core.graph import edits, file
from core.graph.document import Document
from core.runs.declared import declared_vocabulary
from studio.window.dropping import source_for, with_folder
from tests.core.data.films import film
from tests.documents import Drawing, tiny_clip
from tests.studio.journey import drop


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("dog/1.wav", "cat/2.ogg", "readme.txt"), "sources.sounds"), (("a/1.mp4", "b/2.mkv"), "sources.videos"),
        (("a/1.png", "b/2.jpg"), "sources.image_folders"), (("1.png", "captions.csv"), "sources.caption_table"),
        (("1.wav", "cover.png", "2.wav"), "sources.sounds"), (("notes.txt",), ""), ((".hidden.wav",), ""),
    ],
)  # fmt: skip
def test_what_most_files_are_decides(tmp_path: Path, names: tuple[str, ...], kind: str) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert source_for(tmp_path) == kind


def test_a_source_that_is_there_gets_the_folder_and_a_lacking_one_is_added(tmp_path: Path) -> None:
    (tmp_path / "1.wav").write_bytes(b"")
    words = declared_vocabulary()
    added, key = with_folder(Document(name="x"), tmp_path, "", words)
    assert added.nodes[key].block == "sources.sounds"
    assert added.nodes[key].knobs["folder"] == str(tmp_path)
    draw = Drawing()
    first, second = draw.add("sources.sounds"), draw.add("sources.sounds")
    for chosen, wanted in ((second, second), ("", first)):
        changed, key = with_folder(draw.document, tmp_path, chosen, words)
        assert (key, len(changed.nodes)) == (wanted, 2)
        assert changed.nodes[key].knobs["folder"] == str(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert with_folder(draw.document, empty, "", words) == (draw.document, "")


def test_a_page_without_a_source_says_what_to_do_and_takes_a_folder(sit_down, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    film(tmp_path / "clips" / "a.mp4", range(5))
    person = sit_down(Document(name="x"))
    person.go_to("Data")
    data = person.window.rooms.data().panel
    person.wait(lambda: person.texts(data, "Drop a folder of images, audio or videos here"))
    assert not data.is_busy
    person.window.rooms.data().take_folder(str(tmp_path / "clips"))
    person.wait(lambda: not person.texts(data, "Drop a folder of images, audio or videos here"))


def test_the_source_of_a_dropped_folder_is_seen_in_the_design(sit_down, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    film(tmp_path / "clips" / "a.mp4", range(5))
    person = sit_down(Document(name="x"))
    person.go_to("Data")
    person.window.rooms.data().take_folder(str(tmp_path / "clips"))
    (key,) = person.session.document.nodes
    person.go_to("Design")
    canvas = person.window.canvas
    box = canvas.board.nodes[key].box
    person.wait(lambda: canvas.mapToScene(canvas.viewport().rect()).boundingRect().contains(box))
    assert person.window.inspector.node_page is not None


def test_files_dropped_anywhere_go_where_they_belong(sit_down, tmp_path: Path) -> None:
    person = sit_down(Drawing().document)
    session, window = person.session, person.window
    first, second = tmp_path / "one.cms.json", tmp_path / "two.cms.json"
    for place, name in ((first, "one"), (second, "two")):
        file.write(tiny_clip_named(name), place)
    drop(window, first, second)
    assert [tab.name for tab in session.tabs.all] == ["one", "two"]
    assert session.path == second
    picture, table = tmp_path / "data" / "a.png", tmp_path / "data" / "captions.csv"
    picture.parent.mkdir()
    Image.new("RGB", (8, 8)).save(picture)
    table.write_text("image,caption\na.png,a square\n")
    drop(window, table)
    person.click(person.button("Use its folder as data", window.messages))
    added = next(node for node in session.document.nodes.values() if node.block == "sources.caption_table")
    assert (added.knobs["folder"], added.knobs["table"]) == (str(picture.parent), "captions.csv")
    assert window.pages.current == "data"
    drop(window, tmp_path / "data")
    assert len([node for node in session.document.nodes.values() if node.block == "sources.caption_table"]) == 1
    drop(window, picture)
    assert "a.png" in window.messages.sentence


def tiny_clip_named(name: str) -> Document:
    return edits.rename(tiny_clip(), name)
