"""A report that two windows write: the later one is kept beside the first, and it is said where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.exploring.report import loaded
from studio.watching.reporting import Reporting
from widgets.library.report_view import ReportView


class OneReport(QWidget):
    """A library view as far as reports need one."""

    pinRequested = Signal(object, str, object)

    def __init__(self) -> None:
        super().__init__()
        self.report = ReportView(self)


def test_two_windows_of_one_store_lose_no_report(qtbot, tmp_path: Path) -> None:
    said: list[str] = []
    session: Any = SimpleNamespace(store=SimpleNamespace(files=tmp_path), say=lambda words, *_: said.append(words))
    views = [OneReport(), OneReport()]
    for view in views:
        qtbot.addWidget(view)
    first, second = (Reporting(session, view) for view in views)  # type: ignore[arg-type]
    for reporting, view, title in (
        (first, views[0], "mine"),
        (second, views[1], "theirs"),
        (first, views[0], "mine 2"),
    ):
        view.report.set_report(replace(view.report.report(), title=title))
        reporting.keep()
        reporting.keep()
    kept = {place.name: loaded(place.read_text(encoding="utf-8")).title for place in tmp_path.iterdir()}
    assert kept == {"report.json": "mine 2", "report-2.json": "theirs"}
    assert [str(tmp_path / "report-2.json") in words for words in said] == [True]
