"""Versions of documents, kept by themselves when one is saved or run: whole, by what is in them, in the person's own folder.

``objects/<sha256>.json.gz`` are documents; ``of/<document>.jsonl`` says which versions a document has, a line each. What two versions have
in common is kept once. Bounded by number and by bytes, the oldest go first. A document's id comes from a file that anyone may
have written, so it never becomes a file name as it is.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from platformdirs import user_data_dir

from core.graph import file
from core.graph.document import Document
from core.problems import Refused, refuse

Why = Literal["saved", "run"]
MOST_OF_ONE, MOST_BYTES = 100, 64 * 2**20  # versions of a document; of all objects


@dataclass(frozen=True, kw_only=True)
class Version:
    """One of a document's versions."""

    digest: str  # of its contents
    why: Why
    time: float  # seconds since 1970
    name: str  # what the document was called
    path: str = ""  # its file; empty: it had none


class Versions:
    """Keeps and finds them. A disk that is full, or a folder that cannot be written, is no reason to stop drawing."""

    def __init__(
        self, folder: Path | None = None, most_bytes: int = MOST_BYTES, most_of_one: int = MOST_OF_ONE
    ) -> None:
        self.folder = folder or Path(user_data_dir("crossmodal-studio")) / "versions"
        self._most_bytes, self._most_of_one = most_bytes, most_of_one

    def keep(self, document: Document, why: Why, path: Path | None = None) -> Version | None:
        """One more; None where nothing is new since the last one, or it cannot be kept."""
        text = file.dumps(document).encode("utf-8")
        digest = hashlib.sha256(text).hexdigest()
        known = self.of(document)
        if known and known[0].digest == digest and (known[0].why == why or why == "run"):
            return None
        version = Version(digest=digest, why=why, time=time.time(), name=document.name, path=str(path or ""))
        with contextlib.suppress(OSError):
            self._write(self._object(digest), gzip.compress(text, mtime=0))
            place = self._index(document)
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(version), ensure_ascii=False) + "\n")
            self._bound(place, len(known) + 1)
            return version
        return None

    def of(self, document: Document) -> list[Version]:
        """Those of a document, newest first; lines that cannot be read are passed over."""
        return sorted(_read(self._index(document)), key=lambda version: -version.time)

    def read(self, version: Version) -> Document:
        """One of them. Raises Refused where it is gone or damaged."""
        try:
            text = gzip.decompress(self._object(version.digest).read_bytes())
        except (OSError, EOFError, gzip.BadGzipFile, ValueError) as error:
            raise refuse("This version is no longer there.", hint="Choose another one.") from error
        if hashlib.sha256(text).hexdigest() != version.digest:
            raise refuse("This version is damaged.", hint="Choose another one.")
        return file.loads(text.decode("utf-8"), version.name)

    def forget(self, document: Document) -> None:
        """Let all versions of a document go."""
        with contextlib.suppress(OSError):
            self._index(document).unlink(missing_ok=True)
            self._sweep()

    # Places

    def _index(self, document: Document) -> Path:
        return self.folder / "of" / f"{hashlib.sha256(document.id.encode('utf-8', 'replace')).hexdigest()}.jsonl"

    def _object(self, digest: str) -> Path:
        safe = digest if digest.isalnum() else hashlib.sha256(digest.encode("utf-8", "replace")).hexdigest()
        return self.folder / "objects" / f"{safe}.json.gz"

    def _write(self, place: Path, data: bytes) -> None:
        if place.exists():
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(data)
        part.replace(place)

    # Bounds

    def _bound(self, place: Path, count: int) -> None:
        """Oldest first: of this document by number, then of all by bytes."""
        if count > self._most_of_one:
            self._rewrite(place, sorted(_read(place), key=lambda version: version.time)[-self._most_of_one :])
            self._sweep()
        if self._bytes() <= self._most_bytes:
            return
        oldest = sorted((version.time, index) for index in self._indexes() for version in _read(index))
        for moment, index in oldest[:-1]:  # the newest of all stays
            self._rewrite(index, [version for version in _read(index) if version.time > moment])
            self._sweep()
            if self._bytes() <= self._most_bytes:
                return

    def _indexes(self) -> list[Path]:
        return sorted((self.folder / "of").glob("*.jsonl"))

    def _bytes(self) -> int:
        return sum(place.stat().st_size for place in (self.folder / "objects").glob("*.json.gz"))

    def _rewrite(self, place: Path, versions: list[Version]) -> None:
        if not versions:
            place.unlink(missing_ok=True)
            return
        part = place.with_suffix(f".{os.getpid()}.part")
        lines = (json.dumps(asdict(version), ensure_ascii=False) for version in versions)
        part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        part.replace(place)

    def _sweep(self) -> None:
        """What no document has any more."""
        kept = {version.digest for index in self._indexes() for version in _read(index)}
        for place in (self.folder / "objects").glob("*.json.gz"):
            if place.name.removesuffix(".json.gz") not in kept:
                place.unlink(missing_ok=True)


def _read(place: Path) -> list[Version]:
    try:
        lines = place.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError, TypeError, KeyError, Refused):
            data = json.loads(line)
            found.append(Version(**{**data, "time": float(data["time"]), "digest": str(data["digest"])}))
    return found
