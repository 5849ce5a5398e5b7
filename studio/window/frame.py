"""What the window is made of: its widgets, where they lie, its pages. Whoever binds them is handed this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QScrollArea,
    QStackedWidget,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.graph.vocabulary import Vocabulary
from studio.session import Session
from studio.watching.pump import Pump
from studio.watching.wall import MonitorWall
from studio.window.pages import Pages
from studio.window.panels import Panels
from studio.window.placing import NARROW, PlacedWindow
from studio.window.rooms import Rooms
from widgets.advice import AdvicePanel
from widgets.canvas.outline import Outline
from widgets.canvas.view import CanvasView
from widgets.inside.panel import InsidePanel
from widgets.inspector.inspector import Inspector
from widgets.look import icons
from widgets.look.language import tr
from widgets.loose import LooseSplitter, LooseStack
from widgets.message_bar import MessageBar
from widgets.open_tab_bar import OpenTabBar
from widgets.palette.palette import Palette
from widgets.problems import ProblemsPanel
from widgets.timeline import Timeline
from widgets.top_bar import TopBar
from widgets.totals_line import TotalsLine

if TYPE_CHECKING:
    from widgets.inspection.page import InspectPage
    from widgets.library.library import LibraryView
    from widgets.query.page import QueryPage

LEAST_ROW, LEAST_CANVAS = 205, 220  # pixels of the monitors under the canvas, and of the canvas
LEFT, RIGHT, BOTTOM = (
    Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea,
)  # fmt: skip


class Frame(PlacedWindow):
    """The widgets around one session, placed; nothing is bound yet."""

    pageShown = Signal(str)
    totalsPressed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.words = Vocabulary()  # what blocks and options are drawn with
        icons.put_off()
        self.setWindowTitle("Crossmodal Studio")
        self.setDockNestingEnabled(True)
        self.setDockOptions(QMainWindow.DockOption.AllowNestedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        self._make_widgets()
        self._place()

    # Making and placing

    def _make_widgets(self) -> None:
        self.canvas, self.palette_panel, self.inspector = CanvasView(), Palette(), Inspector()
        self.outline, self.problems, self.inside = Outline(), ProblemsPanel(), InsidePanel()
        self.advice = AdvicePanel()
        self.outline.bind(self.canvas)
        self.timeline, self.tab_bar = Timeline(), OpenTabBar()
        self.pump = Pump(lambda uid: self.session.library.reader(uid), self)
        self.wall = MonitorWall(self.pump, self)
        self.walls = LooseSplitter(Qt.Orientation.Horizontal)  # one, or two where a second run is beside
        self.walls.setChildrenCollapsible(False)
        self.walls.addWidget(self.wall.page)
        self.pages = Pages(
            self.session,
            self.canvas,
            {"train": self.walls},
            {
                "inspect": lambda: self.inspect,
                "query": lambda: self.query,
                "runs": lambda: self.library,
                "data": lambda: self.rooms.data().panel,
                "sweeps": lambda: self.rooms.sweeps().view,
            },
            {
                "train": lambda: self.timeline,
                "runs": lambda: self.library.view,
                "sweeps": lambda: self.rooms.sweeps().view.list,
            },
            self.show_page,
        )
        self.top = TopBar([(key, tr(title, "page")) for key, title in self.pages.TITLES.items()])
        self.rooms = Rooms(self.session, self.canvas.reveal, self.show_page, self.show_beside, self.show_runs, self.top)
        self.canvas.set_reduced_motion(self.session.preferences.reduced_motion)
        self.canvas.wheel_zooms = self.session.preferences.wheel_zooms

    def _place(self) -> None:
        self.setMenuWidget(self.top)
        self.stack = LooseStack()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.tab_bar)
        column.addWidget(self.stack, 1)
        self.messages = MessageBar(self.stack)  # below the tabs
        self.setCentralWidget(page)
        self.pages.fill(self.stack)
        left = QTabWidget()
        left.setDocumentMode(True)
        left.setMinimumWidth(170)
        left.addTab(self.palette_panel, tr("Blocks"))
        left.addTab(self.outline, tr("Outline"))
        left.addTab(self.problems, tr("Problems"))
        left.addTab(self.advice, tr("Advice"))
        left.setUsesScrollButtons(False)
        left.setElideMode(Qt.TextElideMode.ElideRight)
        left.tabBar().setStyleSheet("QTabBar::tab { padding: 7px 5px; }")
        self._left_tabs = left
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(280)
        scroll.setWidget(self.inspector)
        self._side_tabs = QTabWidget()
        self._side_tabs.setDocumentMode(True)
        self._side_tabs.addTab(scroll, tr("Settings"))
        self._side_tabs.addTab(self.inside, tr("Inside"))
        self._side = QStackedWidget()
        self._side.addWidget(self._side_tabs)
        self.docks = {
            "left": self._dock("left", tr("Blocks"), left, LEFT),
            "inspector": self._dock("inspector", tr("Settings panel"), self._side, RIGHT),
            "monitors": self._dock("monitors", tr("Monitors"), self.wall.row, BOTTOM),
        }
        self.panels = Panels(self, self.docks, self.session.preferences, self._default_sizes)
        for corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
            self.setCorner(corner, BOTTOM)
        bar = QToolBar(tr("Timeline"))
        bar.setObjectName("timeline")
        bar.setMovable(False)
        bar.addWidget(self.timeline)
        self.addToolBar(Qt.ToolBarArea.BottomToolBarArea, bar)
        self._timeline_bar = bar
        self.totals_line = TotalsLine()
        self.totals_line.clicked.connect(self.totalsPressed)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self.totals_line, 1)

    def _dock(self, key: str, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title)
        dock.setObjectName(key)
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    # Pages

    @property
    def query(self) -> QueryPage:
        """Made when it is first wanted, as the next two."""
        return self.rooms.query().page

    @property
    def inspect(self) -> InspectPage:
        """One sample, closely."""
        return self.rooms.inspect().page

    @property
    def library(self) -> LibraryView:
        """All runs."""
        return self.rooms.runs().page

    def show_runs(self, uids: tuple[str, ...]) -> None:
        """The page of the runs with these selected."""
        self.show_page("runs")
        self.library.select(uids)

    def chosen_runs(self) -> tuple[str, ...]:
        """Those selected on the page of the runs."""
        return self.library.selected() if self.rooms.runs.is_made else ()

    def show_page(self, key: str) -> None:
        """Design, data, train, inspect, query, runs, sweeps, or the gallery."""
        if self.pages.current:
            self.session.preferences.keep_layout(self.pages.current, self.saveState())
        self.pages.show(key, self.stack)
        designing = key == "design"
        self.panels.show(designing, self.width() < NARROW)
        self._timeline_bar.setVisible(key in ("design", "train"))
        self.wall.place(in_row=designing, all_of_them=key == "train")
        self.messages.keep_low(not designing)
        self.top.set_page(key)
        self.pageShown.emit(key)
        kept = self.session.preferences.layout(key)
        if kept is None or not self.restoreState(kept):
            self._default_sizes()
            QTimer.singleShot(0, self, self._default_sizes)  # again once the docks have been laid out
        elif designing:
            self.panels.show(True, self.width() < NARROW)
            QTimer.singleShot(0, self, self._keep_canvas)
        self.pages.focus(key).setFocus()

    def _default_sizes(self) -> None:
        docks = [self.docks["left"], self.docks["inspector"]]
        self.resizeDocks(docks, [252, 320], Qt.Orientation.Horizontal)
        high = max(LEAST_ROW, round(0.3 * self.height()))  # a low window keeps room for the canvas
        self.resizeDocks([self.docks["monitors"]], [high], Qt.Orientation.Vertical)

    def _keep_canvas(self) -> None:
        """A layout of a larger window, or of a smaller interface, may leave the canvas a slit."""
        if self.canvas.isVisible() and self.canvas.height() < LEAST_CANVAS:
            self._default_sizes()

    def run_started(self) -> None:
        """A run began: its monitors are under the canvas; nothing jumps."""
        self.pump.go_live()

    def show_beside(self, panel: QWidget | None = None) -> None:
        """Beside the drawing: a panel, or the settings."""
        if panel is not None and self._side.indexOf(panel) < 0:
            self._side.addWidget(panel)
        self._side.setCurrentWidget(panel or self._side_tabs)

    def show_inspector(self) -> None:
        """Bring the settings to the front."""
        self.panels.bring("inspector")
        self.show_beside()
        self._side_tabs.setCurrentIndex(0)
        self.inspector.setFocus()

    def show_inside(self) -> None:
        """Bring what flows inside to the front."""
        if self.pages.current != "design":
            self.show_page("design")
        self.panels.bring("inspector")
        self.show_beside()
        self._side_tabs.setCurrentWidget(self.inside)

    def show_left(self, panel: QWidget) -> None:
        """One of the lists at the left."""
        self._left_tabs.setCurrentWidget(panel)

    def show_outline(self) -> None:
        """The drawing as a list, with the keys."""
        self.panels.bring("left")
        self._left_tabs.setCurrentWidget(self.outline)
        self.outline.tree.setFocus()

    def next_panel(self, step: int) -> None:
        """The keys go to the next panel that is in sight: page, settings, list at the left, monitors, timeline, top."""
        left = self._left_tabs.currentWidget()
        panels = [
            self.pages.focus(self.pages.current),
            self.inspector,
            left.focusProxy() or left,
            self.wall.row,
            self.timeline,
            self.top,
        ]
        seen = [panel for panel in panels if panel is not None and panel.isVisible()]
        now = QApplication.focusWidget()
        here = next(
            (n for n, panel in enumerate(seen) if now is not None and (panel is now or panel.isAncestorOf(now))), -step
        )
        _focus_in(seen[(here + step) % len(seen)])

    def show_help(self, block: str) -> None:
        """What a block is for."""
        spec = self.session.vocabulary.spec(block)
        papers = "  ".join(f"arXiv:{paper}" for paper in spec.papers)
        self.session.say(tr("{name}: {text}", name=tr(spec.title), text=f"{tr(spec.summary)} {papers}".strip()))

    def reveal(self, node: str) -> None:
        """Go to a node on the canvas."""
        self.show_page("design")
        *path, key = self.session.levels.place_of(node)
        self.session.levels.go_to(path)
        self.canvas.reveal(key)

    def show_totals(self, words: str) -> None:
        """Cost of the whole drawing, in one line."""
        self.totals_line.setText(words)

    def cursor_step(self) -> int:
        """Where the timeline stands."""
        return self.pump.cursor.step

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What nobody with the focus used drives the timeline: play, step, jump, back to live."""
        if event.key() == Qt.Key.Key_Escape and self.pages.current == "gallery":
            self.show_page(self.pages.before)
            return
        if not (self._timeline_bar.isVisible() and self.timeline.take_key(event)):
            super().keyPressEvent(event)


def _focus_in(panel: QWidget) -> None:
    """The keys go to a panel, or to the first thing in it, as Tab goes, that takes them."""
    taker: QWidget | None = panel
    while taker is not None and not (_takes_keys(taker) and (taker is panel or panel.isAncestorOf(taker))):
        taker = taker.nextInFocusChain()
        if taker is panel:
            break
    (taker or panel).setFocus(Qt.FocusReason.TabFocusReason)


def _takes_keys(widget: QWidget) -> bool:
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.isVisible() and widget.isEnabled()
