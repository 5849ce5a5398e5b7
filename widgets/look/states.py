"""What a run is about, in words: the same in the header, in the list of what runs, and where a picture is awaited."""

from __future__ import annotations

from core.store.answers import Head, RunFacts
from core.telemetry.events import ENDED
from widgets.look.language import tr

STATUS_WORDS = {
    "queued": "queued", "running": "running", "paused": "paused", "finished": "finished", "stopped": "stopped",
    "failed": "failed", "diverged": "diverged", "interrupted": "interrupted",
}  # fmt: skip


def is_waiting(run: Head | RunFacts) -> bool:
    """Whether it stands in the queue and nobody has begun it."""
    return run.status == "queued" and run.position is not None


def state_words(run: Head | RunFacts, *, stopping: bool = False) -> str:
    """One or two words; ``stopping`` where a stop was asked for that the run has not answered yet."""
    if run.status in ENDED:
        return tr(STATUS_WORDS[run.status])
    if is_waiting(run):
        return tr("waiting in the queue")
    if stopping or run.phase == "stopping":
        return tr("stopping…")
    if run.status == "paused":
        return tr("paused")
    if run.phase == "evaluating" and run.of:
        return tr("evaluating {share} %", share=f"{100 * run.done / run.of:.0f}")
    if run.phase == "preparing" and run.of:
        return tr("reading the data {share} %", share=f"{100 * run.done / run.of:.0f}")
    words = {"training": tr("training…"), "evaluating": tr("evaluating…"), "saving": tr("saving a checkpoint…")}
    return words.get(run.phase, tr("preparing…") if run.phase or run.status == "queued" else words["training"])


def awaited(head: Head) -> str:
    """Why there is no picture of a run that is looked at."""
    if head.status in ENDED:
        return tr("This run recorded nothing of it.")
    if is_waiting(head):
        return tr("This run waits in the queue.")
    if head.phase == "preparing" or head.status == "queued":
        return tr("This run is being prepared.")
    return tr("This run has not come to it yet.")
