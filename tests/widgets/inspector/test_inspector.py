"""The inspector: forms from knobs, validation, reset, training rules, the recipe, several nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from core.graph import edits
from core.graph.recipe import Choice, Rule, Stage
from tests.widgets import sample
from widgets.inspector.inspector import Inspector
from widgets.look.theme import look
from widgets.look.titles import titles_of, use_vocabulary


class Listener:
    def __init__(self, inspector: Inspector) -> None:
        self.heard: list[tuple] = []
        for name in (
            "knobChanged", "ruleChanged", "rulesChanged", "repeatChanged", "titleChanged", "recipeChanged", "nameChanged",
            "noteChanged", "linkRequested", "commandRequested", "stageRequested", "stagesRequested",
        ):  # fmt: skip
            getattr(inspector, name).connect(lambda *args, name=name: self.heard.append((name, *args)))


@pytest.fixture
def inspector(qtbot):
    made = Inspector()
    qtbot.addWidget(made)
    made.resize(300, 900)
    made.set_vocabulary(sample.vocabulary())
    made.set_document(sample.document())
    made.set_analysis(sample.analysis())
    made.show()
    qtbot.waitExposed(made)
    made.listener = Listener(made)
    return made


def pick(inspector, *nodes):
    inspector.set_selection(list(nodes))
    return inspector.node_page


def typed(field, text: str) -> None:
    field.edit.setFocus()
    field.edit.selectAll()
    QTest.keyClicks(field.edit, text)


def test_a_node_shows_every_knob_with_its_value(inspector):
    page = pick(inspector, "vit")
    rows = page.form.rows
    assert set(rows) == {knob.name for knob in sample.VIT_KNOBS}
    assert rows["depth"].field.edit.text() == "4"
    assert rows["image_size"].field.edit.text() == "64"
    assert rows["depth"].label.font().bold()
    assert not rows["heads"].label.font().bold()
    assert rows["depth"].reset.isVisible()
    assert not rows["heads"].reset.isVisible()


def test_enter_sends_a_typed_value_once(inspector):
    field = pick(inspector, "vit").form.rows["width"].field
    typed(field, "256")
    assert inspector.listener.heard == []
    QTest.keyClick(field.edit, Qt.Key.Key_Return)
    assert inspector.listener.heard == [("knobChanged", "vit", "width", 256)]


@pytest.mark.parametrize(
    ("knob", "text", "words"),
    [
        ("width", "5", "between 8 and 4096"),
        ("width", "abc", "whole number"),
        ("patch_dropout", "2", "between 0 and 0.95"),
        ("heads", "", "number"),
    ],
)
def test_what_cannot_be_used_is_said_and_not_sent(inspector, knob, text, words):
    row = pick(inspector, "vit").form.rows[knob]
    typed(row.field, text or "x")
    if not text:
        row.field.edit.selectAll()
        QTest.keyClick(row.field.edit, Qt.Key.Key_Backspace)
    assert words in row.note.text()
    assert row.note.isVisible()
    QTest.keyClick(row.field.edit, Qt.Key.Key_Return)
    assert inspector.listener.heard == []
    typed(row.field, "0.5" if knob == "patch_dropout" else "16")
    assert words not in row.note.text() or row.refusal == ""


def test_reset_sends_the_default(inspector):
    pick(inspector, "vit").form.rows["depth"].reset.click()
    assert inspector.listener.heard == [("knobChanged", "vit", "depth", 6)]


def test_arrows_step_and_the_bar_pulls_in_decades(inspector):
    rows = pick(inspector, "vit").form.rows
    QTest.keyClick(rows["heads"].field.edit, Qt.Key.Key_Up)
    assert inspector.listener.heard[-1] == ("knobChanged", "vit", "heads", 4)
    bar = rows["rate"].field.bar
    assert bar.value_at(bar.width() / 2) == pytest.approx(1e-3, rel=0.05)
    bar.pulled.emit(bar.value_at(0))
    assert inspector.listener.heard[-1] == ("knobChanged", "vit", "rate", 1e-6)


def test_switch_choice_text_and_optional(inspector):
    page = pick(inspector, "vit")
    rows = page.form.rows
    rows["causal"].field.switch.click()
    rows["norm"].field.box.setCurrentIndex(1)
    rows["norm"].field.box.activated.emit(1)
    assert not rows["prefix"].field.isVisible()
    page.form.more.click()
    assert rows["prefix"].field.isVisible()
    typed(rows["prefix"].field, "a photo of")
    QTest.keyClick(rows["prefix"].field.edit, Qt.Key.Key_Return)
    typed(rows["seed"].field, "7")
    QTest.keyClick(rows["seed"].field.edit, Qt.Key.Key_Return)
    assert [heard[2:] for heard in inspector.listener.heard] == [
        ("causal", True), ("norm", "rms"), ("prefix", "a photo of"), ("seed", 7),
    ]  # fmt: skip
    assert rows["weights"].field.edit.placeholderText() == "none chosen"


def test_a_chosen_file_is_sent(inspector, monkeypatch):
    field = pick(inspector, "vit").form.rows["weights"].field
    monkeypatch.setattr(field, "ask", lambda: "weights.safetensors")
    field.browse()
    assert inspector.listener.heard == [("knobChanged", "vit", "weights", "weights.safetensors")]


def test_typing_survives_an_edit_elsewhere(inspector):
    field = pick(inspector, "vit").form.rows["width"].field
    typed(field, "25")
    inspector.set_document(edits.change_node(sample.document(), "pool", x=1.0))
    assert field.edit.text() == "25"


def test_training_of_one_node(inspector):
    page = pick(inspector, "words")
    assert page.training.state.buttons["frozen"].isChecked()
    page.training.state.buttons["trained"].click()
    typed(page.training.form.rows["learning_rate"].field, "2e-4")
    QTest.keyClick(page.training.form.rows["learning_rate"].field.edit, Qt.Key.Key_Return)
    assert inspector.listener.heard == [
        ("ruleChanged", "words", {"frozen": False}), ("ruleChanged", "words", {"learning_rate": 2e-4}),
    ]  # fmt: skip
    edits.set_rule(sample.document(), "words", **inspector.listener.heard[0][2])


def test_training_by_stage(inspector):
    stages = (Stage(name="warm"), Stage(name="joint"))
    inspector.set_document(edits.set_recipe(sample.document(), stages=stages))
    page = pick(inspector, "vit")
    assert page.training.stage.isVisible()
    page.training.stage.setCurrentIndex(2)
    page.training.stage.activated.emit(2)
    page.training.state.buttons["frozen"].click()
    assert inspector.listener.heard == [("ruleChanged", "vit", {"frozen": True, "stage": 1})]


def test_repeat_title_and_paper(inspector):
    page = pick(inspector, "mixer")
    typed(page.repeat.rows["repeat"].field, "8")
    QTest.keyClick(page.repeat.rows["repeat"].field.edit, Qt.Key.Key_Return)
    page.title.setFocus()
    page.title.selectAll()
    QTest.keyClicks(page.title, "mix")
    QTest.keyClick(page.title, Qt.Key.Key_Return)
    from widgets.inspector.parts import Papers

    page = pick(inspector, "vit")
    link = page.findChild(Papers).layout().itemAt(0).widget()
    link.click()
    assert inspector.listener.heard == [
        ("repeatChanged", "mixer", 8), ("titleChanged", "mixer", "mix"), ("linkRequested", "https://arxiv.org/abs/2010.11929"),
    ]  # fmt: skip


def test_a_source_has_no_training_and_a_placeholder_no_form(inspector):
    assert not pick(inspector, "pairs").training.isVisible()
    page = pick(inspector, "block")
    assert page.form.rows == {}


def test_several_nodes_have_common_actions(inspector):
    pick(inspector, "vit", "words")
    page = inspector.many_page
    assert page.isVisible()
    page.state.buttons["frozen"].click()
    page.buttons["mute"].click()
    assert inspector.listener.heard == [
        ("rulesChanged", ["vit", "words"], {"frozen": True}),
        ("commandRequested", "mute"),
    ]


def test_the_document_name_note_and_recipe(inspector):
    page = inspector.document_page
    pick(inspector)
    assert page.isVisible()
    page.name.setFocus()
    page.name.selectAll()
    QTest.keyClicks(page.name, "FLIP")
    page.note.setFocus()
    page.note.setPlainText("half the patches")
    field = page.form.rows["batch_size"].field
    typed(field, "256")
    QTest.keyClick(field.edit, Qt.Key.Key_Return)
    assert inspector.listener.heard == [
        ("nameChanged", "FLIP"), ("noteChanged", "half the patches"), ("recipeChanged", {"batch_size": 256}),
    ]  # fmt: skip


def test_options_are_chosen_and_switched(inspector):
    page = inspector.document_page
    page.optimizer.box.setCurrentIndex(1)
    page.optimizer.box.activated.emit(1)
    assert inspector.listener.heard[-1] == ("recipeChanged", {"optimizer": Choice(key="sgd")})
    field = page.optimizer.form.rows["beta2"].field
    typed(field, "0.95")
    QTest.keyClick(field.edit, Qt.Key.Key_Return)
    assert inspector.listener.heard[-1] == ("recipeChanged", {"optimizer": Choice(key="adamw", knobs={"beta2": 0.95})})
    page.callbacks.rows["ema"].switch.click()
    callbacks = inspector.listener.heard[-1][1]["callbacks"]
    assert callbacks["ema"] == {}
    assert "watchdog" in callbacks  # unknown here, and kept
    page.diagnostics.rows["attention"].switch.click()
    assert "attention" not in inspector.listener.heard[-1][1]["diagnostics"]


def test_batches_are_chosen_and_their_budget_is_turned(inspector):
    batching = inspector.document_page.batching
    batching.box.setCurrentIndex(batching.box.findData("packed"))
    batching.box.activated.emit(batching.box.currentIndex())
    chosen = inspector.listener.heard[-1][1]["batching"]
    assert chosen == Choice(key="packed")
    inspector.set_document(edits.set_recipe(sample.document(), batching=chosen))
    field = batching.form.rows["budget"].field
    typed(field, "512")
    QTest.keyClick(field.edit, Qt.Key.Key_Return)
    assert inspector.listener.heard[-1] == ("recipeChanged", {"batching": Choice(key="packed", knobs={"budget": 512})})


def test_an_option_that_is_not_known_is_kept(inspector):
    odd = edits.set_recipe(sample.document(), optimizer=Choice(key="muon", knobs={"a": 1}))
    inspector.set_document(odd)
    assert inspector.document_page.optimizer.box.currentText() == "muon"


def test_a_long_name_is_read_from_its_beginning(inspector):
    inspector.set_document(replace(sample.document(), name="How to teach a frozen language model to see"))
    assert inspector.document_page.name.cursorPosition() == 0


def test_the_offer_of_three_stages_fits_beside_the_canvas(inspector):
    stages = inspector.document_page.stages
    stages.show_stages(sample.document().recipe, may_be_three=True)
    assert stages.three.isVisible()
    assert stages.minimumSizeHint().width() <= 280  # as narrow as the panel can be


def test_stages_are_added_moved_and_removed(inspector):
    page = inspector.document_page
    page.stages.add.click()
    stages = inspector.listener.heard[-1][1]["stages"]
    assert [stage.name for stage in stages] == ["stage 1", "stage 2"]
    inspector.set_document(edits.set_recipe(sample.document(), stages=stages))
    assert len(page.stages.cards) == 2
    page.stages.cards[1].up.click()
    assert [s.name for s in inspector.listener.heard[-1][1]["stages"]] == ["stage 2", "stage 1"]
    page.stages.cards[0].form.changed.emit("share", 2.0)
    assert inspector.listener.heard[-1][1]["stages"][0] == replace(stages[0], share=2.0)
    page.stages.cards[0].remove.click()
    assert inspector.listener.heard[-1][1]["stages"] == ()


def test_a_stage_says_what_it_trains_and_runs_by_itself(inspector):
    page = inspector.document_page
    assert page.stages.three.isHidden()  # nothing there writes
    stages = (
        Stage(name="text", rules={"vit": Rule(frozen=True)}), Stage(name="all", rules={"vit": Rule(learning_rate=1e-5)}),
    )  # fmt: skip
    inspector.set_document(edits.set_recipe(sample.document(), stages=stages, learning_rate=0.002))
    first, last = page.stages.cards
    titles = titles_of(sample.document())
    assert f"{titles['vit']} 1e-05" in last.span.text()
    assert titles["vit"] not in first.span.text()
    learning = ", ".join(f"{titles[node]} 0.002" for node in ("mixer", "pool", "pool_2"))
    assert first.span.text().endswith(f"trains {learning}")  # the words are frozen in all
    last.run.click()
    assert inspector.listener.heard[-1] == ("stageRequested", 1)
    page.stages.three.click()
    assert inspector.listener.heard[-1] == ("stagesRequested",)


def test_a_node_that_goes_away_leaves_the_document_page(inspector):
    pick(inspector, "vit")
    inspector.set_document(edits.remove_nodes(sample.document(), ["vit"], sample.vocabulary()))
    assert inspector.document_page.isVisible()
    look.changed.emit()
    assert inspector.document_page.isVisible()


def test_a_right_click_on_a_setting_sweeps_it(inspector, monkeypatch):
    heard: list[str] = []
    opened: list[QMenu] = []
    monkeypatch.setattr(QMenu, "popup", lambda menu, *args: opened.append(menu))
    inspector.sweepRequested.connect(heard.append)
    for form, name in ((inspector.document_page.form, "batch_size"), (pick(inspector, "vit").form, "depth")):
        row = form.rows[name]
        for target in (row.label, row.field.edit):
            where = target.rect().center()
            event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, target.mapToGlobal(where))
            QApplication.sendEvent(target, event)
            opened[-1].findChild(QAction, "sweep").trigger()
    assert heard == ["recipe.batch_size"] * 2 + ["vit.depth"] * 2
    assert len(opened[1].actions()) > 3  # a field keeps its own menu below


def test_shared_weights_are_told_with_a_way_there_and_a_way_out(qtbot):
    use_vocabulary(sample.vocabulary())
    inspector = Inspector()
    qtbot.addWidget(inspector)
    inspector.set_vocabulary(sample.vocabulary())
    document = edits.set_rule(edits.share_weights(sample.document(), "pool_2", "pool"), "pool", frozen=True)
    inspector.set_document(document)
    asked, went = [], []
    inspector.commandRequested.connect(asked.append)
    inspector.nodeRequested.connect(went.append)
    inspector.set_selection(["pool_2"])
    line = inspector.node_page.sharing
    assert not line.isHidden()
    assert (line.words.text(), list(line.links)) == ("Same weights as", ["pool"])
    line.links["pool"].click()
    line.own.click()
    assert (went, asked) == (["pool"], ["own_weights"])
    assert inspector.node_page.training.state.buttons["frozen"].isChecked()  # the owner's rule
    inspector.set_selection(["pool"])
    assert inspector.node_page.sharing.words.text() == "Its weights are also in"
    inspector.set_selection(["vit"])
    assert inspector.node_page.sharing.isHidden()
