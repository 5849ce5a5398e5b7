"""One inspector for the whole row of choices: seen, turned, lengthened, reordered, shortened and undone in the window."""

from __future__ import annotations

from typing import Any

from core.graph.negatives_row import row_before
from studio.open.documents import find_document
from widgets.inspector.negatives import NegativesPage


def test_the_whole_row_is_one_list(sit_down: Any) -> None:
    person = sit_down(find_document("hard_curriculum"))
    window, session = person.window, person.session

    def row() -> tuple[str, ...]:
        return row_before(session.document, "info_nce").nodes

    window.canvas.selectionChanged.emit(["mix"])
    page = window.inspector.node_page
    assert isinstance(page, NegativesPage)
    assert list(page.choices) == ["levels", "mix"] == list(row())
    curve = page.choices["mix"].curve
    assert [curve.shares[n] for n in (0, 60, 120)] == [0.3, 0.5, 0.7]
    assert not page.form.isVisible()  # its knobs stand in the row

    page.choices["levels"].form.rows["nearest"].field.edited.emit(5.0)
    assert session.document.nodes["levels"].knobs["nearest"] == 5.0
    page.choices["mix"].form.rows["last"].field.edited.emit(0.9)
    assert page.choices["mix"].curve.shares[120] == 0.9

    page.add_button.menu().actions()[[a.text() for a in page.add_button.menu().actions()].index("Queue")].trigger()
    assert row() == ("levels", "mix", "queue")
    assert list(page.choices) == ["levels", "mix", "queue"]
    assert not page.choices["queue"].later.isEnabled()
    for _ in range(2):
        person.wait(page.choices["queue"].earlier.isVisible)
        person.click(page.choices["queue"].earlier)
    assert row() == ("queue", "levels", "mix")
    assert person.problems() == []
    person.wait(page.choices["levels"].remove.isVisible)
    person.click(page.choices["levels"].remove)
    assert row() == ("queue", "mix")
    assert list(page.choices) == ["queue", "mix"]
    for _ in range(4):
        session.undo()
    assert row() == ("levels", "mix")
    assert list(window.inspector.node_page.choices) == ["levels", "mix"]
