"""The library of runs: what a person does to runs, and what runs are asked."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import insert

from core.graph.document import Document
from core.graph.selection import is_lower_better
from core.problems import Refused
from core.runs.launch import queue
from core.store.checkpoints import CheckpointFolder
from core.store.database import Store
from core.store.export import cell
from core.store.library import Command, Library
from core.store.schema import series
from core.telemetry.events import Mark, StatusChange
from tests.core.store.said import at, scalars

HOSTILE = [
    "'; DROP TABLE run;--", '"', "%", "_", "\\", "\x00", "a\x00b", "\ud800", "*", "?", "[a-z]", "OR 1=1", "NEAR(", "日本",
    "ß", "SS", "İ", "-", "--", "/*", "{}", "%s", "$1", ":name", "\n", "\u202e", "💥", "' OR ''='",
]  # fmt: skip


def record(library: Library, name: str, **values: float) -> str:
    uid = library.create_run(name, "{}").uid
    recorder = library.recorder(uid)
    recorder.say(StatusChange(at=at(0), status="running"))
    recorder.say(scalars(3, **values))
    recorder.say(StatusChange(at=at(3), status="finished"))
    assert recorder.close()
    return uid


def test_a_run_is_what_it_was_made_as(library: Library) -> None:
    text = json.dumps({"id": "d1", "name": "mini CLIP"})
    made = library.create_run("first", text, steps=10, seed=3, place="process", parent="p", parent_step=4,
                              environment={"torch": "2"}, params={"vit.depth": 4}, tags=("a", "b", "a"))  # fmt: skip
    assert (made.steps, made.seed, made.place, made.parent, made.parent_step) == (10, 3, "process", "p", 4)
    assert (made.document_id, made.document_name, made.tags, made.status) == ("d1", "mini CLIP", ("a", "b"), "queued")
    assert library.document_text(made.uid) == text
    assert library.environment(made.uid) == {"torch": "2"}
    assert library.find(made.uid) == library.find(made.uid[:10]) == library.find("first") == made


def test_last_and_best(library: Library) -> None:
    uid = library.create_run("r", "{}").uid
    recorder = library.recorder(uid)
    for step, (loss, score) in enumerate([(3.0, 0.1), (1.0, 0.9), (2.0, 0.4)]):
        recorder.say(scalars(step, **{"loss": loss, "retrieval/seen/image_to_text/R@1": score}))
    assert recorder.close()
    facts = library.facts(uid)
    assert facts.last == {"loss": 2.0, "retrieval/seen/image_to_text/R@1": 0.4}
    assert facts.best == {"loss": 1.0, "retrieval/seen/image_to_text/R@1": 0.9}
    assert is_lower_better("loss/info_nce")
    assert is_lower_better("retrieval/unseen/mean rank")
    assert not is_lower_better("similarity/x/effective rank")


def test_sorted_and_filtered(library: Library) -> None:
    one, two, three = (record(library, name, loss=loss) for name, loss in (("b", 2.0), ("A", 1.0), ("c", 3.0)))
    bare = library.create_run("bare", "{}").uid
    library.set_tags(two, ["Keep", "x"])
    library.set_notes(three, "Größer ist besser")
    assert [run.uid for run in library.runs(sort="last:loss", descending=False)] == [two, one, three, bare]
    assert [run.uid for run in library.runs(sort="best:loss")] == [three, one, two, bare]
    assert [run.name for run in library.runs(sort="name", descending=False)] == ["A", "b", "bare", "c"]
    assert [run.uid for run in library.runs(tag="Keep")] == [two]
    assert [run.uid for run in library.runs(text="keep")] == [two]
    assert [run.uid for run in library.runs(text="besser GRÖSSER")] == [three]
    assert [run.uid for run in library.runs(status="queued")] == [bare]
    assert len(library.runs(limit=2)) == 2
    assert library.tags() == ["Keep", "x"]
    with pytest.raises(Refused, match="cannot be sorted"):
        library.runs(sort="1; DROP TABLE run")


def test_hostile_words_find_what_a_plain_filter_finds(library: Library) -> None:
    names = [*HOSTILE, "plain"]
    for name in names:
        library.create_run(name, "{}", tags=[name] if name.strip() else [])
    kept = [run.name for run in library.runs()]
    assert len(kept) == len(names)
    for text in HOSTILE:
        words = text.casefold().split()
        runs = library.runs(text=text)
        expected = [run.uid for run in library.runs()
                    if all(w in "\n".join([run.name, *run.tags]).casefold() for w in words)]  # fmt: skip
        assert [run.uid for run in runs] == expected
        library.runs(tag=text)
        if text.strip() and text not in ("\ud800",):
            assert library.find(text).name == text
    assert len(library.runs()) == len(names)


def test_deleting_can_be_undone_until_it_is_purged(library: Library, store: Store) -> None:
    kept, gone = record(library, "kept", loss=1.0), record(library, "gone", loss=2.0)
    library.delete(gone)
    assert [run.uid for run in library.runs()] == [kept]
    assert [run.uid for run in library.runs(deleted=True)] == [gone]
    assert library.purge(seconds=60) == []
    library.restore(gone)
    assert len(library.runs()) == 2
    library.delete(gone)
    assert library.purge() == [gone]
    with store.read() as connection:
        for table in ("series", "tail"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 4
    newest = library.create_run("new", "{}")
    assert newest.id == 3  # a number is never given again
    with pytest.raises(Refused, match="no run"):
        library.facts(gone)


def test_names_and_what_is_not_there(library: Library) -> None:
    uid = record(library, "r", loss=1.0)
    library.rename(uid, "  better ")
    assert library.facts(uid).name == "better"
    with pytest.raises(Refused, match="needs a name"):
        library.rename(uid, "  ")
    with pytest.raises(Refused, match="The newest is"):
        library.find("nothing like it")
    library.create_run("other", "{}")
    with pytest.raises(Refused, match="2 runs begin with"):
        library.find(uid[:6])
    for act in (library.reader, library.delete, library.params, library.take_commands, library.recorder):
        with pytest.raises(Refused, match="There is no run"):
            act("260101-nothing")


def test_configurations_differ_by_name(library: Library) -> None:
    one = library.create_run("one", "{}", params={"rate": 1e-3, "depth": 4, "same": [1, 2], "only": True}).uid
    two = library.create_run("two", "{}", params={"rate": 1e-4, "depth": 4, "same": [1, 2], "new": "x"}).uid
    found = {pair.name: (pair.left, pair.right) for pair in library.difference(one, two)}
    assert found == {"rate": (1e-3, 1e-4), "only": (True, None), "new": (None, "x")}
    assert library.difference(one, one) == []


def test_commands_are_taken_once_in_order(library: Library) -> None:
    uid, other = library.create_run("r", "{}").uid, library.create_run("o", "{}").uid
    assert library.take_commands(uid) == []
    library.send_command(uid, "pause")
    library.send_command(uid, "rate", {"node": "vit", "learning_rate": 0.1})
    library.send_command(other, "stop")
    assert library.take_commands(uid) == [
        Command("pause", {}), Command("rate", {"node": "vit", "learning_rate": 0.1}),
    ]  # fmt: skip
    assert library.take_commands(uid) == []
    assert [name for name, _ in library.take_commands(other)] == ["stop"]


def test_a_run_whose_process_is_gone_is_interrupted(library: Library, store: Store) -> None:
    script = (
        "import os, sys\n"
        "from core.store.database import Store\nfrom core.store.library import Library\n"
        "library = Library(Store.open(sys.argv[1])); uid = library.create_run('dead', '{}').uid\n"
        "library.heartbeat(uid); print(uid, flush=True); os._exit(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, store.url], capture_output=True, text=True, check=False)
    dead, mine = done.stdout.strip(), library.create_run("mine", "{}").uid
    assert library.liveness(mine)[0]
    assert not library.liveness(dead)[0]
    assert [run.uid for run in library.mark_interrupted()] == [dead]
    assert (library.facts(dead).status, library.facts(mine).status) == ("interrupted", "queued")
    assert library.mark_interrupted() == []


def test_exports_are_no_formulas(library: Library, tmp_path: Path) -> None:
    uid = record(library, "=HYPERLINK(1)", loss=-1.5, rate=0.25)
    library.set_notes(uid, "@SUM(A1)")
    assert library.export_csv([uid], tmp_path / "points.csv") == 2
    rows = list(csv.DictReader((tmp_path / "points.csv").read_text().splitlines()))
    assert [(row["series"], row["step"], row["seconds"], row["value"]) for row in rows] == [
        ("loss", "3", "1.5", "-1.5"), ("rate", "3", "1.5", "0.25"),
    ]  # fmt: skip
    assert rows[0]["run"] == "'=HYPERLINK(1)"
    assert library.export_table(library.runs(), tmp_path / "runs.csv") == 1
    table = next(csv.DictReader((tmp_path / "runs.csv").read_text().splitlines()))
    assert (table["notes"], table["last loss"]) == ("'@SUM(A1)", "-1.5")
    assert [cell(text) for text in ("+1", "-x", "\t=1", "x", -1)] == ["'+1", "'-x", "'\t=1", "x", -1]
    with pytest.raises(Refused, match="cannot be written"):
        library.export_csv([uid], tmp_path / "none" / "x.csv")


def drawing(rate: float = 1.0, depth: int = 4, x: float = 0.0) -> str:
    node = {"block": "vit", "x": x, "y": 0, "knobs": {"depth": depth}}
    return json.dumps({"nodes": {"vit": node}, "wires": [], "recipe": {"optimizer": {"key": "adamw"}, "rate": rate}})


def test_where_a_run_goes_on_from(library: Library, tmp_path: Path) -> None:
    uid = library.create_run("parent", drawing()).uid
    assert library.start_of(uid) is None
    folder, recorder = CheckpointFolder(tmp_path / "checkpoints"), library.recorder(uid)
    for step in (10, 20, 30):
        path = folder.save(step, lambda at: (at / "weights").write_bytes(b"w" * 50), {}, keep_last=5)
        recorder.say(Mark(at=at(step), kind="checkpoint", text="saved", data={"path": str(path), "value": 1.0}))
    assert recorder.close()
    start = library.start_of(uid)
    assert start is not None
    assert (start.step, start.whole, start.same_run) == (30, True, True)
    (folder.path / "step-000000030" / "weights").write_bytes(b"v" * 50)
    start = library.start_of(uid)
    assert start is not None
    assert start.step == 20
    assert "damaged" in start.warnings[0].what
    moved = library.create_run("fork", drawing(rate=2.0, x=9.0), parent=uid, parent_step=15).uid
    deeper = library.create_run("deeper", drawing(depth=5), parent=uid, parent_step=20).uid
    early = library.create_run("early", drawing(), parent=uid, parent_step=5).uid
    starts = [library.start_of(one) for one in (moved, deeper)]
    assert [(one.step, one.whole, one.same_run) for one in starts if one] == [(10, True, False), (20, False, False)]
    with pytest.raises(Refused, match="no checkpoint at or before step 5"):
        library.start_of(early)


def test_marks_become_checkpoints_that_know_whether_they_are_kept(library: Library, tmp_path: Path) -> None:
    uid = library.create_run("r", "{}").uid
    recorder = library.recorder(uid)
    for step, best in ((1, True), (2, False), (3, True)):
        data = {"path": str(tmp_path / f"c{step}"), "metric": "R@10", "value": step / 10, "best": best}
        recorder.say(Mark(at=at(step), kind="checkpoint", text="saved", data=data))
        (tmp_path / f"c{step}").mkdir()
    assert recorder.close()
    (tmp_path / "c2").rmdir()
    found = library.reader(uid).checkpoints()
    assert [(one.step, one.metric, one.value, one.best, one.kept) for one in found] == [
        (1, "R@10", 0.1, False, True), (2, "R@10", 0.2, False, False), (3, "R@10", 0.3, True, True),
    ]  # fmt: skip


def test_a_list_of_many_runs_is_quick(library: Library) -> None:
    made = [library.create_run(f"run {i}", "{}") for i in range(300)]
    rows = [{"run_id": run.id, "kind": "scalar", "name": f"s{k}", "size": 1, "last": k, "best": k, "first": 0,
             "final": 0, "nonfinite": 0} for run in made for k in range(40)]  # fmt: skip
    with library.store.write() as connection:
        connection.execute(insert(series), rows)
    start = time.perf_counter()
    assert len(library.runs(text="run")) == 300
    assert time.perf_counter() - start < 1.0


def test_runs_of_one_document_are_told_apart_by_a_number_that_no_other_ever_bears(library: Library) -> None:
    names = [queue(library, Document(name="mini-CLIP")).name for _ in range(3)]
    assert names == ["mini-CLIP #1", "mini-CLIP #2", "mini-CLIP #3"]
    third = library.find("mini-CLIP")
    assert third.name == "mini-CLIP #3"
    assert library.find("#2").name == library.find("mini-CLIP #2").name == "mini-CLIP #2"
    library.delete(third.uid)
    assert library.purge() == [third.uid]
    assert queue(library, Document(name="mini-CLIP")).name == "mini-CLIP #4"
    assert queue(library, Document(name="mini-CLIP"), name="as I call it").name == "as I call it"
    assert queue(library, Document(name="mini-CLIP"), title="mini-CLIP · 200").name == "mini-CLIP · 200 #6"
