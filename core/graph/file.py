"""A document on disk: JSON, versioned, parameters by name; an unknown block keeps its data.

Reading never executes, imports or opens anything the file names. Limits hold before and while it is parsed.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.graph.document import Definition, Document, End, Frame, Node, Promoted, Wire, new_id
from core.graph.ports import KINDS, MODALITIES, Port
from core.graph.recipe import Choice, Mix, Part, Recipe, Rule, Stage, default_recipe
from core.graph.sharing import fault
from core.graph.subgraphs.definitions import ENTRY, EXIT, faults
from core.graph.sweep_file import sweep_data, sweep_from
from core.graph.upgrades import UPGRADES
from core.knobs import configure, knobs_of, problems_with
from core.problems import Refused, refuse

FORMAT = "crossmodal-studio"
VERSION = 2
SUFFIX = ".cms.json"
MOST_BYTES, MOST_DEPTH, MOST_NODES, MOST_WIRES, LONGEST_TEXT = 20_000_000, 64, 5_000, 20_000, 65_536
MOST_INTEGER = 2**53


def read(path: str | Path) -> Document:
    """Open a document. Raises Refused with what is wrong, where, and what to do."""
    path = Path(path)
    try:
        if not path.is_file():  # a device or a pipe would be read without end
            reason = (
                "it is a folder" if path.is_dir() else "it is no regular file" if path.exists() else "it is not there"
            )
            raise refuse(f"{path} cannot be read: {reason}.", hint="Choose a .cms.json file.")
        if path.stat().st_size > MOST_BYTES:
            raise refuse(f"{path.name} is larger than 20 MB.", hint="A document is a small text file; choose another.")
        with path.open("rb") as opened:
            text = opened.read(MOST_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(f"{path.name} is not text (UTF-8).", hint="A document is a JSON file.") from error
    except OSError as error:
        raise refuse(f"{path} cannot be read: {error.strerror or error}.") from error
    return loads(text, path.name)


def loads(text: str, name: str = "the document") -> Document:
    """A document from JSON text. Raises Refused."""
    if len(text) > MOST_BYTES:
        raise refuse(f"{name} is larger than 20 MB.")
    data = _parse(text, name)
    return from_data(data, name)


def _parse(text: str, name: str) -> dict[str, Any]:
    _check_depth(text, name)
    try:
        data = json.loads(
            text, parse_constant=_no_constant, object_pairs_hook=_no_twins, parse_float=_finite, parse_int=_small
        )
    except json.JSONDecodeError as error:
        raise refuse(
            f"{name} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            hint="It may have been cut off; open an earlier copy.",
        ) from error
    except RecursionError as error:
        raise refuse(f"{name} is nested too deeply.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise refuse(f"{name} is not a Crossmodal Studio document.", hint=f'Its "format" must be "{FORMAT}".')
    return data


def _check_depth(text: str, name: str) -> None:
    depth, inside, escaped = 0, False, False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise refuse(f"{name} is nested more than {MOST_DEPTH} deep.")
        elif character in "]}":
            depth -= 1


def _no_constant(word: str) -> Any:
    raise refuse(f"The document contains {word}; numbers must be finite.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise refuse(f"The document contains {text}; numbers must be finite.")
    return value


def _small(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MOST_INTEGER:
        raise refuse(f"The document contains the number {text[:24]}; whole numbers go up to 2^53.")
    return int(text)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [key for key, _ in pairs]
        twin = next(key for key in names if names.count(key) > 1)
        raise refuse(f"The document says {twin[:80]!r} twice in one place.")
    return made


def from_data(data: Mapping[str, Any], name: str = "the document") -> Document:
    """A document from parsed JSON; older versions are brought up to date. Raises Refused."""
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise refuse(f"{name} has no usable version number.", hint='"version" must be 1 or more.')
    if version > VERSION:
        raise refuse(
            f"{name} was written by a newer studio (document version {version}; this one reads up to {VERSION}).",
            hint="Update the studio to open it. The file is left as it is.",
        )
    data = dict(data)
    for old in range(version, VERSION):
        data = UPGRADES[old](data)
    try:
        return _document(data)
    except Refused:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise refuse(f"{name} is damaged: {type(error).__name__}: {str(error)[:200]}.") from error


def _document(data: Mapping[str, Any]) -> Document:
    definitions = {key: _definition(key, raw) for key, raw in _object(data, "subgraphs").items()}
    nodes, wires, frames = _drawing(data)
    drawn = [(nodes, wires), *((each.nodes, each.wires) for each in definitions.values())]
    if sum(len(some) for some, _ in drawn) > MOST_NODES or sum(len(some) for _, some in drawn) > MOST_WIRES:
        raise refuse(f"The document has more than {MOST_NODES} nodes or {MOST_WIRES} wires.")
    _check_texts(data)
    known = {"format", "version", "id", "name", "note", "nodes", "wires", "frames", "recipe", "sweep", "subgraphs"}
    made = Document(
        id=_text(data.get("id", new_id())), name=_text(data.get("name", "untitled")), note=_text(data.get("note", "")),
        nodes=nodes, wires=wires, frames=frames, recipe=_recipe(data.get("recipe")),
        sweep=sweep_from(data.get("sweep")), definitions=definitions,
        extra={key: value for key, value in data.items() if key not in known},
    )  # fmt: skip
    if found := faults(made):
        raise Refused(*found)
    return made


def _drawing(data: Mapping[str, Any]) -> tuple[dict[str, Node], tuple[Wire, ...], dict[str, Frame]]:
    """The nodes, wires and frames of a document, or of one of its subgraphs."""
    raw_nodes, raw_wires = _object(data, "nodes"), _list(data, "wires")
    if len(raw_nodes) > MOST_NODES or len(raw_wires) > MOST_WIRES:
        raise refuse(f"The document has more than {MOST_NODES} nodes or {MOST_WIRES} wires.")
    nodes = {key: _node(key, raw) for key, raw in raw_nodes.items()}
    _check_sharing(nodes)
    wires, targets = [], set()
    for raw in raw_wires:
        wire = Wire(source=_end(raw["from"]), target=_end(raw["to"]), via=tuple(_point(p) for p in raw.get("via", [])))
        if wire.source.node not in nodes or wire.target.node not in nodes:
            raise refuse(f"The wire {wire.key} ends at a node that is not in the document.")
        if wire.target in targets:
            raise refuse(f"Two wires lead into {wire.target}.")
        targets.add(wire.target)
        wires.append(wire)
    return nodes, tuple(wires), {key: _frame(key, raw) for key, raw in _object(data, "frames").items()}


def _definition(key: str, raw: Any) -> Definition:
    """A subgraph. Raises Refused naming it."""
    if not key or set(key) & set("./~") or not isinstance(raw, dict):
        raise refuse(
            f"The subgraph {key[:80]!r} has no usable id, or is no object.", hint='An id holds no ".", "/" or "~".'
        )
    nodes, wires, frames = _drawing(raw)
    for block in (ENTRY, EXIT):
        if (count := sum(node.block == block for node in nodes.values())) != 1:
            raise refuse(f"The subgraph {key!r} has {count} nodes of {block!r}; it must have one.")
    takes, gives = _ports(key, raw, "takes"), _ports(key, raw, "gives")
    knobs = tuple(
        Promoted(name=_text(shown["name"]), node=_text(shown["node"]), knob=_text(shown["knob"]))
        for shown in _list(raw, "knobs")
    )
    _no_pair(key, "setting", [shown.name for shown in knobs])
    known = {"title", "note", "nodes", "wires", "frames", "takes", "gives", "knobs"}
    return Definition(
        id=key, title=_text(raw.get("title", "")), note=_text(raw.get("note", "")), nodes=nodes, wires=wires, frames=frames,
        takes=takes, gives=gives, knobs=knobs, extra={name: value for name, value in raw.items() if name not in known},
    )  # fmt: skip


def _ports(key: str, raw: Mapping[str, Any], side: str) -> tuple[Port, ...]:
    found = []
    for port in _list(raw, side):
        name, kind, modality = _text(port["name"]), _text(port["kind"]), _text(port.get("modality", "any"))
        if not name or "." in name or kind not in KINDS or modality not in MODALITIES:
            raise refuse(
                f"The subgraph {key!r} has the port {name[:60]!r} of {kind[:60]!r} and {modality[:60]!r}, which is not valid."
            )
        found.append(Port(name=name, kind=kind, axes=KINDS[kind], modality=modality))
    _no_pair(key, "port", [port.name for port in found])
    return tuple(found)


def _no_pair(key: str, what: str, names: list[str]) -> None:
    for name in names:
        if not name or "." in name or names.count(name) > 1:
            raise refuse(
                f"The subgraph {key!r} has the {what} {name[:60]!r} twice, or under a name that cannot be used."
            )


def _object(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise refuse(f'"{key}" must be an object.')
    return value


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise refuse(f'"{key}" must be a list of objects.')
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise refuse(f"{str(value)[:60]!r} must be text.")
    return value


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise refuse("The document has a text of more than 65,536 characters.")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise refuse("The document has a text with a broken character (a lone surrogate).") from error
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_texts(key)
            _check_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner)


_NODE_FIELDS: dict[str, Callable[[Any], bool]] = {
    "block": lambda v: isinstance(v, str),
    "x": lambda v: _is_number(v),
    "y": lambda v: _is_number(v),
    "title": lambda v: isinstance(v, str),
    "muted": lambda v: isinstance(v, bool),
    "bypassed": lambda v: isinstance(v, bool),
    "collapsed": lambda v: isinstance(v, bool),
    "repeat": lambda v: isinstance(v, int) and not isinstance(v, bool) and 1 <= v <= 512,
    "same_as": lambda v: isinstance(v, str),
    "knobs": lambda v: isinstance(v, dict) and all(x is None or isinstance(x, (bool, int, float, str)) for x in v.values()),
}  # fmt: skip


def _node(key: str, raw: Any) -> Node:
    if not isinstance(raw, dict) or "block" not in raw:
        raise refuse("A node must be an object that names its block.", node=key)
    fields = {name: raw[name] for name in _NODE_FIELDS if name in raw}
    for name, value in fields.items():
        if not _NODE_FIELDS[name](value):
            raise refuse(f'"{name}" has the value {str(value)[:60]!r}, which is not valid.', node=key)
    extra = {name: value for name, value in raw.items() if name not in _NODE_FIELDS}
    return Node(id=key, **fields, extra=extra)


def _check_sharing(nodes: Mapping[str, Node]) -> None:
    """Raise Refused where a node has weights that it cannot have, or settings beside those of its weights."""
    for key, node in nodes.items():
        if reason := fault(nodes, key):
            raise refuse(reason, node=key, hint='Name the block that has the weights, or leave "same_as" out.')
        owner = nodes[node.same_as] if node.same_as else node
        for name, plain in (("knobs", {}), ("repeat", 1)):
            if getattr(node, name) not in (plain, getattr(owner, name)):
                raise refuse(
                    f"It has the weights of {node.same_as!r} and other settings than they have.",
                    node=key, hint=f"Leave its {name!r} out: the settings of {node.same_as!r} hold.",
                )  # fmt: skip


def _end(text: Any) -> End:
    node, dot, port = _text(text).rpartition(".")
    if not dot or not node or not port:
        raise refuse(f"{text!r} is not the end of a wire.", hint='Write "node.port".')
    return End(node=node, port=port)


def _point(raw: Any) -> tuple[float, float]:
    if not isinstance(raw, list) or len(raw) != 2 or not all(_is_number(value) for value in raw):
        raise refuse(f"{str(raw)[:60]!r} is not a point.", hint="Write [x, y].")
    return float(raw[0]), float(raw[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _frame(key: str, raw: Any) -> Frame:
    fields = {name: raw[name] for name in ("title", "x", "y", "width", "height")}
    for name, value in fields.items():
        if not (isinstance(value, str) if name == "title" else _is_number(value)):
            raise refuse(f'The frame {key!r} has "{name}": {str(value)[:60]!r}, which is not valid.')
    is_note = raw.get("note", False)
    if not isinstance(is_note, bool):
        raise refuse(f'The frame {key!r} has "note": {str(is_note)[:60]!r}, which is not valid.')
    return Frame(id=key, is_note=is_note, **fields)


def _recipe(raw: Any) -> Recipe:
    if raw is None:
        return default_recipe()
    if not isinstance(raw, dict):
        raise refuse('"recipe" must be an object.')
    plain = {knob.name: raw[knob.name] for knob in knobs_of(Recipe) if knob.name in raw}
    if found := problems_with(knobs_of(Recipe), plain, "recipe"):
        raise Refused(*found)
    known = {field.name for field in dataclasses.fields(Recipe)}
    return Recipe(
        **plain,
        optimizer=_choice(raw.get("optimizer", {"key": "adamw"})),
        schedule=_choice(raw.get("schedule", {"key": "cosine"})),
        batching=_choice(raw.get("batching", {"key": "fixed"})),
        rules=_rules(raw.get("rules", {})),
        stages=tuple(_stage(stage) for stage in raw.get("stages", [])),
        callbacks={key: _knobs(key, value) for key, value in raw.get("callbacks", {}).items()},
        diagnostics={key: _knobs(key, value) for key, value in raw.get("diagnostics", {}).items()},
        mix=_mix(raw.get("mix", {})),
        extra={key: value for key, value in raw.items() if key not in known},
    )


def _mix(raw: Any) -> Mix:
    if (
        not isinstance(raw, dict)
        or not isinstance(raw.get("parts", {}), dict)
        or set(raw) - {"turns", "schedule", "selects", "parts"}
    ):
        raise refuse('"mix" must be an object of turns, schedule, selects and parts.', node="recipe")
    plain = {knob.name: raw[knob.name] for knob in knobs_of(Mix) if knob.name in raw}
    if found := problems_with(knobs_of(Mix), plain, "recipe"):
        raise Refused(*found)
    parts = {source: configure(Part, _knobs(source, part), source) for source, part in raw.get("parts", {}).items()}
    return Mix(**plain, selects=_text(raw.get("selects", "")), parts=parts)


def _choice(raw: Mapping[str, Any]) -> Choice:
    return Choice(key=_text(raw["key"]), knobs=_knobs(raw["key"], raw.get("knobs", {})))


def _knobs(key: str, raw: Any) -> dict[str, Any]:
    if not _NODE_FIELDS["knobs"](raw):
        raise refuse(f"The settings of {key} must be plain values by name.", node="recipe")
    return dict(raw)


def _rules(raw: Mapping[str, Any]) -> dict[str, Rule]:
    rules = {}
    for node, fields in raw.items():
        rule = Rule(**fields)
        for name in ("learning_rate", "weight_decay"):
            value = getattr(rule, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0):
                raise refuse(f"{name.replace('_', ' ')} is {value!r}; it must be a number of 0 or more.", node=node)
        if rule.frozen not in (None, True, False):
            raise refuse(f"frozen is {rule.frozen!r}; it must be true or false.", node=node)
        rules[node] = rule
    return rules


def _stage(raw: Mapping[str, Any]) -> Stage:
    rate = raw.get("learning_rate")
    for value in (raw.get("share", 1.0), 0.0 if rate is None else rate):
        if not _is_number(value) or value < 0:
            raise refuse(f"A stage has the number {str(value)[:60]!r}; it must be 0 or more.", node="recipe")
    return Stage(
        name=_text(raw["name"]),
        share=float(raw.get("share", 1.0)),
        rules=_rules(raw.get("rules", {})),
        learning_rate=None if rate is None else float(rate),
    )


def to_data(document: Document) -> dict[str, Any]:
    """The document as plain JSON data; :func:`from_data` is its inverse."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": document.id,
        "name": document.name,
        "note": document.note,
        **_drawing_data(document),
        **({"subgraphs": subgraphs} if (subgraphs := _subgraphs_data(document)) else {}),
        "recipe": _recipe_data(document.recipe),
        **({"sweep": sweep_data(document.sweep)} if document.sweep is not None else {}),
        **document.extra,
    }


def _drawing_data(drawn: Document | Definition) -> dict[str, Any]:
    return {
        "nodes": {key: _node_data(node) for key, node in drawn.nodes.items()},
        "wires": [
            {"from": str(w.source), "to": str(w.target), **({"via": [list(p) for p in w.via]} if w.via else {})}
            for w in drawn.wires
        ],
        "frames": {
            key: {
                "title": f.title,
                "x": f.x,
                "y": f.y,
                "width": f.width,
                "height": f.height,
                **({"note": True} if f.is_note else {}),
            }
            for key, f in drawn.frames.items()
        },
    }


def _subgraphs_data(document: Document) -> dict[str, Any]:
    """Every subgraph; an older studio keeps them, and its copies are blocks that it does not know."""

    def ports(some: tuple[Port, ...]) -> list[dict[str, str]]:
        return [{"name": port.name, "kind": port.kind, "modality": port.modality} for port in some]

    return {
        key: {
            "title": each.title, "note": each.note, **_drawing_data(each), "takes": ports(each.takes), "gives": ports(each.gives),
            "knobs": [{"name": shown.name, "node": shown.node, "knob": shown.knob} for shown in each.knobs], **each.extra,
        }
        for key, each in document.definitions.items()
    }  # fmt: skip


def _node_data(node: Node) -> dict[str, Any]:
    plain = Node(id="", block="")
    data: dict[str, Any] = {"block": node.block, "x": round(node.x, 2), "y": round(node.y, 2)}
    for name in ("title", "muted", "bypassed", "repeat", "collapsed", "same_as"):
        if getattr(node, name) != getattr(plain, name):
            data[name] = getattr(node, name)
    if node.same_as:  # its settings stand with its weights
        data.pop("repeat", None)
    elif node.knobs:
        data["knobs"] = dict(node.knobs)
    return {**data, **node.extra}


def _rule_data(rules: Mapping[str, Rule]) -> dict[str, Any]:
    return {
        node: {name: value for name, value in dataclasses.asdict(rule).items() if value is not None}
        for node, rule in rules.items()
    }


def _recipe_data(recipe: Recipe) -> dict[str, Any]:
    stages = []
    for stage in recipe.stages:
        data: dict[str, Any] = {"name": stage.name, "share": stage.share, "rules": _rule_data(stage.rules)}
        if stage.learning_rate is not None:
            data["learning_rate"] = stage.learning_rate
        stages.append(data)
    return {
        **_knobs_data(recipe),
        "optimizer": {"key": recipe.optimizer.key, "knobs": dict(recipe.optimizer.knobs)},
        "schedule": {"key": recipe.schedule.key, "knobs": dict(recipe.schedule.knobs)},
        **_unless_fixed(recipe.batching),
        "rules": _rule_data(recipe.rules),
        "stages": stages,
        "callbacks": {key: dict(value) for key, value in recipe.callbacks.items()},
        "diagnostics": {key: dict(value) for key, value in recipe.diagnostics.items()},
        **({"mix": mix} if (mix := _mix_data(recipe.mix)) else {}),
        **recipe.extra,
    }


def _knobs_data(recipe: Recipe) -> dict[str, Any]:
    """Every knob; those of several processes only where there are some, as older files lack them."""
    together = ("processes", "sharded")
    data = {knob.name: getattr(recipe, knob.name) for knob in knobs_of(Recipe)}
    return {name: value for name, value in data.items() if name not in together or value != getattr(Recipe(), name)}


def _mix_data(mix: Mix) -> dict[str, Any]:
    """What differs from the defaults, so that a document of one source says nothing of it."""
    data = {
        name: getattr(mix, name)
        for name in ("turns", "schedule", "selects")
        if getattr(mix, name) != getattr(Mix(), name)
    }
    parts = {
        source: {knob.name: getattr(part, knob.name) for knob in knobs_of(Part) if getattr(part, knob.name) != knob.default}
        for source, part in mix.parts.items()
    }  # fmt: skip
    return {**data, **({"parts": parts} if parts else {})}


def _unless_fixed(batching: Choice) -> dict[str, Any]:
    """What stands at its default is not written."""
    plain = Recipe().batching
    return {} if batching == plain else {"batching": {"key": batching.key, "knobs": dict(batching.knobs)}}


def dumps(document: Document) -> str:
    """The document as JSON text."""
    return json.dumps(to_data(document), ensure_ascii=False, allow_nan=False, indent=1)


def write(document: Document, path: str | Path) -> None:
    """Save atomically: a crash leaves the old file or the new one. Raises Refused where the place cannot be written."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(dumps(document))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise refuse(f"{path} cannot be written: {error.strerror or error}.", hint="Save it elsewhere.") from error
