"""Versions in the window: the list is asked for, a version is opened in a tab of its own, or restored as one step."""

from __future__ import annotations

import time
from dataclasses import replace

from core.graph.differences import drawing_difference, settings_difference
from core.graph.document import Document
from core.graph.sketch import sketch_between
from core.problems import Refused
from studio.open.versions import Version
from studio.session import Session
from studio.telling.sentences import refusal
from studio.window.frame import Frame
from widgets.look.graph_sketch import difference_words, in_short
from widgets.look.language import tr
from widgets.look.titles import titles_of, vocabulary
from widgets.version_sheet import VersionRow, VersionSheet


class VersionsInWindow:
    """From the wish to look at versions to the document that is opened or restored."""

    def __init__(self, session: Session, window: Frame) -> None:
        self._session, self._window = session, window
        self.sheet: VersionSheet | None = None

    def show(self) -> None:
        """The versions of the document on the canvas."""
        found = self._session.versions.of(self._session.document)
        sheet = self.sheet = VersionSheet(
            self._session.document.name, [self._row(version) for version in found], self._window
        )
        sheet.chosen.connect(lambda row: self._show_one(sheet, found[row]))
        sheet.openRequested.connect(lambda row: self._open(found[row]))
        sheet.restoreRequested.connect(lambda row: self._restore(sheet, found[row]))
        sheet.destroyed.connect(lambda: setattr(self, "sheet", None))
        sheet.show()
        sheet.list.setCurrentRow(0 if found else -1)

    def _row(self, version: Version) -> VersionRow:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(version.time))
        why = tr("when saved") if version.why == "saved" else tr("when run")
        try:
            then, now = self._session.versions.read(version), self._session.document
            told = in_short(drawing_difference(then, now, vocabulary()), len(recipe_lines(then, now)))
        except Refused:
            told = tr("cannot be read")
        return VersionRow(when=when, why=why, differs=told)

    def _show_one(self, sheet: VersionSheet, version: Version) -> None:
        try:
            then = self._session.versions.read(version)
        except Refused as refused:
            sheet.show_refusal(refusal(refused))
            return
        now = self._session.document
        found = drawing_difference(then, now, vocabulary())
        titles = {**titles_of(then), **titles_of(now)}
        changed = frozenset(node.partition(".")[0] for node, *_ in found.changed)
        words = "\n".join([difference_words(found), *recipe_lines(then, now)])
        if found.is_same() and recipe_lines(then, now):
            words = "\n".join(recipe_lines(then, now))
        sheet.show_difference(sketch_between(then, now, changed, titles), words)

    def _open(self, version: Version) -> None:
        then = self._session.attempt(lambda: self._session.versions.read(version))
        if then is not None:
            when = time.strftime("%H:%M", time.localtime(version.time))
            self._session.show(replace(then, name=f"{then.name} · {when}"))
            self._window.show_page("design")

    def _restore(self, sheet: VersionSheet, version: Version) -> None:
        then = self._session.attempt(lambda: self._session.versions.read(version))
        if then is not None:
            self._session.edit(then, tr("Restore a version"))
            self._window.show_page("design")
            sheet.close()


def recipe_lines(before: Document, after: Document) -> list[str]:
    """What differs in the training recipe, a line each."""
    rows = settings_difference([before, after], vocabulary())
    return [
        f"  ~ {row.where}: {row.setting} {row.values[0]} → {row.values[1]}" for row in rows if row.where == "recipe"
    ]
