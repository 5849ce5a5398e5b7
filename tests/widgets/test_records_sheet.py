"""The sheet on which runs of other programs are chosen."""

from __future__ import annotations

from PySide6.QtCore import Qt

from widgets.records_sheet import RecordRow, RecordsSheet

ROWS = [
    RecordRow(name="one", kind="TensorBoard", group="logs", values=1234, figures=2, others=0, settings=1),
    RecordRow(name="two", kind="MLflow", group="", values=0, figures=0, others=0, settings=0, remarks=("a", "b"), known=True),
]  # fmt: skip


def test_what_is_ticked_is_imported(qtbot) -> None:
    sheet = RecordsSheet()
    qtbot.addWidget(sheet)
    wished: list[tuple[int, ...]] = []
    sheet.importRequested.connect(wished.append)
    assert not sheet.take.isEnabled()
    sheet.show_rows(ROWS, ["3 links were not followed."])
    assert [sheet.list.topLevelItem(row).text(0) for row in range(3)] == [
        "About the files",
        "one",
        "two (in the library)",
    ]
    assert sheet.list.topLevelItem(1).text(3) == "1,234"
    assert sheet.list.topLevelItem(2).childCount() == 2
    sheet.take.click()
    sheet.list.topLevelItem(1).setCheckState(0, Qt.CheckState.Unchecked)
    sheet.take.click()
    assert wished == [(0, 1), (1,)]
    sheet.list.topLevelItem(2).setCheckState(0, Qt.CheckState.Unchecked)
    assert not sheet.take.isEnabled()


def test_the_first_escape_stops_what_is_read_the_second_closes(qtbot) -> None:
    sheet = RecordsSheet()
    qtbot.addWidget(sheet)
    stopped: list[bool] = []
    sheet.cancelRequested.connect(lambda: stopped.append(True))
    sheet.show()
    sheet.show_busy("Looking…", 0.5)
    assert (sheet.bar.value(), sheet.bar.isVisibleTo(sheet), sheet.take.isEnabled()) == (500, True, False)
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert (stopped, sheet.isVisible()) == ([True], True)
    sheet.show_idle("Stopped.")
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()
