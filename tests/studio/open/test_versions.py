"""Versions: whole, by contents, bounded; what is damaged or gone is a sentence."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from core.graph import edits
from core.graph.differences import drawing_difference
from core.graph.document import Document, End
from core.graph.sketch import sketch_between
from core.problems import Refused
from studio.open.versions import Versions
from tests.documents import tiny_clip


def changed(document: Document, value: float) -> Document:
    return edits.set_knob(document, "info_nce", "temperature", value)


def test_kept_once_by_contents_and_read_whole(tmp_path: Path):
    versions, document = Versions(tmp_path), tiny_clip()
    first = versions.keep(document, "saved", tmp_path / "a.json")
    assert first is not None
    assert versions.keep(document, "saved") is None, "nothing is new"
    assert versions.keep(document, "run") is None
    second = versions.keep(changed(document, 0.2), "run")
    third = versions.keep(document, "saved")
    assert [version.why for version in versions.of(document)] == ["saved", "run", "saved"]
    assert second is not None
    assert third is not None
    assert third.digest == first.digest
    assert len(list((tmp_path / "objects").iterdir())) == 2
    assert versions.read(second) == changed(document, 0.2)
    assert versions.of(replace(document, id="another")) == []


def test_no_more_than_so_many_of_one_and_so_many_bytes_of_all(tmp_path: Path):
    versions, document = Versions(tmp_path, most_of_one=3), tiny_clip()
    for value in range(1, 8):
        versions.keep(changed(document, value / 10), "saved")
    kept = versions.of(document)
    assert [versions.read(version).nodes["info_nce"].knobs["temperature"] for version in kept] == [0.7, 0.6, 0.5]
    assert len(list((tmp_path / "objects").iterdir())) == 3
    size = max(place.stat().st_size for place in (tmp_path / "objects").iterdir())
    small, other = Versions(tmp_path, most_bytes=2 * size + 10), replace(document, id="other")
    small.keep(other, "saved")
    assert [versions.read(version) for version in small.of(other)] == [other]
    assert len(small.of(document)) == 1, "the oldest of all went first"


@pytest.mark.parametrize("harm", ["gone", "cut", "other"])
def test_a_harmed_one_is_a_sentence(tmp_path: Path, harm: str):
    versions, document = Versions(tmp_path), tiny_clip()
    version = versions.keep(document, "saved")
    assert version is not None
    (place,) = (tmp_path / "objects").iterdir()
    if harm == "gone":
        place.unlink()
    elif harm == "cut":
        place.write_bytes(place.read_bytes()[:40])
    else:
        place.write_bytes(gzip.compress(b"{}"))
    with pytest.raises(Refused, match="This version is"):
        versions.read(version)


def test_lines_that_are_no_versions_are_passed_over_and_a_folder_that_cannot_be_written_is_none(tmp_path: Path):
    versions, document = Versions(tmp_path), tiny_clip()
    versions.keep(document, "saved")
    (place,) = (tmp_path / "of").iterdir()
    place.write_text("{\n[]\n" + place.read_text() + '{"digest": "../../etc"}\n')
    assert len(versions.of(document)) == 1
    (tmp_path / "blocked").write_text("a file where a folder should be")
    assert Versions(tmp_path / "blocked").keep(document, "saved") is None
    versions.forget(document)
    assert versions.of(document) == []
    assert list((tmp_path / "objects").iterdir()) == []


def test_the_difference_is_drawn_as_it_is():
    before = tiny_clip()
    after = changed(edits.remove_nodes(before, ["pool_2"], None, False), 0.3)
    after, added = edits.add_node(after, "connectors.pool", 5.0, 5.0)
    after = edits.connect(after, End(node="text_transformer", port="tokens"), End(node=added, port="tokens"))
    found = drawing_difference(before, after)
    sketch = sketch_between(before, after, frozenset(node for node, *_ in found.changed), {})
    states = {box.node: box.state for box in sketch.boxes}
    assert states["info_nce"] == "changed"
    assert states["vit"] == "same"
    assert {box.node for box in sketch.boxes} == {*before.nodes, *after.nodes}
    lines = {(sketch.boxes[line.start].node, sketch.boxes[line.end].node): line.state for line in sketch.lines}
    assert lines["emoji", "augment"] == "same"
    assert "removed" in lines.values() or added == "pool_2"
