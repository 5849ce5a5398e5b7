"""Another commit beside this one: the same benches, in turn, on one machine, in one environment.

The commit is laid out as a worktree in a temporary folder. This checkout's benches are laid over it, so both builds are
asked the same; where its code cannot run one, its own bench of that name is taken, and that is said.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.problems import refuse

ROOT = Path(__file__).resolve().parents[2]
OVERLAID = ("studio/benches", "studio/commands/bench.py")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure of both builds, each the median of its rounds."""

    name: str
    unit: str
    ours: float
    theirs: float | None  # None where the other build does not have it
    share: float | None = None  # promised

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def is_kept(self) -> bool:
        """Whether the promised share holds; true where none was promised or there is nothing to compare with."""
        return self.share is None or self.ratio is None or self.ratio <= self.share


@contextmanager
def laid_out(commit: str) -> Iterator[tuple[Path, Path]]:
    """Inside: two folders of that commit, with this checkout's benches over it and as it was. Raises Refused."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        raise refuse("There is no git checkout here to take another commit from.", hint="Clone the repository.")
    _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", on_error=f"There is no commit {commit!r} here.")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        overlaid, plain = Path(folder) / "overlaid", Path(folder) / "plain"
        try:
            for place in (overlaid, plain):
                _git("worktree", "add", "--detach", str(place), commit, on_error="The commit cannot be laid out.")
            for part in OVERLAID:
                _replace(ROOT / part, overlaid / part)
            yield overlaid, plain
        finally:
            for place in (overlaid, plain):
                subprocess.run(
                    ["git", "worktree", "remove", "--force", str(place)], cwd=ROOT, capture_output=True, check=False
                )


def _git(*words: str, on_error: str) -> None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise refuse(on_error, hint=done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "See git log.")


def _replace(ours: Path, theirs: Path) -> None:
    if ours.is_dir():
        shutil.rmtree(theirs, ignore_errors=True)
        shutil.copytree(ours, theirs, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(ours, theirs)


def in_a_process(name: str, home: Path = ROOT) -> dict[str, Any]:
    """A bench alone in a process: another's caches, threads and garbage do not count."""
    done = subprocess.run(
        [sys.executable, "-m", "studio", "bench", name, "--here"], cwd=home,
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(home)},
    )  # fmt: skip
    try:
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        said = done.stderr.strip().splitlines()
        return {"title": name, "figures": [], "error": said[-1] if said else f"ended with code {done.returncode}"}
    return found


def compared(name: str, homes: tuple[Path, Path], rounds: int) -> tuple[dict[str, Any], list[Compared], str]:
    """A bench of both builds, a round of each in turn: the last entry of ours, the figures, and what must be said."""
    ours: list[Mapping[str, Any]] = []
    theirs: list[Mapping[str, Any]] = []
    note, home = "", homes[0]
    for _ in range(rounds):
        ours.append(in_a_process(name))
        found = in_a_process(name, home)
        if found["error"] and home is homes[0]:
            home, note = (
                homes[1],
                f"That commit cannot run this bench ({found['error']}); its own of that name was taken.",
            )
            found = in_a_process(name, home)
        if found["error"]:
            return dict(ours[-1]), [], f"Not measured there: {found['error']}"
        theirs.append(found)
    last = dict(ours[-1])
    if last["error"]:
        return last, [], ""
    before, now = _medians(theirs), _medians(ours)
    figures = [
        Compared(name=f["name"], unit=f["unit"], ours=now[f["name"]], theirs=before.get(f["name"]), share=f["share"])
        for f in last["figures"]
    ]
    return last, figures, note


def _medians(entries: list[Mapping[str, Any]]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for entry in entries:
        for figure in entry["figures"]:
            values.setdefault(figure["name"], []).append(float(figure["value"]))
    return {name: statistics.median(found) for name, found in values.items()}
