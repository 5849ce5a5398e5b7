"""Whether what a recipe chose and switched on can be used as it is set: known before the run, from the recipe alone.

Text that an option reads (conditions, image sizes, names of blocks) is read here as the run will read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from core.compiler.recompute import CALLBACK, names_of
from core.graph.conditions import conditions_in
from core.graph.document import Document
from core.graph.resolution import sizes_in, table_in
from core.graph.vocabulary import OptionSpec, Vocabulary
from core.knobs import problems_with
from core.problems import Fix, Problem, Refused

RECIPE: Final = "recipe"
_NAMES: Final = {
    "callback": "training option", "diagnostic": "diagnostic", "optimizer": "optimiser", "schedule": "schedule",
}  # fmt: skip
_Read = Callable[[Mapping[str, Any], Document], list[Problem]]


def option_problems(document: Document, words: Vocabulary) -> list[Problem]:
    """Options that this studio has not, settings out of range, and text that cannot be read. Nothing where no options are known."""
    known: dict[tuple[str, str], OptionSpec] = {(option.family, option.key): option for option in words.options}
    if not known:
        return []
    recipe = document.recipe
    found: list[Problem] = []
    chosen = {"optimizer": recipe.optimizer, "schedule": recipe.schedule}  # of batching the tasks tell
    for family, choice in chosen.items():
        option = known.get((family, choice.key))
        found += [_unknown(family, choice.key)] if option is None else _settings(option, choice.knobs)
    for family, entries in (("callback", recipe.callbacks), ("diagnostic", recipe.diagnostics)):
        for key, knobs in entries.items():
            option = known.get((family, key))
            found += [_unknown(family, key)] if option is None else _switched_on(option, knobs, document)
    return found


def _unknown(family: str, key: str) -> Problem:
    if family not in ("callback", "diagnostic"):
        return Problem(
            what=f"This studio has no {_NAMES[family]} called {key!r}.", node=RECIPE, hint="Update the studio, or choose another.",
        )  # fmt: skip
    return Problem(
        what=f"This studio has no {_NAMES[family]} called {key!r}.", node=RECIPE, hint="Update the studio, or switch it off.",
        fix=Fix(text="Switch it off", edit="switch", arguments={"family": f"{family}s", "key": key, "on": False}),
    )  # fmt: skip


def _switched_on(option: OptionSpec, knobs: Mapping[str, Any], document: Document) -> list[Problem]:
    if found := list(_settings(option, knobs)):
        return found
    read = _READ.get(option.key) if option.family == "callback" else None
    defaults = {knob.name: knob.default for knob in option.knobs}
    return read({**defaults, **knobs}, document) if read is not None else []


def _settings(option: OptionSpec, knobs: Mapping[str, Any]) -> Iterator[Problem]:
    for problem in problems_with(option.knobs, knobs, RECIPE):
        yield Problem(what=f"Option {option.title}: {problem.what}", node=RECIPE, hint=problem.hint)


def _conditions(knobs: Mapping[str, Any], document: Document) -> list[Problem]:
    try:
        conditions_in(knobs["when"])
    except Refused as refused:
        return [Problem(what=problem.what, node=RECIPE, hint=problem.hint) for problem in refused.problems]
    return []


def _sizes(knobs: Mapping[str, Any], document: Document) -> list[Problem]:
    """As :func:`core.training.image_sizes.sizes_of` says it when the run begins."""
    try:
        sizes = sizes_in(knobs["sizes"])
    except ValueError as error:
        return [Problem(what=f"The image sizes cannot be read: {error}", node=RECIPE)]
    try:
        if "shares" in knobs:
            table_in(knobs["shares"], sizes)
    except ValueError as error:
        return [Problem(what=f"The shares of image sizes cannot be read: {error}", node=RECIPE)]
    return []


def _blocks(knobs: Mapping[str, Any], document: Document) -> list[Problem]:
    return [
        Problem(
            what=f"Gradient checkpointing names the block {name!r}, which is not in the run.", node=RECIPE,
            hint=f"Known: {', '.join(document.nodes)}.",
        )
        for name in names_of(knobs["nodes"])
        if name not in document.nodes
    ]  # fmt: skip


_READ: Final[Mapping[str, _Read]] = {
    "breakpoints": _conditions, "image_curriculum": _sizes, "image_sizes": _sizes, CALLBACK: _blocks,
}  # fmt: skip
