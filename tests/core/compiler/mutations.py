"""Damaged experiments, as many as wanted, and what becomes of them when they are checked."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.compiler.compile import analyse
from core.compiler.describe import vocabulary
from core.graph import file
from core.problems import Refused

EXAMPLES = sorted((Path(__file__).parents[3] / "resources/experiments").glob("*.cms.json"))
ODD = (
    "", "x", "0", None, True, -1, 0, 1, 3, 1e9, 2**40, 0.5, {}, [], [1], "vit.tokens", "../..", "<b>", "nan", 1e-300, -5.5, "auto",
)  # fmt: skip
Places = tuple[tuple[Any, ...], Any]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Places]:
    """Every key of a document, with the path to what holds it."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield path, key
        yield from places(inner, (*path, key))


class Mutations:
    """Damages documents the way hands, merges and other programs do: wires, blocks, settings, anything."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._words = vocabulary()
        self._documents = [json.loads(path.read_text(encoding="utf-8")) for path in EXAMPLES]

    def next(self) -> dict[str, Any]:
        """Another damaged document."""
        data: dict[str, Any] = json.loads(json.dumps(self._dice.choice(self._documents)))
        for _ in range(self._dice.choice((1, 1, 2, 3, 5))):
            changes = (self._wire, self._block, self._setting, self._sharing, self._anything)
            change = self._dice.choices(changes, (30, 15, 30, 10, 15))[0]
            change(data)
            if not self._is_drawing(data):
                break
        return data

    def _is_drawing(self, data: dict[str, Any]) -> bool:
        nodes, wires = data.get("nodes"), data.get("wires")
        return (
            isinstance(nodes, dict) and bool(nodes) and all(isinstance(node, dict) for node in nodes.values())
            and isinstance(wires, list) and all(isinstance(wire, dict) for wire in wires)
        )  # fmt: skip

    def _spec(self, data: dict[str, Any]) -> tuple[str, Any]:
        name = self._dice.choice(list(data["nodes"]))
        block = data["nodes"][name].get("block")
        return name, self._words.spec(block) if isinstance(block, str) and block in self._words else None

    def _wire(self, data: dict[str, Any]) -> None:
        name, spec = self._spec(data)
        if data["wires"] and spec is not None:
            end, ports = self._dice.choice((("from", spec.gives), ("to", spec.takes)))
            self._dice.choice(data["wires"])[end] = (
                f"{name}.{self._dice.choice([port.name for port in ports] or ['x'])}"
            )

    def _block(self, data: dict[str, Any]) -> None:
        data["nodes"][self._dice.choice(list(data["nodes"]))]["block"] = self._dice.choice(list(self._words))

    def _setting(self, data: dict[str, Any]) -> None:
        name, spec = self._spec(data)
        knobs = data["nodes"][name].setdefault("knobs", {})
        if spec is not None and spec.knobs and isinstance(knobs, dict):
            knob = self._dice.choice(spec.knobs)
            values = (
                knob.low,
                knob.high,
                knob.default,
                *(knob.choices or ()),
                self._dice.randint(0, 64),
                self._dice.choice(ODD),
            )
            knobs[knob.name] = self._dice.choice(values)

    def _sharing(self, data: dict[str, Any]) -> None:
        """Whose weights a node has, mostly those of one of its kind."""
        name, spec = self._spec(data)
        alike = [key for key, node in data["nodes"].items() if spec is not None and node.get("block") == spec.key]
        node = data["nodes"][name]
        node["same_as"] = self._dice.choice([*alike, *alike, *data["nodes"], self._dice.choice(ODD)])
        if self._dice.random() < 0.7:  # as a file has it; else with settings beside those of its weights
            node.pop("knobs", None)

    def _anything(self, data: dict[str, Any]) -> None:
        path, key = self._dice.choice(list(places(data)))
        holder: Any = data
        for part in path:
            holder = holder[part]
        if isinstance(holder, dict) and self._dice.random() < 0.3:
            holder.pop(key, None)
        else:
            holder[key] = self._dice.choice(ODD)


def checked(seed: int, count: int) -> tuple[Counter[str], list[str], float]:
    """What became of so many: outcomes, exceptions with where they came from, and the slowest in processor seconds."""
    mutations, outcomes, faults, slowest = Mutations(seed), Counter[str](), [], 0.0
    for number in range(count):
        data = mutations.next()
        began = time.process_time()
        try:
            document = file.loads(json.dumps(data))
        except Refused:
            outcomes["refused"] += 1
            continue
        try:
            outcomes["runnable" if analyse(document).is_runnable else "problems"] += 1
        except Exception as error:  # that is what is looked for
            faults.append(f"seed {seed}, number {number}: {type(error).__name__}: {error}")
        slowest = max(slowest, time.process_time() - began)
    return outcomes, faults, slowest
