"""Import runs of other programs: TensorBoard, MLflow, W&B, trackio, Lightning."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from studio.telling.sentences import spoken


@actions.register("import_runs")
class ImportRuns(Action):
    """Choose a folder; what is found there can become runs of the library."""

    text = "Import runs…"
    menu = "File"
    order = 14

    def possible(self, session: Session) -> str:
        """Not into a store that is only read."""
        problem = session.kept.only_read
        return spoken(problem) if problem is not None else ""

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.import_runs()
