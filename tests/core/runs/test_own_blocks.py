"""A run with a person's own blocks: its record names their contents, and children and loader processes load the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.compiler.compile import compile
from core.compiler.feed import sample_graphs
from core.data.pipeline import SampleGraph
from core.graph import edits
from core.graph.document import Document, End
from core.own.modules import loaded
from core.problems import Refused
from core.runs.execute import execute
from core.runs.launch import queue
from core.runs.worker import start_process
from core.store.database import Store
from core.store.library import Library
from tests.documents import tiny_clip
from tests.own_blocks import Folder, own_folder

TRANSFORM = '''"""Turns an image upside down."""

from __future__ import annotations

from dataclasses import dataclass

from core.data.base import Transform
from core.data.catalog import transforms
from core.graph.ports import port
from core.knobs import knob


@transforms.register("own.upside_down")
class UpsideDown(Transform):
    """Turns every image upside down."""

    title = "Upside down"
    takes = {"image": port("image", "an image")}
    gives = {"image": port("image", "the same, turned")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Whether."""

        on: bool = knob(True, "Turn it.")

    def apply(self, values, generator):
        return {"image": values["image"].flip(-2) if self.config.on else values["image"]}

    def meta(self, incoming, batch):
        return dict(incoming)
'''


@pytest.fixture
def folder() -> Iterator[Folder]:
    with own_folder() as made:
        made.template("scale")
        made.write("upside_down", TRANSFORM)
        made.allow("upside_down")
        assert made.load().broken == ()
        yield made


def drawn(**recipe: int) -> Document:
    """The smallest CLIP with an own step and an own block in its image tower."""
    document = tiny_clip(steps=2, **recipe)
    document, step = edits.add_node(document, "own.upside_down", 0, 0)
    document, block = edits.add_node(document, "own.scale", 0, 0)
    for source, target in (
        (("augment", "image"), (step, "image")), ((step, "image"), ("vit", "image")),
        (("pool", "embedding"), (block, "embedding")), ((block, "embedding"), ("projection", "embedding")),
    ):  # fmt: skip
        document = edits.connect(document, End(node=source[0], port=source[1]), End(node=target[0], port=target[1]))
    return document


def used() -> str:
    return ", ".join(f"{key} {file.sha256}" for key, file in sorted(loaded().items()))


def test_the_record_names_what_was_run(folder: Folder, tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        library = Library(store)
        uid = queue(library, drawn()).uid
        assert execute(store, uid) == "finished", library.facts(uid).reason
        assert library.params(uid)["own blocks"] == used()
        said = [line.text for line in library.reader(uid).log()]
        assert any(text.startswith("Own block own.scale: ") and text.endswith(".") for text in said)
        plain = queue(library, tiny_clip(steps=1)).uid
        assert execute(store, plain) == "finished"
        assert "own blocks" not in library.params(plain)


def test_a_run_does_not_begin_without_its_blocks(folder: Folder, tmp_path: Path) -> None:
    document = drawn()
    folder.write("scale", (folder.place / "scale.py").read_text() + "# changed\n")
    folder.load()
    with Store.open(tmp_path / "runs.db") as store:
        library = Library(store)
        uid = queue(library, document).uid
        assert execute(store, uid) == "failed"
        assert "has changed since it was allowed" in library.facts(uid).reason


def test_a_loader_process_with_another_block_is_told(folder: Folder) -> None:
    graph = next(iter(sample_graphs(compile(drawn())).values()))
    described = graph.describe()
    assert described.own == {key: file.sha256 for key, file in loaded().items()}
    SampleGraph.from_description(described)
    with pytest.raises(Refused, match="was changed while the run was trained"):
        SampleGraph.from_description(replace(described, own={**described.own, "own.upside_down": "0" * 64}))


@pytest.mark.long
def test_a_child_and_its_loader_process_load_the_same(folder: Folder, tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        library = Library(store)
        uid = queue(library, drawn(workers=1), place="process").uid
        assert start_process(store, uid).wait(120) == 0
        assert library.facts(uid).status == "finished", library.facts(uid).reason
        assert library.params(uid)["own blocks"] == used()
