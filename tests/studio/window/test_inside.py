"""Looking inside, in the window: a block is selected, its sample is seen, steps are taken by hand; nothing reaches the store."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel

from core.graph import edits
from tests.documents import tiny_clip
from tests.studio.journey import Person
from widgets.canvas import menus
from widgets.inside.drawn import Histogram, Matrix, Picture, Words
from widgets.inside.panel import InsidePanel
from widgets.look.problem_row import ProblemRow


def panel(person: Person) -> InsidePanel:
    return person.window.inside


def seen(person: Person, node: str) -> None:
    """Until the panel shows this node, whole."""
    inside = panel(person)
    person.wait(
        lambda: (
            inside.inside is not None
            and inside.inside.wish.node == node
            and "omputing" not in inside.state.text()
            and not any(flow.awaits_neighbours for flow in inside.inside.flows)
        )
    )


def drawn(person: Person, kind: type, count: int) -> list:
    """So many of a kind, once they are laid out."""

    def found() -> list:
        return [one for one in panel(person).findChildren(kind) if one.isVisible()]

    person.wait(lambda: len(found()) == count)
    return found()


def a_hidden_panel_computes_nothing(person: Person) -> None:
    person.window.canvas.select(["vit"])
    person.answered()
    assert not panel(person).isVisible()
    assert panel(person).inside is None


def run_to_here_shows_what_flows_out_and_what_it_took(person: Person) -> None:
    menu = menus.menu_for(person.window.canvas, person.window.canvas.seen().center())
    entry = next(action for action in menu.actions() if action.objectName() == "run_to_here")
    assert isinstance(entry, QAction)
    entry.trigger()
    menu.close()
    seen(person, "vit")
    drawn(person, Picture, 1)
    drawn(person, Histogram, 1)
    drawn(person, Matrix, 2)
    assert person.texts(panel(person), "What running to here took")


def the_next_sample_and_another_split(person: Person) -> None:
    inside = panel(person)
    first = inside.inside
    assert first is not None
    person.click(inside.after)
    seen(person, "vit")
    person.wait(lambda: inside.inside is not None and inside.inside.wish.place == 1)
    assert inside.inside is not None
    assert inside.inside.label != first.label
    inside.split.setCurrentIndex(inside.split.findData("train"))
    inside.split.activated.emit(inside.split.currentIndex())
    person.wait(lambda: inside.inside is not None and inside.inside.wish.split == "train")
    person.click(inside.before)
    person.wait(lambda: inside.inside is not None and inside.inside.wish.place == inside.inside.splits["train"] - 1)


def a_change_behind_runs_nothing_and_one_before_is_said_to_be_computed(person: Person) -> None:
    inside, session = panel(person), person.session
    session.edit(edits.set_knob(session.document, "info_nce", "temperature", 0.2), "behind")
    session.edit(edits.change_node(session.document, "vit", x=33.0, title="Eyes"), "move")
    person.wait(lambda: inside.title.text() == "Eyes" and "everything was known" in inside.state.text())
    session.edit(edits.set_knob(session.document, "vit", "heads", 1), "before")
    person.wait(lambda: inside.inside is not None and inside.inside.ran == 1)


def words_with_their_numbers(person: Person) -> None:
    person.window.canvas.select(["tokenizer"])
    seen(person, "tokenizer")
    (words,) = drawn(person, Words, 1)
    assert words.accessibleName().strip()


def what_is_not_ready_is_a_problem_with_a_way_there(person: Person) -> None:
    inside, session = panel(person), person.session
    session.edit(edits.disconnect(session.document, ("vit.tokens>pool.tokens",)), "cut")
    person.window.canvas.select(["projection"])
    person.wait(lambda: bool(inside.problems))
    (row,) = drawn(person, ProblemRow, 1)
    assert any("Image pooling" in label.text() or "Pool" in label.text() for label in row.findChildren(QLabel))
    person.click(row)
    assert person.window.canvas.selection() == ["pool"]
    session.undo()
    seen(person, "pool")
    assert inside.inside is not None
    assert len(inside.inside.flows[0].neighbours) == 5


def steps_by_hand_go_on_are_told_on_the_canvas_and_forgotten(person: Person) -> None:
    inside, window = panel(person), person.window
    person.analysed()
    person.choose("one_step")
    person.wait(lambda: inside.told is not None)
    assert inside.told is not None
    assert inside.told.step == 1
    assert "∇" in window.canvas.board.nodes["vit"].told
    assert inside.told.after["info_nce"] != inside.told.before["info_nce"]
    person.wait(lambda: not window.seeing.is_stepping)
    person.click(inside.step)
    person.wait(lambda: inside.told is not None and inside.told.step == 2)
    texts = [inside.weights.itemText(place) for place in range(inside.weights.count())]
    assert "After 2 steps by hand" in texts
    fresh = inside.inside
    inside.weights.setCurrentIndex(texts.index("After 2 steps by hand"))
    inside.weights.activated.emit(inside.weights.currentIndex())
    person.wait(lambda: inside.inside is not None and inside.inside.wish.weights.by_hand)
    assert fresh is not None
    assert inside.inside is not None
    assert inside.inside.flows[0].numbers != fresh.flows[0].numbers
    person.click(inside.forget)
    person.wait(lambda: inside.told is None and inside.inside is not None and not inside.inside.wish.weights.by_hand)
    assert window.canvas.board.nodes["vit"].told == ""
    assert person.runs() == []


def a_step_of_a_graph_that_is_another_one_begins_anew(person: Person) -> None:
    inside, session = panel(person), person.session
    person.choose("one_step")
    person.wait(lambda: inside.told is not None and not person.window.seeing.is_stepping)
    session.edit(edits.set_recipe(session.document, batch_size=4), "smaller")
    person.analysed()
    person.choose("one_step")
    person.wait(lambda: inside.told is not None and inside.told.samples == 4)
    assert inside.told is not None
    assert inside.told.step == 1
    assert any("begin anew" in sentence for sentence in person.said)
    person.window.canvas.setFocus(Qt.FocusReason.OtherFocusReason)


def test_a_person_looks_inside_and_takes_steps(sit_down):
    person = sit_down(tiny_clip(steps=3, batch_size=8))
    a_hidden_panel_computes_nothing(person)
    run_to_here_shows_what_flows_out_and_what_it_took(person)
    the_next_sample_and_another_split(person)
    a_change_behind_runs_nothing_and_one_before_is_said_to_be_computed(person)
    words_with_their_numbers(person)
    what_is_not_ready_is_a_problem_with_a_way_there(person)
    steps_by_hand_go_on_are_told_on_the_canvas_and_forgotten(person)
    a_step_of_a_graph_that_is_another_one_begins_anew(person)
