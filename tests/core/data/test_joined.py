"""Two sources joined by a column: which samples meet, what is told, that no group straddles, and that it trains and leaves."""

from __future__ import annotations

import ast
import json
import pickle
from pathlib import Path

import pytest
import torch

from core.compiler.build import build_source
from core.compiler.compile import analyse, compile
from core.compiler.describe import vocabulary
from core.compiler.feed import sample_graphs
from core.compiler.script import script
from core.data.base import Source
from core.data.joining import meet
from core.data.pipeline import SampleGraph
from core.data.report import report_of
from core.graph import edits
from core.graph.document import Document, End
from core.graph.mixing import giving_sources
from core.problems import Refused
from tests.core.training.running import trainer
from tests.core.training.two_tasks import squares

Rows = list[dict[str, str]]


def tables(folder: Path, first: Rows, second: Rows) -> tuple[Path, Path]:
    """Two folders with the same pictures and a table each."""
    made = []
    for name, rows in (("first", first), ("second", second)):
        made.append(squares(folder / name))
        files = [json.loads(line)["file"] for line in (made[-1] / "captions.jsonl").read_text().splitlines()]
        rows = [
            {"file": file, "caption": f"{name} {number}", **row} for number, (file, row) in enumerate(zip(files, rows))
        ]
        (made[-1] / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return made[0], made[1]


def joined(folders: tuple[Path, Path], **knobs: str) -> Document:
    """Two captioned folders that lead into a join, and nothing behind it yet."""
    document = Document(id="joined", name="Joined")
    sides = []
    for number, folder in enumerate(folders):
        document, key = edits.add_node(
            document, "sources.caption_table", 0, 200.0 * number, {"folder": str(folder), "image_size": 16}
        )
        sides.append(key)
    document, join = edits.add_node(document, "sources.joined", 260, 100, {"first_column": "id", **knobs})
    for side, key in zip(("first", "second"), sides):
        for kind in ("image", "sentence"):
            document = wired(document, key, kind, join, f"{side}_{kind}")
    return document


def wired(document: Document, node: str, port: str, target: str, into: str) -> Document:
    return edits.connect(document, End(node=node, port=port), End(node=target, port=into))


def pictures_with_names(folders: tuple[Path, Path]) -> Document:
    """The first's pictures beside the second's captions: two towers."""
    document = edits.set_recipe(
        joined(folders), steps=3, batch_size=4, callbacks={"evaluation": {"every": 3}}, diagnostics={}
    )
    ends = []
    for block, given, taken, into in (
        ("encoders.resnet", "first_image", "image", "left"), ("encoders.text_transformer", "second_sentence", "text", "right"),
    ):  # fmt: skip
        start = End(node="joined", port=given)
        if taken == "text":
            document, step = edits.add_node(document, "transforms.tokenizer", 500, 200, {"length": 8})
            document = edits.connect(document, start, End(node=step, port="sentence"))
            start = End(node=step, port="text")
        document, tower = edits.add_node(document, block, 700, 0, {"width": 8})
        document, pool = edits.add_node(document, "connectors.pool", 900, 0)
        document, head = edits.add_node(document, "connectors.projection", 1100, 0, {"width": 8})
        document = edits.connect(document, start, End(node=tower, port=taken))
        document = wired(document, tower, "tokens", pool, "tokens")
        document = wired(document, pool, "embedding", head, "embedding")
        ends.append((head, into))
    document, objective = edits.add_node(document, "objectives.info_nce", 1300, 0)
    for head, into in ends:
        document = wired(document, head, "embedding", objective, into)
    return document


def numbered(count: int, **more: str) -> Rows:
    return [{"id": f"n{number}", **more} for number in range(count)]


def opened(document: Document, key: str = "joined") -> Source:
    source = build_source(document, key)
    source.open()
    return source


def test_every_pair_of_equal_values_meets_and_the_rest_is_counted() -> None:
    first, second = {0: "a", 1: "b", 2: "", 3: "b", 7: "c"}, {0: "b", 1: "x", 4: "a", 5: "b", 6: ""}
    met = meet(first, second, 100)
    assert met.pairs == tuple((i, j) for i, a in first.items() for j, b in second.items() if a == b != "")
    assert (met.count, met.lonely, met.several) == (5, (2, 2), (1, 1))
    assert meet(first, second, 4).pairs == ()
    assert meet(first, second, 4).count == 5


def test_one_sample_holds_what_both_have(tmp_path: Path) -> None:
    source = opened(joined(tables(tmp_path, numbered(40), numbered(40)[::-1])))
    assert len(source) == 40
    for index in (0, 13, 39):
        sample = source.sample(index)
        assert (sample["first_sentence"], sample["second_sentence"]) == (f"first {index}", f"second {39 - index}")
        assert sample["first_image"].shape == sample["second_image"].shape == (3, 16, 16)
    assert source.part(5, {"second_sentence"}) == {"second_sentence": "second 34"}
    assert source.problems() == ()
    assert source.left_out() == 0


def test_columns_may_be_called_differently_and_emoji_have_some_too(tmp_path: Path) -> None:
    folders = tables(tmp_path, [{"id": "cat"}, {"id": "dog"}, {"id": "no such animal"}], numbered(1))
    document = joined(folders, second_column="name")
    document = edits.remove_nodes(document, ("caption_table_2",), vocabulary(), keep_wires=False)
    document, emoji = edits.add_node(document, "sources.emoji", 0, 300, {"image_size": 16, "second_artist": "none"})
    document = wired(document, emoji, "sentence", "joined", "second_sentence")
    source = opened(document)
    assert [source.sample(i)["second_sentence"] for i in range(len(source))] == ["cat", "dog"]


def test_what_does_not_meet_or_meets_twice_is_told(tmp_path: Path) -> None:
    rows = [*numbered(10), {"id": "n3"}, {"id": ""}]
    source = opened(joined(tables(tmp_path, rows, numbered(8))))
    assert len(source) == 9
    told = " ".join(problem.what for problem in source.problems())
    assert "3 samples of source 1 have no partner" in told
    assert "1 values are met several times in source 1" in told
    assert source.left_out() == 3
    assert source.faulty() == 0


def test_a_lacking_column_and_nothing_in_common_are_refused(tmp_path: Path) -> None:
    folders = tables(tmp_path, numbered(6), [{"id": f"m{n}"} for n in range(6)])
    with pytest.raises(Refused, match="no column 'key'"):
        opened(joined(folders, first_column="key"))
    with pytest.raises(
        Refused, match="no value in common: 'id' of the first has 'n0', 'n1', 'n2', 'id' of the second 'm0'"
    ):
        opened(joined(folders))
    assert "No column is chosen" in " ".join(p.what for p in analyse(joined(folders, first_column="")).problems)


def test_groups_of_both_hang_together_and_the_strictest_split_counts(tmp_path: Path) -> None:
    def split(number: int, held: str, first: int) -> str:
        return held if number in (first, first + 1) else "train"

    first = [{"id": f"n{n}", "family": f"f{n // 2}", "split": split(n, "validation", 8)} for n in range(24)]
    second = [{"id": f"n{n}", "family": f"g{n // 4}", "split": split(n, "test", 16)} for n in range(24)]
    source = opened(joined(tables(tmp_path, first, second)))
    where = {index: name for name, rows in source.splits().items() for index in rows}
    together = {n: {m for m in range(24) if source.group(m) == source.group(n)} for n in range(24)}
    assert together == {n: set(range(n // 4 * 4, n // 4 * 4 + 4)) for n in range(24)}, (
        "two pairs of the first in each four"
    )
    held = {**dict.fromkeys(range(8, 12), "validation"), **dict.fromkeys(range(16, 20), "test")}
    assert where == {n: held.get(n, "train") for n in range(24)}, "what either holds out is held out, with its group"
    assert report_of(source).shared_groups == ()


def test_a_join_is_one_task_whose_sources_need_none(tmp_path: Path) -> None:
    document = pictures_with_names(tables(tmp_path, numbered(40, split="train"), numbered(40)))
    assert [problem for problem in analyse(document).problems if problem.severity == "error"] == []
    assert "feeds no objective" not in " ".join(problem.what for problem in analyse(document).problems)
    plan = compile(document)
    assert plan.sources == ("joined",)
    assert plan.tasks[0].sample_nodes == ("joined", "tokenizer")


def test_it_trains_travels_to_a_worker_and_leaves_as_a_script(tmp_path: Path) -> None:
    document = pictures_with_names(tables(tmp_path, numbered(40), numbered(40)))
    plan = compile(document)
    graphs = sample_graphs(plan)
    graphs.prepare()
    graph = graphs.first
    copy = SampleGraph.from_description(pickle.loads(pickle.dumps(graph.describe())))
    copy.source.open()
    mine, theirs = (g.sample(11, epoch=0, seed=0, training=False) for g in (graph, copy))
    assert torch.equal(mine["joined", "first_image"], theirs["joined", "first_image"])
    assert copy.source.fingerprint() == graph.source.fingerprint()
    run = trainer(document)
    assert run.train() == "finished"
    assert run.position.step == 3
    text = script(plan)
    assert "JoinedSources(JoinedSources.Config(first_column='id', wired=(Wired(" in text
    assert "from core.data.base import Wired" in text
    ast.parse(text)


def test_what_cannot_lead_into_a_join_is_told(tmp_path: Path) -> None:
    document = joined(tables(tmp_path, numbered(4), numbered(4)))

    def told(changed: Document) -> str:
        return " ".join(problem.what for problem in analyse(changed).problems)

    twice = wired(document, "caption_table", "image", "joined", "second_image")
    assert "both lead into one side" in told(twice)
    alone = edits.remove_nodes(document, ("caption_table_2",), vocabulary(), keep_wires=False)
    assert "Nothing comes in from source 2" in told(alone)
    both = wired(alone, "caption_table", "image", "joined", "second_image")
    assert "leads into both sides of a join" in told(both)
    stepped, step = edits.add_node(document, "transforms.resize", 100, 0)
    stepped = wired(stepped, "caption_table", "image", step, "image")
    stepped = wired(stepped, step, "image", "joined", "first_image")
    assert "which joins sources as they are" in told(stepped)
    loose = pictures_with_names(tables(tmp_path / "loose", numbered(4), numbered(4)))
    loose = edits.disconnect(loose, wires=("caption_table.image>joined.first_image",))
    assert "Joined sources gives no first_image here" in told(loose)


def test_only_what_may_be_a_task_has_a_part_in_the_mix(tmp_path: Path) -> None:
    document = joined(tables(tmp_path, numbered(4), numbered(4)))
    assert giving_sources(document, vocabulary()) == ("joined",)
    document, step = edits.add_node(document, "transforms.resize", 100, 0)
    document = wired(document, "caption_table", "image", step, "image")
    assert giving_sources(document, vocabulary()) == ("caption_table", "joined")
