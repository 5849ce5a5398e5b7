"""The window: places docks and pages, restores the layout. Nothing else."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QLabel,
    QMainWindow,
    QScrollArea,
    QStackedWidget,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from studio import bindings
from studio.asking import Asking
from studio.comparing import Comparing
from studio.device_line import DeviceLine
from studio.dialogs import Dialogs
from studio.menus import Menus
from studio.monitor_wall import MonitorWall
from studio.pages import Pages
from studio.placing import NARROW, PlacedWindow
from studio.pump import Pump
from studio.running import Running
from studio.scaling import scale_now, scale_screens
from studio.session import Session
from studio.sweep_page import SweepPage
from widgets.canvas.outline import Outline
from widgets.canvas.view import CanvasView
from widgets.desk.desk import DeskView
from widgets.inspector.inspector import Inspector
from widgets.library.library import LibraryView
from widgets.look import icons
from widgets.look.language import tr
from widgets.look.theme import look, theme
from widgets.loose import LooseStack
from widgets.message_bar import MessageBar
from widgets.palette.palette import Palette
from widgets.problems import ProblemsPanel
from widgets.sweeps.plan_form import PlanForm
from widgets.sweeps.sweeps import SweepsView
from widgets.timeline import Timeline
from widgets.top_bar import TopBar

LEFT, RIGHT, BOTTOM = (
    Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea,
)  # fmt: skip


class Window(PlacedWindow):
    """Everything a person sees, around one session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        session.window = self
        icons.put_off()
        self.setWindowTitle("Crossmodal Studio")
        self.setDockNestingEnabled(True)
        self.setDockOptions(QMainWindow.DockOption.AllowNestedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        self._make_widgets()
        self._place()
        self.menus = Menus(session, self, self.canvas)
        self.dialogs = Dialogs(session, self)
        run, pause, *stops = (self.menus.entry(key) for key in ("run", "pause", "stop", "stop_and_evaluate"))
        self.top.set_controls(run, [pause, stops], self.menus.menus["Run"])
        self.top.set_menu(self.menus.whole)
        self.asking, self.comparing = Asking(session, self.desk), Comparing(session, self.library)
        bindings.bind_design(session, self)
        bindings.bind_runs(session, self)
        self.wall.when_filled(lambda: bindings.bind_monitors(session, self))
        self.sweep_page = SweepPage(session, self)
        self.running = Running(session, self.top.run, self.pump)
        self.load = DeviceLine(self.top)
        session.messageRaised.connect(self.messages.show_message)
        session.setAside.connect(self.dialogs.offer_back)
        self.top.pageRequested.connect(self.show_page)
        look.changed.connect(self.restyle)
        bindings.show_vocabulary(self, session.vocabulary)
        self.restyle()
        self.restore_place()
        self.show_page("design")

    # Making and placing

    def _make_widgets(self) -> None:
        self.canvas, self.palette_panel, self.inspector = CanvasView(), Palette(), Inspector()
        self.outline, self.problems = Outline(), ProblemsPanel()
        self.outline.bind(self.canvas)
        self.library, self.desk, self.timeline = LibraryView(), DeskView(), Timeline()
        self.sweeps, self.plan_form = SweepsView(), PlanForm()
        self.pump = Pump(self.session.library.reader, self)
        self.wall = MonitorWall(self.pump, self)
        self.pages = Pages(self.session, self)
        self.top = TopBar([(key, tr(title, "page")) for key, title in self.pages.TITLES.items()])
        self.canvas.set_reduced_motion(self.session.preferences.reduced_motion)

    def _place(self) -> None:
        self.setMenuWidget(self.top)
        self.stack = LooseStack()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.stack, 1)
        self.messages = MessageBar(page)
        self.setCentralWidget(page)
        self.pages.fill(self.stack)
        left = QTabWidget()
        left.setDocumentMode(True)
        left.setMinimumWidth(170)
        left.addTab(self.palette_panel, tr("Blocks"))
        left.addTab(self.outline, tr("Outline"))
        left.addTab(self.problems, tr("Problems"))
        self._left_tabs = left
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(280)
        scroll.setWidget(self.inspector)
        self._side = QStackedWidget()
        for widget in (scroll, self.plan_form):
            self._side.addWidget(widget)
        self.docks = {
            "left": self._dock("left", tr("Blocks"), left, LEFT),
            "inspector": self._dock("inspector", tr("Settings panel"), self._side, RIGHT),
            "monitors": self._dock("monitors", tr("Monitors"), self.wall.row, BOTTOM),
        }
        for corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
            self.setCorner(corner, BOTTOM)
        bar = QToolBar(tr("Timeline"))
        bar.setObjectName("timeline")
        bar.setMovable(False)
        bar.addWidget(self.timeline)
        self.addToolBar(Qt.ToolBarArea.BottomToolBarArea, bar)
        self._timeline_bar = bar
        self._totals = QLabel()
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self._totals, 1)

    def _dock(self, key: str, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title)
        dock.setObjectName(key)
        dock.setWidget(widget)
        dock.setTitleBarWidget(QWidget())  # each panel has a header of its own
        self.addDockWidget(area, dock)
        return dock

    # Pages

    def show_page(self, key: str) -> None:
        """Design, data, train, inspect, runs, sweeps, or the gallery."""
        if self.pages.current:
            self.session.preferences.keep_layout(self.pages.current, self.saveState())
        self.pages.show(key, self.stack)
        designing = key == "design"
        self.docks["left"].setVisible(designing and self.width() >= NARROW)
        self.docks["inspector"].setVisible(designing)
        self.docks["monitors"].setVisible(designing)
        self._timeline_bar.setVisible(key in ("design", "train"))
        self.wall.place(in_row=designing, all_of_them=key == "train")
        self.messages.keep_low(not designing)
        self.top.set_page(key)
        kept = self.session.preferences.layout(key)
        if kept is None or not self.restoreState(kept):
            self._default_sizes()
            QTimer.singleShot(0, self._default_sizes)  # again once the docks have been laid out
        self.pages.focus(key).setFocus()

    def _default_sizes(self) -> None:
        docks = [self.docks["left"], self.docks["inspector"]]
        self.resizeDocks(docks, [232, 320], Qt.Orientation.Horizontal)
        self.resizeDocks([self.docks["monitors"]], [270], Qt.Orientation.Vertical)

    def run_started(self) -> None:
        """A run began: its monitors are under the canvas; nothing jumps."""
        self.pump.go_live()

    def show_side(self, what: str) -> None:
        """Beside the drawing: the settings, or the plan of the sweep."""
        self._side.setCurrentIndex(int(what == "sweep"))

    def show_inspector(self) -> None:
        """Bring the settings to the front."""
        self.docks["inspector"].show()
        self.show_side("settings")
        self.inspector.setFocus()

    def show_help(self, block: str) -> None:
        """What a block is for."""
        spec = self.session.vocabulary.spec(block)
        papers = "  ".join(f"arXiv:{paper}" for paper in spec.papers)
        self.session.say(tr("{name}: {text}", name=tr(spec.title), text=f"{tr(spec.summary)} {papers}".strip()))

    def reveal(self, node: str) -> None:
        """Go to a node on the canvas."""
        self.show_page("design")
        self.canvas.reveal(node)

    def show_totals(self, words: str) -> None:
        """Cost of the whole drawing, in one line."""
        self._totals.setText(words)

    def cursor_step(self) -> int:
        """Where the timeline stands."""
        return self.pump.cursor.step

    # Look and language

    def use_theme(self, name: str) -> None:
        """Light, dark or as the system says."""
        self.session.preferences.theme = name
        self.dialogs.apply_theme(name)

    def use_language(self, name: str) -> None:
        """Speak another language: the window is made anew around the same session."""
        self.session.preferences.language = name
        self.dialogs.rebuild()

    def use_scale(self, factor: float) -> None:
        """Another size, at once where Qt can; the window is made anew around the same session."""
        self.session.preferences.scale = factor
        percent, at_once = round(self.session.preferences.scale * 100), scale_screens(scale_now())
        if at_once:
            self.dialogs.rebuild()
            self.session.say(tr("Size of the interface: {percent} %.", percent=percent))
        else:
            self.session.say(tr("The interface has this size from the next start: {percent} %.", percent=percent))

    def open_commands(self) -> None:
        """The palette of commands."""
        self.dialogs.open_commands()

    def show_keys(self) -> None:
        """All keys on one sheet."""
        self.dialogs.show_keys()

    def show_doctor(self) -> None:
        """What is installed and what is missing."""
        self.dialogs.show_doctor()

    def ask_rate(self) -> None:
        """A new learning rate for the run that trains."""
        self.dialogs.ask_rate()

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self.setStyleSheet(
            f"QMainWindow {{ background: {c.window}; }} QStatusBar {{ background: {c.panel}; color: {c.muted}; "
            f"border-top: 1px solid {c.line}; }} QSplitter::handle {{ background: transparent; }} QStatusBar QLabel {{ color: {c.muted}; padding: 0 8px; }} "
            f"QToolBar#timeline {{ background: {c.panel}; border: none; border-top: 1px solid {c.line}; padding: 0; }}"
        )

    # Beginning and end

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What nobody with the focus used drives the timeline: play, step, jump, back to live."""
        if event.key() == Qt.Key.Key_Escape and self.pages.current == "gallery":
            self.show_page(self.pages.before)
            return
        if not (self._timeline_bar.isVisible() and self.timeline.take_key(event)):
            super().keyPressEvent(event)

    def after_first_picture(self) -> None:
        """What costs time and is not needed to be seen: icons, torch, lost documents."""
        if not self.isVisible():  # closed at once
            return
        self.menus.load_icons()
        self.session.start()
        self.dialogs.offer_recovery()
        QTimer.singleShot(0, self.canvas.fit_all)
        QTimer.singleShot(0, self, self.wall.fill)  # once what the window system said of the first picture was heard

    def closeEvent(self, event: QCloseEvent) -> None:
        """Runs of this window are saved and stopped first; a run in a process of its own goes on."""
        if not self.dialogs.may_close():
            event.ignore()
            return
        self.release()
        self.session.close()
        super().closeEvent(event)

    def release(self) -> None:
        """Stop timers and threads of this window; the session goes on."""
        if self.pages.current:
            self.session.preferences.keep_layout(self.pages.current, self.saveState())
        self.session.preferences.geometry = self.saveGeometry()
        self.load.close()
        self.asking.close()
        self.comparing.close()
        self.pump.close()
