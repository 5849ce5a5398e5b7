"""Documents on disk: round trips, limits, sentences; nothing a file says is ever executed, opened or imported."""

from __future__ import annotations

import json
import random
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.graph import edits, file
from core.graph.document import End, Frame
from core.graph.recipe import Rule, Stage
from core.problems import Refused
from tests.documents import tiny_clip


def full() -> Any:
    document = tiny_clip(stages=(Stage(name="one", share=0.3, rules={"vit": Rule(frozen=True)}), Stage(name="two")))
    document = edits.change_node(document, "vit", muted=True, title="the tower", repeat=3, collapsed=True)
    document = edits.add_frame(document, "towers", 0, 0, 300, 200)
    return edits.reroute(document, document.wires[0].key, ((1.0, 2.0), (3.5, 4.0)))


def test_what_is_written_is_read() -> None:
    document = full()
    assert file.loads(file.dumps(document)) == document


def test_saving_is_atomic_and_leaves_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.cms.json"
    file.write(full(), path)
    file.write(edits.rename(full(), "other"), path)
    assert file.read(path).name == "other"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.cms.json"]


def test_unknown_blocks_and_fields_survive_a_round_trip() -> None:
    data = file.to_data(full())
    data["nodes"]["future"] = {"block": "encoders.from_2030", "x": 1, "y": 2, "knobs": {"warp": 9}, "aura": {"hue": 3}}
    data["wires"].append({"from": "emoji.image", "to": "future.image"})
    data["mood"] = "sunny"
    data["recipe"]["quantum"] = True
    again = file.to_data(file.from_data(data))
    assert again["nodes"]["future"] == data["nodes"]["future"]
    assert again["mood"] == "sunny"
    assert again["recipe"]["quantum"] is True


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not valid JSON"),
        ("[]", "not a Crossmodal Studio document"),
        ('{"format": "crossmodal-studio"}', "no usable version"),
        ('{"format": "crossmodal-studio", "version": 999}', "newer studio"),
        ('{"format": "crossmodal-studio", "version": 1, "x": NaN}', "finite"),
        ('{"format": "crossmodal-studio", "version": 1, "x": 1e999}', "finite"),
        ('{"format": "crossmodal-studio", "version": 1, "x": 123456789012345678901}', r"2\^53"),
        ('{"format": "crossmodal-studio", "version": 1, "name": "a", "name": "b"}', "twice"),
        ('{"format": "crossmodal-studio", "version": 1, "name": "\\ud800"}', "lone surrogate"),
        ('{"format": "crossmodal-studio", "version": 1, "nodes": []}', "must be an object"),
        ('{"format": "crossmodal-studio", "version": 1, "nodes": {"a": {"block": "x", "repeat": 0}}}', "repeat"),
        ('{"format": "crossmodal-studio", "version": 1, "wires": [{"from": "a.b", "to": "c.d"}]}', "not in the document"),
        ('{"format": "crossmodal-studio", "version": 1, "recipe": {"steps": -3}}', "Steps is -3"),
        ('{"format": "crossmodal-studio", "version": 1, "recipe": {"rules": {"a": {"learning_rate": "x"}}}}', "learning rate"),
        ("[" * 100, "nested more than 64"),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        file.loads(text)


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    with path.open("wb") as handle:
        handle.truncate(21_000_000)
    with pytest.raises(Refused, match="larger than 20 MB"):
        file.read(path)


def test_too_many_nodes() -> None:
    nodes = {str(n): {"block": "x"} for n in range(5001)}
    with pytest.raises(Refused, match="5000 nodes"):
        file.loads(json.dumps({"format": file.FORMAT, "version": 1, "nodes": nodes}))


def test_a_missing_file_and_a_folder_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        file.read(tmp_path / "none.json")
    with pytest.raises(Refused, match="cannot be read"):
        file.read(tmp_path)


def test_opening_touches_nothing_but_the_file(tmp_path: Path) -> None:
    data = file.to_data(full())
    data["nodes"]["evil"] = {"block": "os.system", "knobs": {"source": "/etc/passwd", "folder": "http://x.invalid/a"}}
    path = tmp_path / "hostile.cms.json"
    path.write_text(json.dumps(data))
    file.loads(_TEXT)  # what the reader itself needs is there
    seen: list[tuple[str, Any]] = []
    watching = True

    def hook(event: str, arguments: Any) -> None:
        if watching and event in ("open", "socket.connect", "import", "exec", "os.system", "subprocess.Popen"):
            seen.append((event, arguments[0]))

    sys.addaudithook(hook)
    file.read(path)
    watching = False
    assert [arguments for event, arguments in seen if event != "open"] == []
    assert {str(name) for event, name in seen if event == "open"} <= {str(path)}


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_mutants_are_read_or_refused(seed: int) -> None:
    """Byte and structure mutants: a document or a sentence, never another exception."""
    chance = random.Random(seed)
    text = list(_TEXT)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(text))
        what = chance.choice(("drop", "swap", "add", "cut"))
        if what == "drop":
            del text[place]
        elif what == "swap":
            text[place] = chance.choice('{}[]",:0129eE-.nulltrue\\\u0000é')
        elif what == "add":
            text.insert(place, chance.choice('{}[]",:0129eE-.x'))
        else:
            del text[place : place + chance.randint(1, 400)]
    with suppress(Refused):
        file.loads("".join(text))


_TEXT = file.dumps(full())


def test_frames_and_ends() -> None:
    document = replace(full(), frames={"f": Frame(id="f", title="t", x=0, y=0, width=1, height=1)})
    assert file.loads(file.dumps(document)).frames["f"].title == "t"
    assert str(End(node="a.b", port="c")) == "a.b.c"
