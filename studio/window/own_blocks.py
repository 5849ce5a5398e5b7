"""The sheet of own blocks and what is done there: settings are written, the folder is looked at anew, the catalogues follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.own.files import OwnFile, allow, own_file, own_files
from core.own.guards import checked_folder
from core.own.loading import OwnBlocks, read_own
from core.own.modules import why_not
from core.own.settings import OwnSettings, read_settings, write_settings
from core.own.template import new_block
from core.problems import Refused
from studio.session import Session
from studio.telling.sentences import refusal
from studio.window.frame import Frame
from widgets.look.language import said, tr
from widgets.own_blocks_sheet import OwnBlocksSheet, OwnRow

Change = Callable[[OwnSettings], OwnSettings]


class OwnBlocksPage:
    """Own blocks in the window; at the start a sentence where one is to be looked at."""

    def __init__(self, session: Session, window: Frame) -> None:
        self._session, self._window = session, window
        self.sheet: OwnBlocksSheet | None = None
        self._told: tuple[str, ...] = ()
        session.ownChanged.connect(self._take)

    def show(self) -> None:
        """Open the sheet, or bring it to the front."""
        if self.sheet is None:
            self.sheet = sheet = OwnBlocksSheet(self._window)
            sheet.destroyed.connect(self._closed)
            sheet.switched.connect(lambda on: self._change(lambda now: replace(now, on=on)))
            sheet.folderChosen.connect(lambda folder: self._change(lambda now: _in_folder(now, folder)))
            sheet.allowRequested.connect(lambda name, sha256: self._change(lambda now: allow(now, name, sha256)))
            sheet.forbidRequested.connect(
                lambda name: self._change(lambda now: now.forbidding(own_file(now, name).path))
            )
            sheet.newRequested.connect(lambda name: self._change(lambda now: new_block(now, name)[0]))
            sheet.lookRequested.connect(lambda: self._change(lambda now: now))
        self.sheet.show()
        self.sheet.raise_()
        self._refresh()

    def _closed(self) -> None:
        self.sheet = None

    def _change(self, change: Change) -> None:
        """Write a choice and look at the folder anew; what stands against it is said on the sheet."""
        try:
            write_settings(change(read_settings()))
        except Refused as refused:
            self._refresh(refusal(refused))
            return
        self._refresh()
        self._session.engine.read_vocabulary(again=True)

    def _refresh(self, problem: str = "") -> None:
        if self.sheet is None:
            return
        settings = OwnSettings()
        rows: tuple[OwnRow, ...] = ()
        try:
            settings = read_settings()
            rows = tuple(_row(file) for file in own_files(settings))
        except Refused as refused:
            problem = problem or refusal(refused)
        self.sheet.show_rows(settings.on, str(settings.place), rows, problem)

    def _take(self, own: OwnBlocks) -> None:
        """The folder was looked at: what is wrong there is said once, with the way to the sheet."""
        self._refresh()
        told = tuple(problem.what for problem in own.problems())
        if told and told != self._told and self.sheet is None:
            more = tr("{n} more", n=len(told) - 1) if len(told) > 1 else ""
            self._window.messages.show_message(
                " ".join(filter(None, (said(told[0]), more))), "warning", ((tr("Show own blocks"), self.show),)
            )
        self._told = told


def _in_folder(settings: OwnSettings, folder: str) -> OwnSettings:
    return replace(settings, folder=str(checked_folder(Path(folder))) if folder else "")


def _row(file: OwnFile) -> OwnRow:
    broken = dict(read_own().broken)
    is_broken = file.state == "allowed" and file.name in broken
    return OwnRow(
        name=file.name, path=str(file.path), state="broken" if is_broken else file.state, sha256=file.sha256, text=file.text,
        why=broken[file.name] if is_broken else why_not(file),
    )  # fmt: skip
