"""Documents with subgraphs that cannot be: each is a sentence, in bounded time, whoever wrote them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.compiler.compile import analyse
from core.graph import file
from core.problems import Refused
from tests.subgraphs import WORDS, two_copies


def data() -> dict[str, Any]:
    return file.to_data(two_copies())


def refused(found: dict[str, Any]) -> str:
    with pytest.raises(Refused) as told:
        file.from_data(json.loads(json.dumps(found)))
    return str(told.value)


def shell(inner: str = "") -> dict[str, Any]:
    """A subgraph that holds nothing, or two copies of another."""
    copies = (
        {f"copy_{n}": {"block": f"subgraphs.{inner}"} for n in range(2)}
        if inner
        else {"pool": {"block": "connectors.pool"}}
    )
    return {"nodes": {"entry": {"block": "border.entry"}, "exit": {"block": "border.exit"}, **copies}}


def test_one_that_holds_itself() -> None:
    found = data()
    found["subgraphs"]["tower"]["nodes"]["me"] = {"block": "subgraphs.tower"}
    assert "holds itself" in refused(found)
    found = data()
    found["subgraphs"] |= {"a": shell("b"), "b": shell("a")}
    assert "holds itself" in refused(found)


def test_two_hundred_levels_and_too_many_blocks() -> None:
    found = data()
    found["subgraphs"] |= {f"level_{n}": shell(f"level_{n + 1}" if n < 199 else "") for n in range(200)}
    assert "32 deep" in refused(found)
    found = data()
    found["subgraphs"] |= {f"level_{n}": shell(f"level_{n + 1}" if n < 29 else "") for n in range(30)}
    found["nodes"]["much"] = {"block": "subgraphs.level_0"}
    assert "at most 5,000" in refused(found)


def test_ports_and_settings_twice_and_names_that_cannot_be() -> None:
    for side in ("takes", "gives"):
        found = data()
        found["subgraphs"]["tower"][side] *= 2
        assert "twice" in refused(found)
    found = data()
    found["subgraphs"]["tower"]["knobs"] *= 2
    assert "twice" in refused(found)
    found = data()
    found["subgraphs"]["tower"]["takes"][0]["kind"] = "smell"
    assert "smell" in refused(found)
    found = data()
    found["subgraphs"]["a.b"] = shell()
    assert "usable id" in refused(found)


@pytest.mark.parametrize(
    "spoilt",
    [[], None, 3, {"nodes": 3}, {"nodes": {}}, {**shell(), "takes": [{"name": "x"}]}, {**shell(), "knobs": [{}]}],
)
def test_no_subgraph_at_all(spoilt: Any) -> None:
    found = data()
    found["subgraphs"]["tower"] = spoilt
    assert refused(found)


def test_one_that_is_missing_and_a_value_that_nothing_shows_open_and_are_told() -> None:
    found = data()
    found["nodes"]["tower_2"]["block"] = "subgraphs.gone"
    found["nodes"]["tower"]["knobs"] = {"height": 3}
    document = file.from_data(found)
    assert file.to_data(document)["nodes"]["tower_2"]["knobs"] == {"width": 32}  # kept
    told = {problem.node: problem for problem in analyse(document, WORDS).problems}
    assert "no subgraph called 'gone'" in told["tower_2"].what
    assert "'height'" in told["tower"].what


def test_a_border_outside_of_a_subgraph_is_an_unknown_block() -> None:
    found = data()
    found["nodes"]["lost"] = {"block": "border.entry"}
    told = {problem.node: problem.what for problem in analyse(file.from_data(found), WORDS).problems}
    assert "border.entry" in told["lost"]


def test_an_older_studio_keeps_what_it_does_not_know() -> None:
    found = data()
    assert found["version"] == 2
    found["later"] = found.pop("subgraphs")  # as a reader without them sees it
    assert file.to_data(file.from_data(found))["later"] == found["later"]
