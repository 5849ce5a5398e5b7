"""The columns of a source's table for the inspector: read behind the window, for a folder may lie on a slow disk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core.data.paths import folder as chosen_folder
from core.data.tables import TableHead, table_head

if TYPE_CHECKING:
    from studio.session import Session
    from widgets.inspector.inspector import Inspector


def bind_columns(session: Session, inspector: Inspector) -> None:
    """Whenever the inspector wants a table, its beginning is read and shown."""

    def take(folder: str, table: str, head: TableHead | None, sentence: str) -> None:
        if head is None:
            inspector.show_table(folder, table, (), (), why_not=sentence)
        else:
            inspector.show_table(folder, table, head.columns, head.rows, name=head.name)

    def want(folder: str, table: str) -> None:
        if not folder:  # that one is needed is said by the source itself
            inspector.show_table(folder, table, (), ())
            return
        session.engine.glance(
            lambda: table_head(chosen_folder(folder, "folder of captioned pictures"), table),
            partial(take, folder, table),
        )

    inspector.tableWanted.connect(want)
    session.lookedAgain.connect(inspector.read_table_again)
