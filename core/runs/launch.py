"""From a document to a queued run: its row, its parameters for comparison, its environment. No torch here."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.graph.analysis import Analysis
from core.graph.document import Document
from core.graph.edits import set_recipe
from core.graph.file import dumps, loads, to_data
from core.graph.judged import BLOCK
from core.graph.recipe import Recipe
from core.graph.subgraphs.definitions import is_copy
from core.graph.subgraphs.flat import flattened
from core.knobs import knobs_of, problems_with
from core.problems import Refused
from core.store.answers import RunFacts

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.library import Library


def queue(
    library: Library,
    document: Document,
    *,
    name: str = "",
    title: str = "",
    place: str = "thread",
    parent: str = "",
    parent_step: int = 0,
    waits: bool = False,
) -> RunFacts:
    """A new run of a document: about to be begun by whoever asks, or (``waits``) the last of the queue.

    It bears the ``name`` that a person gave it, else the ``title`` (the document's own) with the store's running number.
    """
    return library.create_run(
        name or title or document.name, dumps(document), numbered=not name, steps=document.recipe.steps, seed=document.recipe.seed, place=_placed(document, place),
        parent=parent, parent_step=parent_step, environment=environment(), params=parameters(document),
        queued=waits,
    )  # fmt: skip


def place_of(library: Library, uid: str, wish: str) -> str:
    """Where a run is trained: as wished, but in processes of its own where several share it."""
    return _placed(loads(library.document_text(uid)), wish)


def _placed(document: Document, wish: str) -> str:
    return "process" if document.recipe.processes > 1 else wish


CONTINUED = "continued with"  # the parameter that tells what was changed when a run was taken up again


def change_recipe(
    library: Library, uid: str, *, steps: int | None = None, device: str | None = None, processes: int | None = None
) -> None:
    """More steps, another device, other processes for a run that is taken up again. Raises Refused where the recipe forbids them."""
    document = loads(library.document_text(uid))
    wanted = {"steps": steps, "device": device, "processes": processes}
    fields = {
        name: value for name, value in wanted.items() if value is not None and value != getattr(document.recipe, name)
    }
    if not fields:
        return
    if problems := problems_with(knobs_of(Recipe), fields):
        raise Refused(*problems)
    told = ", ".join(f"{name} {getattr(document.recipe, name)} → {value}" for name, value in fields.items())
    changed = set_recipe(document, **fields)
    library.set_document(uid, dumps(changed), steps=changed.recipe.steps, params={**fields, CONTINUED: told})


def parameters(document: Document) -> dict[str, Any]:
    """What two runs are compared by: recipe values and every knob that was turned, by name."""
    found: dict[str, Any] = {knob.name: getattr(document.recipe, knob.name) for knob in knobs_of(Recipe)}
    data = to_data(document)
    recipe = data["recipe"]
    found["optimizer"], found["schedule"] = recipe["optimizer"]["key"], recipe["schedule"]["key"]
    batching = document.recipe.batching
    found.update({"batching": batching.key, **{f"batching.{name}": value for name, value in batching.knobs.items()}})
    for family in ("callbacks", "diagnostics"):
        for key, knobs in recipe[family].items():
            found[f"{family}.{key}"] = True
            found.update({f"{family}.{key}.{name}": value for name, value in knobs.items()})
    mix = recipe.get("mix", {})
    found.update({f"mix.{name}": value for name, value in mix.items() if name != "parts"})
    for source, part in mix.get("parts", {}).items():
        found.update({f"mix.{source}.{name}": value for name, value in part.items()})
    of_copies = {
        f"{key}.{name}": value
        for key, node in document.nodes.items()
        if is_copy(node)
        for name, value in node.knobs.items()
    }
    for key, node in flattened(document).document.nodes.items():
        found[key] = node.block + (" (muted)" if node.muted else " (bypassed)" if node.bypassed else "")
        found.update({f"{key}.{name}": value for name, value in node.knobs.items()})
        if node.block == BLOCK and "pairs" in node.knobs:
            found[f"{key}.pairs"] = _in_short(str(node.knobs["pairs"]))
        if node.repeat > 1:
            found[f"{key}.repeat"] = node.repeat
    found.update(of_copies)
    for key, rule in recipe["rules"].items():
        found.update({f"{key}.{name}": value for name, value in rule.items()})
    return found


def costs(analysis: Analysis) -> dict[str, float]:
    """What a run costs, said once at its start and compared beside its scores."""
    return {
        "cost/parameters": float(analysis.parameters), "cost/trained parameters": float(analysis.trained_parameters),
        "cost/flops": float(analysis.flops),
    }  # fmt: skip


DOCUMENT = "document.cms.json"  # beside a run's checkpoints: what a teacher or an export needs


def keep_document(folder: Path, text: str) -> None:
    """Lay a run's document beside its checkpoints, so that the folder alone can be opened. A full disk is no reason to stop."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{DOCUMENT}-{os.getpid()}"
        part.write_text(text, encoding="utf-8")
        os.replace(part, folder / DOCUMENT)


def environment() -> dict[str, Any]:
    """Where it runs: what a later reader needs to repeat it."""
    versions = {}
    for package in ("torch", "transformers", "numpy", "crossmodal-studio"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": sys.version.split()[0], "platform": platform.platform(), "processor": platform.processor(),
        "cores": os.cpu_count(), **versions,
    }  # fmt: skip


def _in_short(pairs: str) -> str:
    """A list that may be long, as something two runs can be compared by."""
    return f"{max(pairs.count('[') - 1, 0)} pairs, {hashlib.sha256(pairs.encode()).hexdigest()[:8]}"
