"""What a run makes is judged later, from the library of runs: on the engine's lane, told in the message bar, kept among the run's figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from core.graph.selection import SELECTING
from studio.session import Session
from widgets.look.language import tr
from widgets.message_bar import Choices

if TYPE_CHECKING:
    from core.runs.judging import Judgement
    from core.store.library import Library
    from studio.window.frame import Frame

MOST = 1000  # samples of a split, as the command takes them
BETWEEN_TELLS = 0.2  # seconds


class JudgingMade(QObject):
    """Belongs to the window; one run at a time."""

    _progressed = Signal(int, int)  # images made, of

    def __init__(self, session: Session, window: Frame) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self._cancelled = threading.Event()
        self._name = ""  # of the run that is judged now
        self._progressed.connect(self._tell)

    def afoot(self) -> str:
        """What would end with the window."""
        return tr("What a run makes is being judged.") if self._name else ""

    def start(self, uid: str, judge: str) -> None:
        """Judge a run by another; by nobody where ``judge`` is empty."""
        session, facts = self._session, self._session.facts(uid)
        if facts is None:
            return
        if self._name:
            session.say(
                tr("What {name} makes is being judged; wait, or cancel that first.", name=self._name), "warning"
            )
            return
        self._cancelled = cancelled = threading.Event()
        self._name, told = facts.name, [0.0]

        def progress(done: int, of: int) -> bool:
            now = time.monotonic()
            if of and now - told[0] >= BETWEEN_TELLS:
                told[0] = now
                self._progressed.emit(done, of)
            return not cancelled.is_set() and not session.engine.is_closed

        self._tell(0, 0)
        session.engine.ask(
            lambda: judged_and_kept(session.library, uid, judge, progress),
            lambda found, why: self._ended(uid, found, why),
        )

    def stop(self) -> None:
        """Leave it; nothing is kept."""
        self._cancelled.set()
        if self._name:
            self._session.say(tr("Cancelling…"))

    def release(self) -> None:
        """The window goes."""
        self._cancelled.set()
        self.disconnect(self)
        self._name = ""

    def _choices(self) -> Choices:
        return ((tr("Cancel"), self.stop),)

    def _tell(self, done: int, of: int) -> None:
        if not self._name or self._cancelled.is_set():
            return
        far = tr("Judging what {name} makes: {done} of {of} images.", name=self._name, done=f"{done:,}", of=f"{of:,}")
        begun = tr("Judging what {name} makes…", name=self._name)
        self._window.messages.show_message(far if of else begun, "hint", self._choices())

    def _ended(self, uid: str, found: Judgement | None, why: str) -> None:
        name, self._name = self._name, ""
        if not name:  # the window went meanwhile
            return
        self._window.messages.take_back(self._choices())
        if why:
            self._session.say(why, "error")
        elif found is None:
            self._session.say(tr("The judging of {name} was cancelled; nothing was kept.", name=name))
        else:
            self._session.refresh_runs()
            sentence = result(name, found.scores)
            self._window.messages.show_message(sentence, "hint", ((tr("Show its figures"), lambda: self._show(uid)),))

    def _show(self, uid: str) -> None:
        """Where figures of a run are: on its monitors, at the step that was judged."""
        self._session.watch(uid)
        self._window.show_page("train")


def judged_and_kept(library: Library, uid: str, judge: str, progress: Any) -> Judgement | None:
    """What the judge finds, kept with the run; None where cancelled. Raises Refused."""
    from core.inference.answering import Cancelled  # torch
    from core.runs.judging import judged, keep
    from core.store.places import checkpoint_folder

    try:
        found = judged(Path(checkpoint_folder(library.store, uid)), {"judge": judge, "most": MOST}, progress=progress)
    except Cancelled:
        return None
    keep(library, uid, found)
    return found


def result(name: str, scores: Mapping[str, float]) -> str:
    """The scores of the split that is reported, in a sentence: R@10 beside the real images and the lookup, or KID without a judge."""
    split = next((one for one in reversed(SELECTING) if any(key.startswith(f"score/{one}/") for key in scores)), "")
    stem = next((key.rpartition("/")[0] for key in scores if key.startswith(f"score/{split}/")), "")
    own = {key.removeprefix(f"{stem}/"): value for key, value in scores.items() if key.startswith(f"{stem}/")}
    count = f"{own.get('images', 0):,.0f}"
    if "R@10" not in own:
        return tr(
            "{name}: KID {kid} between {n} made and real images of {split} (training images: {training}); no judge, so no R@10.",
            name=name, kid=f"{own['KID']:.4f}", n=count, split=tr(split), training=f"{own['training KID']:.4f}",
        )  # fmt: skip
    share = {key: f"{100 * own[key]:.1f}" for key in
             ("R@10", "R@10, 95 % from", "R@10, 95 % to", "real R@10", "lookup R@10", "chance R@10")}  # fmt: skip
    return tr(
        "{name}: the caption of {n} made images of {split} is among the first 10 in {own} % ({low} to {high}); real images {real} %, "
        "lookup by caption {lookup} %, chance {chance} %.",
        name=name, n=count, split=tr(split), own=share["R@10"], low=share["R@10, 95 % from"], high=share["R@10, 95 % to"],
        real=share["real R@10"], lookup=share["lookup R@10"], chance=share["chance R@10"],
    )  # fmt: skip
