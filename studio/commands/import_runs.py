"""Bring the runs of others into your store: TensorBoard, MLflow, W&B, trackio, Lightning; again, and only what is new comes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.problems import Problem
from core.records.keeping import Imported, bring
from core.records.looking import Found, Progress, Told, look
from core.texts import harmless
from studio.open.stores import add_store_flags, open_store
from studio.telling.printing import as_json
from studio.telling.progress import progress_bar
from studio.telling.sentences import spoken
from widgets.look.language import said


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="folders, or files, that hold records of runs")
    parser.add_argument("--look", action="store_true", help="only say what is there")
    parser.add_argument("--json", action="store_true")
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Look, say, import; 1 where something could not be read."""
    with telling("Looking") as told:
        found = [look(Path(path).expanduser(), told) for path in flags.paths]
    came: list[Imported] = []
    if not flags.look:
        with open_store(flags) as store, telling("Importing") as told:
            came = [bring(store, [each.place for each in one.runs], one.folder, told) for one in found]
    problems = [problem for one in found for problem in one.problems] + [gone for one in came for gone in one.problems]
    if flags.json:
        print(as_json(_plain(found, came, problems), indent=1))
    else:
        _report(found, came, problems)
    return 1 if any(problem.severity == "error" for problem in problems) else 0


@contextmanager
def telling(words: str) -> Iterator[Told]:
    """How far it is, on a terminal only; Ctrl-C stops, and runs that were imported whole stay."""
    with progress_bar(words) as bar:

        def told(progress: Progress) -> None:
            bar(progress.done, progress.of)

        yield told


def _report(found: list[Found], came: list[Imported], problems: list[Problem]) -> None:
    for each in (each for one in found for each in one.runs):
        print(
            harmless(
                f"{each.title}: {each.name}, {each.figures:,} values of {each.series:,} figures, {each.settings:,} settings"
            )
        )
        for remark in each.remarks:
            print(harmless(f"  {said(remark)}"))
    for problem in problems:
        print(harmless(spoken(problem)))
    if not any(one.runs for one in found):
        print("No runs of TensorBoard, MLflow, W&B, trackio or Lightning were found there.")
    elif came:
        print(counted(came))


def counted(came: list[Imported]) -> str:
    """What came of it, in a line."""
    new, added, anew, known = (sum(one.count(what) for one in came) for what in ("new", "added", "anew", "known"))
    parts = [f"{new:,} runs brought in."]
    parts += [f"{added:,} went on."] if added else []
    parts += [f"{anew:,} were changed and are written anew."] if anew else []
    parts += [f"{known:,} were here already."] if known else []
    return " ".join(parts)


def _plain(found: list[Found], came: list[Imported], problems: list[Problem]) -> dict[str, object]:
    runs = [
        {
            "kind": each.title, "name": each.name, "group": each.group, "path": str(each.place.path),
            "values": each.figures, "figures": each.series, "settings": each.settings, "others": each.others,
            "remarks": each.remarks,
        }
        for one in found for each in one.runs
    ]  # fmt: skip
    kept = [
        {"run": each.uid, "name": each.name, "what": each.what, "values": each.figures}
        for one in came
        for each in one.kept
    ]
    return {"runs": runs, "kept": kept, "problems": [problem.sentence() for problem in problems]}
