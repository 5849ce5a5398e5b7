"""Who hears whom: the session's news go to widgets, the widgets' wishes go to the session. No decisions here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from core.graph import edits, negatives_row
from core.graph.analysis import Analysis
from core.graph.document import Document
from core.graph.file import loads
from core.graph.staging import three_stages
from core.graph.subgraphs.definitions import PREFIX
from core.problems import Refused
from core.telemetry.events import ENDED
from studio.asking.exporting import export_model, export_tower
from studio.asking.film_strips import bind_film_strips
from studio.asking.judging import Judging
from studio.asking.judging_made import JudgingMade
from studio.asking.records import export_to_tensorboard
from studio.asking.table_columns import bind_columns
from studio.asking.teachers import judges, offer_teachers
from studio.session import Session
from studio.telling.sentences import refusal
from studio.window.frame import Frame
from studio.window.rooms import RunsRoom
from studio.window.totals import totals
from widgets.look.language import tr
from widgets.look.titles import titles_of, use_vocabulary

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.database import Store

OF_IMPORTED = ("imported", "made")  # histograms; images and audio
Act = Callable[[], None]


def bind_design(session: Session, window: Frame, ask_rate: Act) -> None:
    """Document, canvas, palette, inspector, outline, problems."""
    canvas, inspector = window.canvas, window.inspector
    canvas.learned = session.learning.learned
    session.levelChanged.connect(partial(show_level, session, window))
    session.documentChanged.connect(lambda d: window.top.set_name(d.name, session.history.is_changed))
    session.stateChanged.connect(lambda: window.top.set_name(session.document.name, session.history.is_changed))
    session.vocabularyChanged.connect(partial(show_vocabulary, window))
    session.analysisChanged.connect(partial(show_analysis, session, window))
    canvas.documentEdited.connect(session.levels.edit)
    canvas.enterRequested.connect(session.levels.enter)
    canvas.leaveRequested.connect(lambda: go_out(session, window, len(session.levels.path) - 1))
    canvas.levelRequested.connect(partial(go_out, session, window))
    canvas.placeRequested.connect(window.reveal)
    canvas.borderRequested.connect(session.levels.change_border)
    canvas.messageRaised.connect(session.say)
    canvas.fixRequested.connect(session.apply_fix)
    canvas.selectionChanged.connect(inspector.set_selection)
    canvas.selectionChanged.connect(lambda nodes: window.show_beside() if nodes else None)
    canvas.inspectRequested.connect(lambda node: window.show_inspector())
    canvas.helpRequested.connect(window.show_help)
    window.palette_panel.blockRequested.connect(canvas.add_block)
    window.palette_panel.forgetRequested.connect(
        lambda block: session.levels.change_border(
            "remove_subgraph", {}, tr("Forget this subgraph"), block.removeprefix(PREFIX)
        )
    )
    window.problems.nodeRequested.connect(window.reveal)
    window.problems.fixRequested.connect(session.apply_fix)
    window.advice.nodeRequested.connect(window.reveal)
    window.advice.exampleRequested.connect(window.pages.open_example)
    bind_inspector(session, window, ask_rate)


def bind_inspector(session: Session, window: Frame, ask_rate: Act) -> None:
    """The inspector's wishes become edits."""
    inspector = window.inspector

    levels = session.levels

    def edit(document: Document, name: str, join: str = "") -> None:
        levels.edit(document, name, join)

    def turn(node: str, name: str, value: Any) -> None:
        spec = session.vocabulary.spec(levels.document.nodes[node].block)
        default = next((knob.default for knob in spec.knobs if knob.name == name), None)
        edit(edits.set_knob(levels.document, node, name, value, default), tr("Change a setting"), f"{node}.{name}")

    def rules(nodes: list[str], fields: dict[str, Any]) -> None:
        document = levels.document
        for node in nodes:
            document = edits.set_rule(document, node, **fields)
        edit(document, tr("Change training"))

    def stages() -> None:
        names = tr("connector alone"), tr("connector and decoder"), tr("everything")
        found = three_stages(session.document, session.vocabulary, names)
        session.edit(edits.set_recipe(session.document, stages=found), tr("Three stages"))

    bind_columns(session, inspector)
    bind_film_strips(session, inspector)
    inspector.knobChanged.connect(turn)

    def arrange(what: str, arguments: dict[str, Any]) -> None:
        change = getattr(negatives_row, what)
        fresh = session.attempt(lambda: change(levels.document, vocabulary=session.vocabulary, **arguments))
        if fresh is not None:
            edit(fresh, tr("Change the negatives"))

    inspector.negativesRequested.connect(arrange)
    inspector.ruleChanged.connect(
        lambda node, fields: edit(
            edits.set_rule(levels.document, node, **fields), tr("Change training"), f"{node}.rule"
        )
    )
    inspector.rulesChanged.connect(rules)
    inspector.repeatChanged.connect(
        lambda node, count: edit(edits.change_node(levels.document, node, repeat=count), tr("Repeat"), f"{node}.repeat")
    )
    inspector.titleChanged.connect(
        lambda node, title: edit(edits.change_node(levels.document, node, title=title), tr("Rename"), f"{node}.title")
    )
    inspector.recipeChanged.connect(
        lambda fields: session.edit(
            edits.set_recipe(session.document, **fields), tr("Change the training recipe"), "recipe." + ",".join(fields)
        )
    )
    inspector.nameChanged.connect(lambda name: session.edit(edits.rename(session.document, name), tr("Rename"), "name"))
    inspector.noteChanged.connect(
        lambda note: session.edit(replace(session.document, note=note), tr("Change the note"), "note")
    )
    inspector.rateRequested.connect(ask_rate)
    inspector.stageRequested.connect(session.run_stage)
    inspector.stagesRequested.connect(stages)
    inspector.linkRequested.connect(lambda link: QDesktopServices.openUrl(QUrl(link)))
    inspector.nodeRequested.connect(window.canvas.reveal)
    inspector.borderRequested.connect(levels.change_border)
    inspector.commandRequested.connect(lambda method: getattr(window.canvas, method)())


def go_out(session: Session, window: Frame, depth: int) -> None:
    """To the level of so many entered subgraphs; the one that was left is selected."""
    left = session.levels.path[depth : depth + 1]
    session.levels.go_to(session.levels.path[:depth])
    window.canvas.setFocus()
    window.canvas.select(left)


def show_level(session: Session, window: Frame, document: Document) -> None:
    """The level that is looked at: its drawing, its words, its way back, what the compiler found of it."""
    session.tell_words()
    another = document.id != window.canvas.document.id
    window.canvas.set_document(document)
    window.canvas.set_way(session.levels.titles, session.levels.copies)
    window.inspector.set_document(document, session.levels.of_copy())
    window.outline.set_document(document)
    if session.document.definitions:
        show_analysis(session, window, session.analysis)
    if another:
        show_running(session, window)


def show_vocabulary(window: Frame, words: Any) -> None:
    """New words for everyone who draws with them; those that were kept are mostly what is then read, and stay."""
    use_vocabulary(words)
    same = words == window.words and words.options == window.words.options and words.unlisted == window.words.unlisted
    if words and same:
        return
    window.words = words
    window.canvas.set_vocabulary(words)
    window.palette_panel.set_vocabulary(words)
    window.inspector.set_vocabulary(words)
    window.outline.set_vocabulary(words)


def show_analysis(session: Session, window: Frame, analysis: Analysis | None) -> None:
    """Facts on the canvas, Problems in the list, totals in the status bar."""
    here, titles = session.levels.analysis(analysis), titles_of(session.document)
    window.canvas.set_analysis(here)
    window.canvas.show_problems(analysis.problems if analysis else (), titles if session.document.definitions else {})
    window.inspector.set_analysis(here)
    window.outline.set_analysis(here)
    window.problems.set_problems(analysis.problems if analysis else (), titles)
    window.show_totals(totals(session))


def diagnostics_of(session: Session, uid: str) -> set[str] | None:
    """The diagnostics that a run was told to use; None where no run is watched or its document cannot be read.

    A run of another program has none: what it can bring beside figures is told by its monitors.
    """
    facts = session.facts(uid)
    if facts is not None and facts.is_imported:
        return set(OF_IMPORTED)
    try:
        return set(loads(session.library.document_text(uid)).recipe.diagnostics) if uid else None
    except Refused:
        return None


def bind_sweeps(session: Session, window: Frame) -> None:
    """What is asked of sweeps elsewhere than on their page."""
    sweeps = window.rooms.sweeps
    session.sweeping.begun.connect(lambda uid: sweeps().show_begun(uid))
    window.pageShown.connect(lambda key: sweeps().shown() if key == "sweeps" else None)
    window.inspector.sweepRequested.connect(lambda path: sweeps().sweep_setting(path))
    window.canvas.ablateRequested.connect(lambda nodes: sweeps().ablate(nodes))
    window.canvas.alternativesRequested.connect(lambda node: sweeps().try_alternatives(node))


def bind_data(window: Frame) -> None:
    """The data are looked at when their page is shown."""
    window.pageShown.connect(lambda key: window.rooms.data().check() if key == "data" else None)


def bind_runs(session: Session, window: Frame, fork: Callable[[str, int], None]) -> None:
    """Monitors and timeline; ``fork`` asks for a fork of a run."""
    pump, timeline = window.pump, window.timeline
    session.watchedChanged.connect(lambda uid, step: pump.set_runs(uid, step=None if step < 0 else step))
    session.watchedChanged.connect(lambda uid, step: window.wall.show_diagnostics(diagnostics_of(session, uid)))
    session.runsChanged.connect(lambda runs: offer_teachers(session.store.files, runs))
    session.runsChanged.connect(lambda runs: show_running(session, window))
    session.runsChanged.connect(lambda runs: window.show_totals(totals(session)))
    session.watchedChanged.connect(lambda *_: show_running(session, window))
    pump.headMoved.connect(timeline.set_head)
    pump.cursorMoved.connect(lambda cursor: timeline.set_cursor(cursor.step, cursor.follows_head))
    pump.marksChanged.connect(timeline.set_marks)
    pump.placed.connect(timeline.set_place)
    pump.failed.connect(lambda sentence: session.say(sentence, "warning"))
    timeline.cursorMoved.connect(pump.set_step)
    timeline.liveRequested.connect(pump.go_live)
    timeline.axisChanged.connect(pump.set_axis)
    pump.marksChanged.connect(lambda _: timeline.set_kept(kept_steps(session)))
    timeline.forkRequested.connect(lambda step: fork(session.watched, step))
    timeline.openRequested.connect(lambda: open_document(session, window, session.watched))
    window.rooms.runs.when_made(lambda room: room.page.forkRequested.connect(fork))


def bind_monitors(session: Session, window: Frame, ask_rate: Act) -> Judging:
    """The rate can be changed where it is drawn. The monitor of any metric: its pins are kept, and the runs selected in
    Runs are drawn beside the watched one."""
    judging = Judging(session, window.wall.monitors["similarity"])  # type: ignore[arg-type]
    Judging(session, window.wall.monitors["embedding_map"])  # type: ignore[arg-type]
    rates, metrics = window.wall.monitors["rates"], window.wall.monitors["metrics"]
    rates.rateRequested.connect(ask_rate)  # type: ignore[attr-defined]
    pump = window.pump
    metrics.set_pins(session.preferences.pinned_metrics)  # type: ignore[attr-defined]
    metrics.pinsChanged.connect(  # type: ignore[attr-defined]
        lambda pins: setattr(session.preferences, "pinned_metrics", pins)
    )
    show_running(session, window)
    window.rooms.runs.when_made(lambda room: room.page.selectionChanged.connect(lambda uids: pump.set_beside(*uids)))
    session.watchedChanged.connect(lambda *_: pump.set_beside(*window.chosen_runs()))
    return judging


def kept_words(store: Store) -> str:
    """Where runs lie, as the page of runs says it."""
    if store.is_file:
        return tr("Kept in {place}", place=store.place)
    return tr("Kept in {place}; large files in {folder}", place=store.place, folder=str(store.files))


def bind_library(
    session: Session, window: Frame, room: RunsRoom, go_on: Callable[[str], None], judging: JudgingMade
) -> None:
    """The library's wishes; ``go_on`` continues a run."""
    library = room.page
    session.runsChanged.connect(library.set_runs)
    library.set_place(kept_words(session.store))

    def tell(act: Any) -> None:
        session.attempt(act)
        session.refresh_runs()

    def compare_all(uids: tuple[str, ...]) -> None:
        runs = [facts for uid in uids if (facts := session.facts(uid))]
        library.show_comparison(runs, [document_of(session, facts.uid) for facts in runs])
        room.comparing.show(runs)

    def replay(uid: str) -> None:
        session.watch(uid, 0)
        window.show_page("train")
        window.timeline.play()

    def continue_run(uid: str) -> None:
        go_on(uid)
        window.show_page("train")

    library.openDocumentRequested.connect(partial(open_document, session, window))
    library.replayRequested.connect(replay)
    library.continueRequested.connect(continue_run)
    library.compareRequested.connect(compare_all)
    library.judgeRequested.connect(judging.start)
    library.renameRequested.connect(lambda uid, name: tell(lambda: session.library.rename(uid, name)))
    library.tagsRequested.connect(lambda uid, tags: tell(lambda: session.library.set_tags(uid, tags)))
    library.notesRequested.connect(lambda uid, notes: tell(lambda: session.library.set_notes(uid, notes)))
    library.deleteRequested.connect(lambda uids: tell(partial(for_each, session.library.delete, uids)))
    library.restoreRequested.connect(lambda uids: tell(partial(for_each, session.library.restore, uids)))
    library.exportRequested.connect(lambda uids, path: session.engine.ask(
        lambda: session.library.export_csv(uids, path),
        lambda rows, why: session.say(why or tr("{rows} points written to {path}.", rows=f"{rows:,}", path=path), "error" if why else "hint"),
    ))  # fmt: skip
    library.modelRequested.connect(partial(export_model, session))
    library.towerRequested.connect(partial(export_tower, session))
    library.tensorboardRequested.connect(partial(export_to_tensorboard, session))
    library.selectionChanged.connect(partial(show_checkpoints, session, window))
    library.failed.connect(lambda sentence: session.say(sentence, "error"))
    library.set_runs(session.runs)


def open_document(session: Session, window: Frame, uid: str) -> None:
    """The document of a run, on the page Design."""
    document = document_of(session, uid)
    if document is not None:
        session.show(document)
        window.show_page("design")


def for_each(act: Callable[[str], None], uids: tuple[str, ...]) -> None:
    """The same for several runs."""
    for uid in uids:
        act(uid)


def kept_steps(session: Session) -> tuple[int, ...]:
    """The steps at which the watched run can be forked."""
    if not session.facts(session.watched):
        return ()
    found = session.attempt(lambda: session.library.reader(session.watched).checkpoints())
    return tuple(each.step for each in found or () if each.kept)


def show_checkpoints(session: Session, window: Frame, uids: tuple[str, ...]) -> None:
    """The steps a selected run can be forked from."""
    if len(uids) == 1 and session.facts(uids[0]):
        window.library.set_judges(judges(session.store.files, session.runs))
        window.library.set_checkpoints(uids[0], session.library.reader(uids[0]).checkpoints())


def document_of(session: Session, uid: str) -> Document | None:
    """The document a run was started with; a damaged one is said."""
    try:
        return loads(session.library.reader(uid).document_text())
    except Refused as refused:
        session.say(refusal(refused), "error")
        return None


def show_running(session: Session, window: Frame) -> None:
    """Which nodes glow: those of the document that trains now."""
    facts = session.facts(session.watched)
    trains = facts is not None and facts.status not in ENDED and facts.document_id == session.document.id
    window.canvas.set_running(session.levels.document.nodes if trains else ())
    active = session.active
    window.inspector.document_page.set_trains(active is not None and active.document_id == session.document.id)
    if window.wall.is_filled:
        window.wall.monitors["rates"].change.setEnabled(active is not None)  # type: ignore[attr-defined]
