"""Samples of a dataset as small pictures with their words, in rows as high as they need to be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import QListView, QListWidget, QListWidgetItem

from core.graph.dataset import Specimen
from widgets.look.plain import plain_tip

THUMB = 96


class Strip(QListWidget):
    """Pictures with their words in rows, as high as it needs to be."""

    def __init__(self, samples: Sequence[Specimen], *, width: int = THUMB, height: int = THUMB) -> None:
        super().__init__()
        self.samples = samples
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setIconSize(QSize(width, height))
        self.setGridSize(QSize(width + 12, height + 10 + 2 * self.fontMetrics().lineSpacing()))
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setWordWrap(True)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        for policy in (self.setVerticalScrollBarPolicy, self.setHorizontalScrollBarPolicy):
            policy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.setViewportMargins(0, 8, 0, 4)
        for sample in samples:
            item = QListWidgetItem(sample.sentence)
            if (image := self.image(sample)) is not None:
                item.setIcon(QPixmap.fromImage(image))
            item.setToolTip(plain_tip(f"{sample.sentence}\n{sample.group}"))
            self.addItem(item)

    def image(self, sample: Specimen) -> QImage | None:
        """What shows a sample."""
        return None if sample.picture is None else enlarged(sample.picture)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        columns = max(1, self.viewport().width() // self.gridSize().width())
        self.setFixedHeight(-(-self.count() // columns) * self.gridSize().height() + 14)


def enlarged(pixels: NDArray[np.uint8]) -> QImage:
    """A picture [H, W, 3] at the size of a thumbnail; a tiny one by whole pixels, so that it shows what a model sees."""
    height, width, _ = pixels.shape
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    tiny = max(width, height) <= THUMB // 2
    how = Qt.TransformationMode.FastTransformation if tiny else Qt.TransformationMode.SmoothTransformation
    return image.scaled(THUMB, THUMB, Qt.AspectRatioMode.KeepAspectRatio, how)
