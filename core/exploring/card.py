"""A result card: what a picture of a run says about where it came from, as JSON that any program may read.

Document (whole where it is small, its hash always), run, step, seed, data, versions, and the scores at that step. What is
read from a file is a stranger's: it is bounded, and the document goes through the same checks as any other.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from core.problems import refuse

FORMAT, VERSION = "crossmodal-studio result", 1
MOST_LETTERS = 1 << 18  # of a card
MOST_DOCUMENT = 1 << 17  # letters of a document that is carried whole
MOST_SCORES, MOST_VERSIONS, LONGEST = 64, 40, 300
HINT = "Drop an image that the studio exported."


@dataclass(frozen=True, kw_only=True)
class ResultCard:
    """Where a picture came from."""

    run: str  # uid
    step: int
    name: str = ""
    seed: int = 0
    document_hash: str = ""  # SHA-256 of the document's text
    document: str = ""  # its text; empty where it is large
    data: str = ""  # fingerprint
    shows: str = ""  # what the picture is of: a monitor's key, or empty
    scores: Mapping[str, float] = field(default_factory=dict)  # at that step
    versions: Mapping[str, str] = field(default_factory=dict)

    def as_text(self) -> str:
        """One line of JSON; :func:`card_of` is its inverse."""
        told = {name: value for name, value in asdict(self).items() if name != "scores"}
        told["scores"] = {name: value for name, value in self.scores.items() if math.isfinite(value)}
        return json.dumps({"format": FORMAT, "version": VERSION, **told}, ensure_ascii=True, separators=(",", ":"))


def document_hash(text: str) -> str:
    """SHA-256 of a document's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def card_of(text: str) -> ResultCard:
    """The card that a text writes. Raises Refused for anything else."""
    if len(text) > MOST_LETTERS:
        raise refuse("The result card in this file is too large.", hint=HINT)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise refuse("The result card in this file is damaged.", hint=HINT) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise refuse("There is no result card in this file.", hint=HINT)
    if data.get("version") != VERSION:
        raise refuse("The result card was written by a newer studio.", hint="Update the studio to open it.")
    run, step = data.get("run"), _whole(data.get("step"))
    if not isinstance(run, str) or not run or step is None:
        raise refuse("The result card in this file is damaged.", hint=HINT)
    whole = _text(data.get("document"), MOST_DOCUMENT)
    hashed = _text(data.get("document_hash"))
    if whole and document_hash(whole) != hashed:
        raise refuse(
            "The experiment in this result card was changed.", hint="Its hash is another one; ask for the file again."
        )
    return ResultCard(
        run=run[:LONGEST], step=step, name=_text(data.get("name")), seed=_whole(data.get("seed")) or 0, document_hash=hashed,
        document=whole, data=_text(data.get("data")), shows=_text(data.get("shows")),
        scores=_scores(data.get("scores")), versions=_versions(data.get("versions")),
    )  # fmt: skip


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62 else None


def _text(value: Any, most: int = LONGEST) -> str:
    return value if isinstance(value, str) and len(value) <= most else ""


def _scores(value: Any) -> dict[str, float]:
    pairs = list(value.items())[:MOST_SCORES] if isinstance(value, dict) else []
    return {
        _text(name): float(score) for name, score in pairs
        if _text(name) and isinstance(score, int | float) and not isinstance(score, bool) and abs(score) < 1e300
    }  # fmt: skip


def _versions(value: Any) -> dict[str, str]:
    pairs = list(value.items())[:MOST_VERSIONS] if isinstance(value, dict) else []
    return {_text(name): _text(version) for name, version in pairs if _text(name) and isinstance(version, str)}
