"""What an experiment's graph and data suggest: proposals with reason, source and how sure they are."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from core.advice.advise import advise
from core.advice.case import Case
from core.advice.machine import this_machine
from core.advice.proposal import Proposal
from core.graph import file
from core.problems import refuse
from studio.open.documents import DEFAULT_EXAMPLE, find_document, turned
from studio.telling.printing import as_json, console


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("file", nargs="?", default=DEFAULT_EXAMPLE, help="an experiment's file, or an example's name")
    parser.add_argument(
        "--set", action="append", default=[], metavar="BLOCK.SETTING=VALUE", help="change a setting; may be repeated"
    )
    parser.add_argument(
        "--apply", metavar="PROPOSAL", help="write the graph with this proposal, by its key; needs --out"
    )
    parser.add_argument("--out", metavar="FILE", help="where to write it")
    parser.add_argument("--json", action="store_true")


def run(flags: argparse.Namespace) -> int:
    """Print the proposals; with --apply, write the graph with one of them."""
    from core.compiler.compile import analyse  # imports torch
    from core.compiler.reading import readings
    from core.runs.declared import declared_vocabulary

    words = declared_vocabulary()
    document = turned(find_document(flags.file), flags.set, words)
    read = readings(document)
    found = advise(
        Case(document=document, words=words, analysis=analyse(document, words), readings=read, machine=this_machine())
    )
    if flags.apply:
        return _write(found, flags.apply, flags.out)
    if flags.json:
        data = {key: dataclasses.asdict(reading) for key, reading in read.items()}
        print(as_json({"read": data, "proposals": [_plain(proposal) for proposal in found]}, indent=1))
        return 0
    out = console()
    if not found:
        out.print("Nothing to propose: as far as the data and the graph were read, all rules are followed.")
    for proposal in found:
        place = f" ({proposal.node})" if proposal.node else ""
        known = f"{proposal.sure.capitalize()}. {proposal.evidence.line()}".strip()
        out.print(f"{proposal.what}{place}\n  {proposal.reason}\n  {known}\n  --apply {proposal.key}\n")
    return 0


def _plain(proposal: Proposal) -> dict[str, Any]:
    fields = {
        field.name: getattr(proposal, field.name) for field in dataclasses.fields(proposal) if field.name != "document"
    }
    return {"key": proposal.key, **fields, "evidence": dataclasses.asdict(proposal.evidence)}


def _write(found: tuple[Proposal, ...], key: str, out: str | None) -> int:
    chosen = next((proposal for proposal in found if proposal.key == key), None)
    if chosen is None:
        known = ", ".join(proposal.key for proposal in found) or "none"
        raise refuse(f"Nothing is proposed under {key!r}.", hint=f"Proposed: {known}.")
    if not out:
        raise refuse("Where the graph should be written is not said.", hint="Add --out FILE.")
    file.write(chosen.document, Path(out))
    console().print(f"{chosen.what}\nWritten to {out}.")
    return 0
