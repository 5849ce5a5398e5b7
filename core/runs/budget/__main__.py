"""Measure a document in a process of its own: ``python -m core.runs.budget < DOCUMENT``; says lines of JSON, the result the last."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.graph.file import loads
from core.problems import Problem, Refused
from core.runs.loading import load_engine
from core.training.budget.measuring import measure


def say(**line: Any) -> None:
    """One line."""
    print(json.dumps(line), flush=True)


def main() -> int:
    """0 where it was measured."""
    text = sys.stdin.read()
    load_engine()
    try:
        with tempfile.TemporaryDirectory(prefix="crossmodal-budget-") as folder:
            found = measure(loads(text), Path(folder), lambda phase: say(phase=phase))
        say(measured=found.as_json())
    except Refused as refused:
        say(problems=[_plain(problem) for problem in refused.problems])
        return 2
    except Exception as error:  # said where it is asked for
        say(problems=[_plain(Problem(what=f"It could not be measured: {type(error).__name__}: {str(error)[:200]}."))])
        return 1
    return 0


def _plain(problem: Problem) -> dict[str, Any]:
    return {name: value for name, value in asdict(problem).items() if name in ("what", "node", "port", "hint")}


if __name__ == "__main__":
    raise SystemExit(main())
