"""Settings and figures of many runs, column by column; and the shelf that reads only what changed."""

from __future__ import annotations

import pytest

from core.exploring.fields import Field, Known
from core.exploring.filtering import read_filter
from core.exploring.ledger import Ledger
from core.graph.vocabulary import BlockSpec, Vocabulary
from core.knobs import Knob
from core.store import shelf as module
from core.store.library import Library
from core.store.shelf import Shelf
from tests.documents import tiny_clip
from tests.said_runs import said_run

WIDTH = Field(kind="setting", name="text_transformer.width")
WORDS = Vocabulary([
    BlockSpec(key=tiny_clip().nodes["text_transformer"].block, title="Text", role="block", family="Encoders", summary="",
              knobs=(Knob(name="dropped", kind="number", default=0.25, help="", title="Dropped"),)),
])  # fmt: skip


def test_settings_defaults_and_figures_at_a_step(library: Library) -> None:
    first = said_run(library, "one", {"loss": [3.0, 2.0, 1.0]}, seed=1, batch_size=8)
    second = said_run(library, "two", {"loss": [4.0, 0.5, 0.7]}, seed=2, batch_size=16)
    bare = library.create_run("bare", "{}")
    ledger, runs = Ledger(library.store), (first, second, library.facts(bare.uid))
    known = ledger.known()
    assert {"batch_size", "text_transformer.width", "text_transformer"} <= set(known.settings)
    assert known.scores == ("loss",)
    batch, at = known.find("batch_size"), known.find("loss", "at", 2)
    dropped = Field(kind="setting", name="text_transformer.dropped")
    values = ledger.read((batch, at, dropped, WIDTH), runs, WORDS)
    assert [values.value(batch, run) for run in runs] == [8.0, 16.0, None]
    assert [values.value(at, run) for run in runs] == [2.0, 0.5, None]
    assert [values.value(dropped, run) for run in runs] == [0.25, 0.25, None], "not turned: the block's default"
    assert values.value(WIDTH, first) == float(tiny_clip().nodes["text_transformer"].knobs["width"])
    condition = read_filter("at(loss, 2) < 1 and batch_size = 16 and best(loss) = 0.5", known)
    assert condition is not None
    assert [run.name for run in runs if condition.holds(lambda field, run=run: values.value(field, run))] == ["two"]
    assert set(ledger.documents(["text_transformer", "gone"])) == {"text_transformer"}


def test_reading_stops_when_it_is_told_to(library: Library) -> None:
    run = said_run(library, "one", {"loss": [3.0]})
    ledger = Ledger(library.store)
    values = ledger.read((WIDTH,), (run,), WORDS, goes_on=lambda: False)
    assert not values.has(WIDTH, run)
    assert ledger.read((WIDTH,), (run,), WORDS).has(WIDTH, run)


def test_the_shelf_reads_what_changed_and_no_more(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [said_run(library, f"run {number}", {"loss": [1.0]}, seed=number) for number in range(4)]
    read: list[list[int]] = []
    whole = module.facts_of
    monkeypatch.setattr(module, "facts_of", lambda connection, ids: read.append(list(ids)) or whole(connection, ids))
    shelf = Shelf(library.store)
    assert [run.name for run in shelf.look(3)] == ["run 3", "run 2", "run 1"]
    assert not shelf.is_whole
    assert shelf.look(3) == library.runs()
    assert shelf.is_whole
    before = shelf.look()
    assert read[2:] == [[]]
    library.rename(runs[1].uid, "better")
    after = shelf.look()
    assert read[3:] == [[runs[1].id]]
    assert [run.name for run in after] == ["run 3", "run 2", "better", "run 0"]
    assert after[0] is before[0]
    library.delete(runs[0].uid)
    waiting = library.create_run("waits", "{}", queued=True)
    assert shelf.look() == library.runs()
    library.restore(runs[0].uid)
    assert shelf.look() == library.runs()
    assert read[-1][0] == waiting.id, "of what has not ended the owner may be gone: it is always read"


def test_a_word_is_found_where_one_is_meant() -> None:
    known = Known(scores=("selection/test/R@10", "selection/validation/R@10", "score/test/x/accuracy"))
    assert known.find("r@10").name == "selection/validation/R@10"
    assert known.find("R@10").which == "best"
    assert known.find("accuracy").which == "last"
