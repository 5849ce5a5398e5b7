"""Sound of version 1: its rate and its length went beside it, now they go with it.

Wires of the old port ``share`` (the valid fraction) go: Audio CNN reads the length that comes with the spectrogram, and where a
``share`` stood for "has audio", the source says so itself. An Audio CNN that nobody told the length keeps counting all of it, and
one that was told keeps it for what is behind: its own convolutions went over the padding too. The
sample rate of Audio length and of the log-mel spectrogram, which had to be the source's, is the source's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LENGTH, MEL, CNN, TABLE = "transforms.sound_length", "transforms.log_mel", "encoders.audio_cnn", "sources.caption_table"


def with_lengths_inside(data: dict[str, Any]) -> dict[str, Any]:
    """The document's nodes, wires and sweep without the old port and the old settings; anything odd is left as it is."""
    nodes, wires = data.get("nodes"), data.get("wires")
    if not isinstance(nodes, dict) or not isinstance(wires, list):
        return data
    blocks = {key: node.get("block") for key, node in nodes.items() if isinstance(node, dict)}
    told = {end.rpartition(".")[0] for wire in wires if (end := _end(wire, "to")).endswith(".share")}
    made = dict(data)
    made["nodes"] = {key: _node(node, key in told) for key, node in nodes.items()}
    made["wires"] = [now for wire in wires if (now := _wire(wire, wires, blocks)) is not None]
    sweep = data.get("sweep")
    if isinstance(sweep, dict) and isinstance(sweep.get("axes"), list):
        made["sweep"] = {**sweep, "axes": [_axis(axis, blocks) for axis in sweep["axes"]]}
    return made


def _node(node: Any, is_told: bool) -> Any:
    if not isinstance(node, dict) or not isinstance(node.get("knobs", {}), dict):
        return node
    if node.get("block") in (LENGTH, MEL) and "hertz" in node.get("knobs", {}):
        return {**node, "knobs": {name: value for name, value in node["knobs"].items() if name != "hertz"}}
    if node.get("block") == CNN:
        return {
            **node,
            "knobs": {**node.get("knobs", {}), **({"mask_inside": False} if is_told else {"mask_padding": False})},
        }
    return node


def _end(wire: Any, side: str) -> str:
    end = wire.get(side) if isinstance(wire, dict) else None
    return end if isinstance(end, str) else ""


def _wire(wire: Any, wires: list[Any], blocks: Mapping[str, Any]) -> Any:
    """The wire as it is now; None where it is gone."""
    (giver, _, given), (taker, _, taken) = (_end(wire, side).rpartition(".") for side in ("from", "to"))
    if blocks.get(taker) == CNN and taken == "share":
        return None
    if blocks.get(giver) != LENGTH or given != "share":
        return wire
    source = _source(giver, wires, blocks)
    return {**wire, "from": f"{source}.has_sound"} if source and taken == "present" else None


def _source(node: str, wires: list[Any], blocks: Mapping[str, Any]) -> str:
    """The table whose sound comes to a node; empty where none does."""
    seen: set[str] = set()
    while node not in seen:
        seen.add(node)
        before = next((_end(wire, "from") for wire in wires if _end(wire, "to") == f"{node}.waveform"), "")
        node = before.rpartition(".")[0]
        if blocks.get(node) == TABLE:
            return node
    return ""


def _axis(axis: Any, blocks: Mapping[str, Any]) -> Any:
    """Joint changes without the rates that only repeat the source's."""
    if not isinstance(axis, dict) or not isinstance(axis.get("changes"), list):
        return axis
    return {**axis, "changes": [_change(change, blocks) for change in axis["changes"]]}


def _change(change: Any, blocks: Mapping[str, Any]) -> Any:
    values = change.get("values") if isinstance(change, dict) else None
    if not isinstance(values, dict):
        return change
    gone = {f"{key}.hertz" for key, block in blocks.items() if block in (LENGTH, MEL)}
    return {**change, "values": {path: value for path, value in values.items() if path not in gone}}
