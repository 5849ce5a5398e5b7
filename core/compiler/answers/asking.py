"""What a person gives, through a plan's own transforms as in evaluation: pictures, sentences, and classes made of sentences.

A class is the mean of its prompts' unit vectors, scaled to length one again (CLIP, arXiv:2103.00020, section 3.1.4; open_clip's
``build_zero_shot_classifier``). Axes: K classes, P prompts of a class, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.values import map_tensors
from core.compiler.module import Experiment
from core.data.base import Source, Transform
from core.data.batch import collate
from core.data.pipeline import SampleGraph, generator, read_by
from core.graph.document import End
from core.knobs import knob
from core.problems import refuse

AT_ONCE = 256  # sentences in the tower at a time
HERE = "{}"  # where a prompt takes the class's name


def through(graph: SampleGraph, given: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Every per-sample value that follows from values on the source's ports; steps that lack something are left out."""
    values: dict[tuple[str, str], Any] = {(graph.parts[0][0], port): value for port, value in given.items()}
    for node, part, wires in graph.parts[1:]:
        assert isinstance(part, Transform)
        needed = read_by(part, wires)
        incoming = {name: values[end] for name, end in needed.items() if end in values}
        passes_apart = part.only_in_training and part.hangs_on  # what is not brought is not missed
        if len(incoming) < (1 if part.alternatives or passes_apart else len(needed)):
            continue
        if part.only_in_training or part.plants:
            made = {port: incoming[port] for port in part.gives if port in incoming}
        else:
            made = part.evaluated(incoming, generator(0, 0, 0, node))
        values.update({(node, port): value for port, value in made.items()})
    return values


def asked(graph: SampleGraph, rows: Sequence[Mapping[str, Any]], device: torch.device) -> dict[End, Any]:
    """A batch of what ``rows`` give on the source's ports, with every carried end that follows from them."""
    made = [through(graph, given) for given in rows]
    wanted = [{key: values[key] for key in graph.wanted if key in values} for values in made]
    batch = collate(wanted, range(len(rows)))
    return {
        End(node=key[0], port=key[1]): map_tensors(lambda tensor: tensor.to(device), value)
        for key, value in batch.items()
        if key != "indices"
    }


def prompts_of(text: str) -> tuple[str, ...]:
    """``"{}; a picture of {}"`` as its parts. Raises Refused where one has no place for the name."""
    parts = tuple(part.strip() for part in text.split(";") if part.strip())
    wrong = next((part for part in parts if HERE not in part), "" if parts else text)
    if wrong or not parts:
        raise refuse(
            f"The prompt {wrong!r} has no place for a class's name.", hint="Write for instance: a picture of {}"
        )
    return parts


def class_of(source: Source, index: int, level: int) -> str:
    """A sample's class at a level of the data's nested classes, the finest where there are fewer; empty without classes."""
    names = source.class_names(index)
    return names[min(level, len(names)) - 1] if names else ""


def level_knob(default: int) -> Any:
    """At which level classes are told apart."""
    return knob(
        default, "Which of the data's nested classes: 1 the coarsest; beyond the last, the finest.", low=1, high=8,
        title="Class level",
    )  # fmt: skip


def classes_of(source: Source, level: int) -> list[str]:
    """Every class of the whole data at a level, by name."""
    return sorted({class_of(source, index, level) for split in source.splits().values() for index in split} - {""})


@torch.no_grad()
def class_vectors(
    experiment: Experiment,
    graph: SampleGraph,
    end: End,
    names: Sequence[str],
    prompts: Sequence[str],
    device: torch.device,
) -> Tensor:
    """Unit vectors [K, D] of classes in the space of a text side. Raises Refused where that side needs more than sentences."""
    sentences = [prompt.replace(HERE, name) for name in names for prompt in prompts]
    parts = []
    for some in _chunks(sentences, AT_ONCE):
        batch = asked(graph, [{"sentence": sentence} for sentence in some], device)
        try:
            made = experiment.run(batch, [end.node])[end]
        except KeyError as error:
            raise refuse(
                "Classes are made of sentences alone, and this graph's text side needs more.", node=end.node
            ) from error
        parts.append(F.normalize(made.float(), dim=-1))
    mean_KD = torch.cat(parts).unflatten(0, (len(names), len(prompts))).mean(1)
    return F.normalize(mean_KD, dim=-1)


def _chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
