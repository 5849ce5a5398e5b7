"""A made image close up: original and difference beside it where there are any, other runs under it, enlarged with hard edges."""

from __future__ import annotations

from collections.abc import Callable
from math import floor

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QImage, QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from widgets.look.files import save_file
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.made.cells import caption_of
from widgets.monitors.made.made_film import MadeFilm
from widgets.monitors.made.made_images import TIMES, MadeValue, Pane

GAP, MOST_ZOOM = 8, 64


class Panes(QWidget):
    """Images side by side at one scale: whole numbers of pixels, so that each is seen as it is."""

    def __init__(self) -> None:
        super().__init__()
        self._panes: tuple[Pane, ...] = ()
        self.zoom = 1.0

    def set_panes(self, panes: tuple[Pane, ...], zoom: float) -> None:
        """Show these at so many screen pixels for one of theirs."""
        self._panes, self.zoom = panes, zoom
        self.resize(self.sizeHint())
        self.update()

    def places(self) -> list[QRectF]:
        """Where each lies; a run a row, what has the same role in one column."""
        rows = [[pane for pane in self._panes if pane.run == run] for run in dict.fromkeys(p.run for p in self._panes)]
        columns = max((len(row) for row in rows), default=0)
        wide = [max(self._wide(row[n]) for row in rows if n < len(row)) for n in range(columns)]
        head, found, top = float(self.fontMetrics().height() + 2), [], 0.0
        for row in rows:
            found += [QRectF(sum(wide[:n]) + n * GAP, top + head, *self._size(pane)) for n, pane in enumerate(row)]
            top = max(place.bottom() for place in found) + GAP
        return found

    def _size(self, pane: Pane) -> tuple[float, float]:
        image = pane.tile.image
        return (image.width() * self.zoom, image.height() * self.zoom) if image is not None else (96.0, 48.0)

    def _wide(self, pane: Pane) -> float:
        """Room for the image and for its name."""
        return max(self._size(pane)[0], float(self.fontMetrics().horizontalAdvance(self._name(pane)) + 4))

    def _name(self, pane: Pane) -> str:
        name = {
            "made": tr("made"),
            "original": tr("original"),
            "difference": tr("difference"),
        }[pane.role]
        if pane.error is not None:
            name = tr("difference ×{times}, mean {error}", times=TIMES, error=f"{pane.error:.1%}")
        is_first = next(each for each in self._panes if each.run == pane.run) is pane
        return f"{pane.run} · {name}" if is_first and len({each.run for each in self._panes}) > 1 else name

    def pane_at(self, at: QPoint) -> Pane | None:
        """The image there."""
        return next((pane for pane, place in zip(self._panes, self.places()) if place.contains(at)), None)

    def sizeHint(self) -> QSize:
        places = self.places()
        wide = max((place.left() + self._wide(pane) for place, pane in zip(places, self._panes)), default=10.0)
        return QSize(round(wide), round(max((p.bottom() for p in places), default=10.0)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        head = self.fontMetrics().height() + 2
        for pane, place in zip(self._panes, self.places()):
            painter.setPen(QColor(theme().muted))
            line = QRectF(place.left(), place.top() - head, self._wide(pane), head)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, self._name(pane))
            if pane.tile.image is not None:
                painter.drawImage(place, pane.tile.image)
            else:
                painter.fillRect(place, QColor(theme().raised))
                painter.setPen(QColor(theme().bad))
                wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(place.adjusted(2, 2, -2, -2), wrapped, said(pane.tile.problem))
        painter.end()


class Room(QScrollArea):
    """Where the panes are seen; says when it has another size."""

    resized = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()


class CloseLook(QWidget):
    """The chosen image with its commands; keys: Escape goes back, + and - change the scale, arrows go to the others."""

    backWanted = Signal()
    chosen = Signal(int)
    told = Signal(str)  # what came of a command

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: MadeValue | None = None
        self._zoom = 0.0  # 0: as large as fits
        self.panes, self._scroll, self._caption, self.film = Panes(), Room(), QLabel(), MadeFilm()
        self._scroll.setWidget(self.panes)
        self._scroll.resized.connect(self._show)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.viewport().setAutoFillBackground(False)
        self.panes.setAutoFillBackground(False)
        self._caption.setTextFormat(Qt.TextFormat.PlainText)
        self._caption.setProperty("muted", True)
        self._caption.setMinimumWidth(1)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(3)
        page.addLayout(self._commands())
        page.addWidget(self._scroll, 1)
        page.addWidget(self.film, 1)

    def _commands(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.back = self._button("‹", tr("Back to all of them (Esc)"), self.backWanted.emit)
        row.addWidget(self.back)
        row.addWidget(self._caption, 1)
        for text, tip, act in (
            ("−", tr("Smaller (-)"), self.smaller),
            ("+", tr("Larger (+)"), self.larger),
            (tr("Copy"), tr("Copy the image (Ctrl+C)"), self.copy),
            (tr("Save…"), tr("Save the image to a file (Ctrl+S)"), self.save),
        ):
            row.addWidget(self._button(text, tip, act))
        return row

    def _button(self, text: str, tip: str, act: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(plain_tip(tip))
        button.setAccessibleName(tip)
        button.setFixedHeight(20)
        button.setStyleSheet("padding: 0px 6px;")
        button.clicked.connect(lambda: act())
        return button

    def set_value(self, value: MadeValue) -> None:
        """Show the chosen one as it was at the cursor."""
        self._value = value
        self._show()

    def pane_at(self, at: QPoint) -> Pane | None:
        """The image at a place of this look."""
        return self.panes.pane_at(self.panes.mapFrom(self, at))

    def image(self) -> QImage | None:
        """The made image of the watched run, at its own size."""
        panes = self._value.panes if self._value is not None else ()
        return next((pane.tile.image for pane in panes if pane.role == "made"), None)

    def scale(self) -> float:
        """Screen pixels for one of the image's."""
        return self.panes.zoom

    def larger(self) -> None:
        """Twice as large."""
        self._zoom = min(self.scale() * 2, float(MOST_ZOOM))
        self._show()

    def smaller(self) -> None:
        """Half as large."""
        self._zoom = max(self.scale() / 2, 1 / 8)
        self._show()

    def copy(self) -> None:
        """Onto the clipboard."""
        if (image := self.image()) is not None:
            QGuiApplication.clipboard().setImage(image)
            self.told.emit(tr("The image was copied."))

    def save(self) -> None:
        """Into a file that the person names."""
        image, value = self.image(), self._value
        if image is None or value is None:
            return
        name = f"step-{value.step}-seed-{value.seeds[value.chosen]}.png"
        path = save_file(self, tr("Save the image"), name, "PNG (*.png)", what="made image")
        if not path:
            return
        path = path if path.lower().endswith(".png") else f"{path}.png"
        saved = image.save(path, "PNG")
        self.told.emit(tr("Written to {path}.", path=path) if saved else tr("{path} cannot be written.", path=path))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = Qt.Key(event.key()), event.modifiers() & Qt.KeyboardModifier.ControlModifier
        acts: dict[Qt.Key, Callable[[], None]] = {
            Qt.Key.Key_Escape: self.backWanted.emit, Qt.Key.Key_Plus: self.larger, Qt.Key.Key_Equal: self.larger,
            Qt.Key.Key_Minus: self.smaller, Qt.Key.Key_Left: lambda: self._beside(-1),
            Qt.Key.Key_Right: lambda: self._beside(1),
        }  # fmt: skip
        with_control = {Qt.Key.Key_C: self.copy, Qt.Key.Key_S: self.save}
        act = with_control.get(key) if held else acts.get(key)
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.angleDelta().y():
            (self.larger if event.angleDelta().y() > 0 else self.smaller)()
            event.accept()
        else:
            super().wheelEvent(event)

    def _beside(self, step: int) -> None:
        value = self._value
        if value is not None and 0 <= value.chosen + step < len(value.runs[0].tiles):
            self.chosen.emit(value.chosen + step)

    def _show(self) -> None:
        value = self._value
        if value is None:
            return
        film = next((pane for pane in value.panes if pane.role == "made" and pane.starts), None)
        self.film.show_pane(film)
        self.film.setVisible(film is not None)
        self._scroll.setVisible(film is None)
        if film is not None:
            self._caption.setText(caption_of(value, value.chosen))
            self._caption.setToolTip(plain_tip(self._caption.text()))
            return
        self.panes.set_panes(value.panes, self._zoom or self._fitting(value))
        self._caption.setText(f"{self.scale():.3g}× · {caption_of(value, value.chosen)}")
        self._caption.setToolTip(plain_tip(self._caption.text()))

    def _fitting(self, value: MadeValue) -> float:
        """The largest whole scale at which all panes fit; below 1 where even that is too large."""
        room = self._scroll.maximumViewportSize()
        self.panes.set_panes(value.panes, 1.0)
        bare = self.panes.sizeHint()
        share = min(room.width() / max(bare.width(), 1), room.height() / max(bare.height(), 1))
        best = float(floor(share)) if share >= 1 else max(share, 1 / 8)
        while best >= 1 and best < MOST_ZOOM:
            self.panes.set_panes(value.panes, best + 1)
            size = self.panes.sizeHint()
            if size.width() > room.width() or size.height() > room.height():
                break
            best += 1
        return best
