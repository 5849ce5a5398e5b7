"""What the compiler found out about the flat form, told where it was drawn: a copy costs what is in it and gives what its ends give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from core.graph.analysis import Analysis, NodeFacts, PortFacts
from core.graph.document import Document, End
from core.graph.subgraphs.definitions import definition_of
from core.graph.subgraphs.flat import Flat, Path
from core.problems import Fix, Problem

OF_RECIPE: Final = frozenset({"set_rule", "set_mix", "set_recipe", "switch", "set_sweep", "drop_axis", "link_axis"})


def with_wholes(found: Analysis, flat: Flat, drawn: Document) -> Analysis:
    """The analysis with facts for every copy and for what comes in at every border, and remedies where they can be carried out."""
    if not flat.wholes:
        return found
    wholes = {
        key: _whole(
            [found.nodes[each] for each in inner if each in found.nodes], _outputs(found, flat.ends.get(key, {}))
        )
        for key, inner in flat.wholes.items()
    }
    borders = {
        key: NodeFacts(outputs=_outputs(found, ends)) for key, ends in flat.ends.items() if key not in flat.wholes
    }
    problems = tuple(_mendable(problem, flat, drawn) for problem in found.problems)
    return replace(found, wholes=wholes, borders=borders, problems=problems)


def _whole(inner: list[NodeFacts], outputs: Mapping[str, PortFacts]) -> NodeFacts:
    learning = [facts for facts in inner if facts.parameters + facts.shared_parameters]
    return NodeFacts(
        parameters=sum(facts.parameters for facts in inner),
        trained_parameters=sum(facts.trained_parameters for facts in inner),
        shared_parameters=sum(facts.shared_parameters for facts in inner), flops=sum(facts.flops for facts in inner),
        activation_mebibytes=sum(facts.activation_mebibytes for facts in inner),
        frozen=bool(learning) and all(facts.frozen for facts in learning), outputs=outputs,
    )  # fmt: skip


def _outputs(found: Analysis, ends: Mapping[str, End]) -> dict[str, PortFacts]:
    known = {port: found.nodes[end.node].outputs.get(end.port) for port, end in ends.items() if end.node in found.nodes}
    return {port: facts for port, facts in known.items() if facts is not None}


def at_level(found: Analysis, flat: Flat, path: Path) -> Analysis:
    """The analysis as one level shows it: facts by the ids of its nodes, problems that lie in it or deeper, told of its nodes."""
    if not flat.wholes:
        return found
    prefix = "".join(f"{key}." for key in path)
    every = {**found.nodes, **found.wholes, **found.borders}
    nodes = {key.removeprefix(prefix): facts for key, facts in every.items() if key.startswith(prefix)}
    problems = []
    for problem in found.problems:
        drawn = place_of(flat, problem.node) if problem.node else ()
        if drawn[: len(path)] == path and len(drawn) > len(path):
            problems.append(replace(problem, node=drawn[len(path)]))
        elif not path:
            problems.append(problem)
    return replace(found, nodes=nodes, wholes={}, borders={}, problems=tuple(problems))


def place_of(flat: Flat, node: str) -> Path:
    """Where a block of the flat form, or a copy by its path, is drawn; what is neither is its own place."""
    if node in flat.paths:
        return flat.paths[node]
    return tuple(node.split(".")) if node in flat.wholes or node in flat.ends else (node,)


def _mendable(problem: Problem, flat: Flat, drawn: Document) -> Problem:
    return (
        problem if problem.fix is None or fix_at(problem.fix, flat, drawn) is not None else replace(problem, fix=None)
    )


def fix_at(fix: Fix, flat: Flat, drawn: Document) -> tuple[Path, Fix] | None:
    """A remedy of the flat form as an edit of the level that it lies in; None where it reaches across a border.

    A setting that a copy shows is mended at the copy, so that no other copy changes with it.
    """
    if not flat.wholes:
        return (), fix
    if fix.edit in OF_RECIPE:
        node = fix.arguments.get("node")
        known = {"node": ".".join(place_of(flat, node))} if isinstance(node, str) else {}
        return (), replace(fix, arguments={**fix.arguments, **known})
    levels: set[Path] = set()

    def local(node: str) -> str:
        where = place_of(flat, node)
        levels.add(where[:-1])
        return where[-1]

    arguments = {name: _local(name, value, local) for name, value in fix.arguments.items()}
    if len(levels) != 1:
        return None
    (level,) = levels
    return _at_the_copy(level, replace(fix, arguments=arguments), drawn)


def _local(name: str, value: Any, local: Callable[[str], str]) -> Any:
    if isinstance(value, End):
        return replace(value, node=local(value.node))
    if name in ("node", "other", "beside") or (name == "source" and isinstance(value, str)):
        return local(value)
    if name == "wires":
        return tuple(">".join(_local_end(end, local) for end in key.split(">")) for key in value)
    return value


def _local_end(text: str, local: Callable[[str], str]) -> str:
    node, _, port = text.rpartition(".")
    return f"{local(node)}.{port}"


def _at_the_copy(level: Path, fix: Fix, drawn: Document) -> tuple[Path, Fix]:
    """Up to the copies that show the setting, as far as they do."""
    while fix.edit == "set_knob" and level:
        nodes = drawn.nodes
        for key in level[:-1]:
            nodes = drawn.definitions[nodes[key].block.partition(".")[2]].nodes
        definition = definition_of(drawn.definitions, nodes[level[-1]])
        shown = [
            each for each in (definition.knobs if definition else ()) if (each.node, each.knob) == (fix.arguments["node"], fix.arguments["name"])
        ]  # fmt: skip
        if not shown:
            break
        fix = replace(fix, arguments={**fix.arguments, "node": level[-1], "name": shown[0].name})
        level = level[:-1]
    return level, fix
