"""Edits of the graph that a script may make: those of :mod:`core.graph.edits`, with JSON in place of values.

Whatever a script sends, what comes of it is a document that a file could hold, or nothing has happened.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from core.graph import edits, file
from core.graph.document import Document, End
from core.graph.vocabulary import Vocabulary
from core.problems import Refused, refuse

EDITS = (
    "add_frame", "add_node", "change_frame", "change_node", "change_nodes", "connect", "disconnect", "insert_on_wire", "move",
    "own_weights", "remove_frames", "remove_nodes", "rename", "reroute", "set_knob", "set_mix", "set_recipe", "set_rule",
    "share_weights", "switch",
)  # fmt: skip
GIVEN = ("document", "vocabulary")  # not a script's to say
MOST_EDITS = 1000  # in one step


def made(document: Document, wanted: Any, words: Vocabulary) -> tuple[Document, list[Any]]:
    """The document after all edits, and what each gives beside it. Raises Refused where one cannot be made."""
    if not isinstance(wanted, list) or len(wanted) > MOST_EDITS:
        raise refuse(f"Edits are a list of at most {MOST_EDITS}.")
    given = []
    for each in wanted:
        if not (isinstance(each, list) and len(each) == 2 and isinstance(each[0], str) and isinstance(each[1], dict)):
            raise refuse("An edit is its name and its arguments by name.")
        document, beside = _one(document, each[0], each[1], words)
        given.append(beside)
    return replace(
        file.loads(file.dumps(document)), inside=document.inside
    ), given  # what no file could hold is refused


def _one(document: Document, name: str, arguments: Mapping[str, Any], words: Vocabulary) -> tuple[Document, Any]:
    if name not in EDITS:
        raise refuse(f"There is no edit called {name!r}.", hint=f"Known: {', '.join(EDITS)}.")
    edit: Callable[..., Any] = getattr(edits, name)
    takes = inspect.signature(edit)
    try:
        values = {key: _value(document, key, value) for key, value in arguments.items() if key not in GIVEN}
        values |= {"vocabulary": words} if "vocabulary" in takes.parameters else {}
        takes.bind(document, **values)
        found = edit(document, **values)
        changed, beside = found if isinstance(found, tuple) else (found, None)
        file.dumps(changed)
    except Refused:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise refuse(f"The edit {name} cannot be made with these arguments: {_reason(error)}.") from error
    return changed, beside


def _value(document: Document, key: str, value: Any) -> Any:
    """``emoji.image`` where a port is meant; pairs of numbers where places are."""
    if key in ("source", "target") and isinstance(value, str) and "." in value:
        node, _, port = value.rpartition(".")
        if node not in document.nodes:
            raise refuse(f"There is no block called {node!r}.", hint=f"Known: {', '.join(document.nodes) or 'none'}.")
        return End(node=node, port=port)
    if key == "via":
        return tuple((float(x), float(y)) for x, y in value)
    return value


def _reason(error: BaseException) -> str:
    text = f"there is no {error.args[0]!r}" if isinstance(error, KeyError) and error.args else str(error)
    return (text.splitlines() or [type(error).__name__])[0][:200].removesuffix(".")
