"""What a run that is forked takes over from the checkpoint it begins at, part by part: what a person reads before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fate = Literal["whole", "part", "new", "left"]  # carried; some of it carried; begun anew; of the checkpoint, not taken


@dataclass(frozen=True, kw_only=True)
class Heirloom:
    """One part of a checkpoint or of the new drawing, and what becomes of it."""

    title: str  # of the node, or of the part of the recipe
    fate: Fate
    reason: str = ""  # a sentence; none where there is nothing to say
    node: str = ""  # empty: of the recipe
    carried: int = 0  # numbers of its weights that are taken over
    of: int = 0  # numbers it has


@dataclass(frozen=True, kw_only=True)
class Inheritance:
    """Everything that is carried, and everything that is not."""

    step: int  # at which the fork begins
    steps: int  # at which its recipe ends
    parts: tuple[Heirloom, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost: the fork goes on as the run would have."""
        return all(part.fate == "whole" for part in self.parts)

    @property
    def lost(self) -> tuple[Heirloom, ...]:
        """What is not taken over whole."""
        return tuple(part for part in self.parts if part.fate != "whole")

    @property
    def told(self) -> str:
        """In a few sentences, for the log."""
        if self.is_whole:
            return f"Forked at step {self.step}. Everything is carried."
        partly, anew, left = (
            ", ".join(part.title for part in self.parts if part.fate == fate) for fate in ("part", "new", "left")
        )
        sentences = [f"Forked at step {self.step}."]
        sentences += [f"Carried in part: {partly}."] if partly else []
        sentences += [f"Begun anew: {anew}."] if anew else []
        sentences += [f"Left behind: {left}."] if left else []
        return " ".join(sentences)
