"""A journey to who judges what a run makes: from the library of runs, with how far it is, cancelled, and then to its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QAction

from core.graph.document import Document
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from studio.asking import judging_made
from tests.core.compiler.answers.test_making_by_diffusion import drawer
from tests.documents import tiny_clip
from tests.studio.journey import Person

SAID = "The judging of drawer was cancelled; nothing was kept."


@pytest.fixture
def two_runs(tmp_path: Path) -> tuple[str, str]:
    """One that makes images, and one that can judge them."""
    keeps = {"checkpointing": {}}
    with Store.open(tmp_path / "runs.sqlite") as store:
        library = Library(store)
        evaluation = {"every": 2, "most": 12, "train": False}
        made = queue(library, drawer(callbacks=keeps, diagnostics={}), name="drawer").uid
        judge = queue(library, tiny_clip(steps=2, callbacks={**keeps, "evaluation": evaluation}), name="judge").uid
        for uid in (made, judge):
            assert execute(store, uid) == "finished"
    return made, judge


def judges(person: Person) -> dict[str, QAction]:
    """Who is offered for the selected run, by uid; nobody by an empty one."""
    menu = person.window.library._buttons["judge"].menu()
    return {action.data(): action for action in menu.actions() if not action.isSeparator()}


def test_a_run_is_judged_from_the_library(
    sit_down: Any, two_runs: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, judge = two_runs
    monkeypatch.setattr(judging_made, "MOST", 70)
    monkeypatch.setattr(judging_made, "BETWEEN_TELLS", 0.0)
    person = sit_down(Document())
    window, session = person.window, person.session
    person.runs()
    person.go_to("Runs")
    assert window.library.why_not("judge") == "Select a run first."
    person.pick_runs(made)
    assert window.library.why_not("judge") == ""
    assert set(judges(person)) == {judge, ""}
    told: list[str] = []
    window.judging_made._progressed.connect(lambda done, of: told.append(window.messages.sentence))

    judges(person)[judge].trigger()  # and cancelled
    assert window.messages.sentence == "Judging what drawer makes…"
    assert window.afoot() == ("What a run makes is being judged.",)
    person.click(person.button("Cancel", window.messages))
    person.wait(lambda: SAID in person.said)
    assert not window.afoot()
    assert not [name for name in session.facts(made).last if "/unet/" in name]

    judges(person)[judge].trigger()  # and waited for
    person.wait(lambda: not window.afoot())
    words = window.messages.sentence
    assert "Judging what drawer makes: 64 of 140 images." in told
    last = session.facts(made).last
    own, chance = (100 * last[f"score/test/unet/{name}R@10"] for name in ("", "chance "))
    assert words.startswith(f"drawer: the caption of 70 made images of test is among the first 10 in {own:.1f} % (")
    assert words.endswith(f"chance {chance:.1f} %.")
    person.click(person.button("Show its figures", window.messages))
    assert (session.watched, window.pages.current) == (made, "train")
    assert (session.facts(made).status, session.facts(made).step) == ("finished", 4)
    person.go_to("Runs")
    person.pick_runs(judge)
    judges(person)[""].trigger()
    person.wait(lambda: any("makes no images from noise" in sentence for sentence in person.said))
