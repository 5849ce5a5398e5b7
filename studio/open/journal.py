"""The journal of unsaved drawings: what a crash may not take.

One file for each drawing that a session shows, replaced whole, in the person's state folder. No session writes over what
another left, nor over a drawing of its own that it set aside, though they have one id. A document's id comes from a file
that anyone may have written, so it never becomes a file name as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_dir

from core.graph import file
from core.graph.document import Document
from core.problems import Refused
from core.store.liveness import is_alive, this_process

PLAIN = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A document that was changed and never saved."""

    place: Path  # of the journal's file
    document: Document
    path: str  # where the document was opened from; empty: it had no file
    time: float  # of the last change, seconds since 1970


class Journal:
    """Writes and finds unsaved documents."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(user_state_dir("crossmodal-studio")) / "journal"
        self._session, self._drawing, self._latest = uuid.uuid4().hex[:12], 0, 0

    def begin(self) -> int:
        """Another drawing is shown: what is kept of the one before stays as it is. Gives its number."""
        self._latest += 1
        self._drawing = self._latest
        return self._drawing

    def turn_to(self, drawing: int) -> None:
        """One that was shown before is shown again."""
        self._drawing = drawing

    def place(self, document: Document) -> Path:
        """Where the drawing that is shown is kept: always inside the folder, whatever its id says."""
        plain = PLAIN.fullmatch(document.id)
        stem = document.id if plain else hashlib.sha256(document.id.encode("utf-8", "replace")).hexdigest()
        return self.folder / f"{stem}.{self._session}-{self._drawing}.json"

    def keep(self, document: Document, path: Path | None) -> Lost:
        """Put a document down; a full disk is no reason to stop drawing."""
        number, started = this_process()
        entry = {
            "path": str(path or ""), "time": time.time(), "process": number, "started": started,
            "document": file.to_data(document),
        }  # fmt: skip
        place = self.place(document)
        with contextlib.suppress(Refused, OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_suffix(".part")
            part.write_text(json.dumps(entry, ensure_ascii=False), encoding="utf-8")
            part.replace(place)
        return Lost(place=place, document=document, path=str(path or ""), time=time.time())

    def drop(self, document: Document) -> None:
        """The drawing that is shown is on disk, or as it was: nothing of it is to be recovered."""
        self.discard(self.place(document))

    def discard(self, place: Path) -> None:
        """Remove one."""
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)

    def lost(self) -> list[Lost]:
        """Documents whose studio ended before they were saved, newest first; one that is open elsewhere is not lost."""
        found = []
        for place in self.folder.glob("*.json"):
            with contextlib.suppress(Refused, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                entry = json.loads(place.read_text(encoding="utf-8"))
                owner = int(entry.get("process", 0))
                if owner != os.getpid() and is_alive(owner, float(entry.get("started", 0))):
                    continue
                document = file.from_data(entry["document"])
                found.append(Lost(place=place, document=document, path=str(entry["path"]), time=float(entry["time"])))
        return sorted(found, key=lambda lost: -lost.time)
