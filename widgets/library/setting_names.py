"""What settings and figures are called in heads of columns: blocks by the titles of the documents that runs were started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from core.exploring.fields import Field
from core.graph.recipe import Recipe
from core.graph.vocabulary import Vocabulary
from core.knobs import knobs_of
from widgets.look.figures import figure_name
from widgets.look.language import tr
from widgets.look.sides import metric_words, split_name, way_name

CHOICE = "phrase_to_box"  # asked among few answers, where R@10 says nothing


@dataclass(frozen=True, kw_only=True)
class Titles:
    """Nodes by the newest document that has them: what they are called, and of which block they are."""

    nodes: Mapping[str, str] = field(default_factory=dict)
    blocks: Mapping[str, str] = field(default_factory=dict)
    words: Vocabulary = field(default_factory=Vocabulary)


NO_TITLES = Titles()


def setting_title(name: str, titles: Titles) -> str:
    """``vit.width`` as ``ViT · Width``; a setting of the recipe as it is called there."""
    node, dot, knob = name.partition(".")
    if node in titles.nodes:
        return f"{titles.nodes[node]} · {_knob(node, knob, titles)}" if dot else titles.nodes[node]
    return tr(_recipe_titles().get(name, name.replace("_", " ")))


@cache
def _recipe_titles() -> dict[str, str]:
    return {knob.name: knob.title for knob in knobs_of(Recipe) if knob.title}


def _knob(node: str, knob: str, titles: Titles) -> str:
    block = titles.blocks.get(node, "")
    known = (
        next((each.title for each in titles.words[block].knobs if each.name == knob), "")
        if block in titles.words
        else ""
    )
    return tr(known) if known else tr(knob.replace("_", " "))


def metric_title(series: str) -> str:
    """Short enough for a column's head: ``R@10 validation``, ``R@1 phrase → box``."""
    parts = series.split("/")
    if parts[0] == "selection" and len(parts) == 3:
        return f"{figure_name(parts[2])} {split_name(parts[1])}"
    if len(parts) != 4:
        return figure_name(parts[-1])
    return f"{figure_name(parts[3])} {way_name(parts[2]) if parts[2] == CHOICE else split_name(parts[1])}"


def which_words(wanted: Field) -> str:
    """Which value of a figure."""
    if wanted.which == "at":
        return tr("step {step}", step=f"{wanted.step:,}")
    return tr("best") if wanted.which == "best" else tr("last value")


def short_title(wanted: Field, titles: Titles) -> str:
    """For a column's head."""
    if wanted.kind == "score":
        return f"{metric_title(wanted.name)} · {which_words(wanted)}"
    return setting_title(wanted.name, titles) if wanted.kind == "setting" else fact_title(wanted.name)


def long_title(wanted: Field, titles: Titles) -> str:
    """In full, with the name that a filter reads."""
    if wanted.kind == "score":
        return f"{metric_words(wanted.name)} · {which_words(wanted)}\n{wanted.key}"
    return f"{short_title(wanted, titles)}\n{wanted.key}"


def fact_title(name: str) -> str:
    """A fact of a run's row."""
    words = {
        "name": tr("Name"), "status": tr("Status"), "experiment": tr("Experiment"), "seed": tr("Seed"),
        "step": tr("Steps"), "steps": tr("planned steps"), "seconds": tr("Duration"), "started": tr("Started"),
        "tags": tr("Tags"), "notes": tr("Notes"), "place": tr("place"), "run": tr("run"), "parent": tr("forked from"),
    }  # fmt: skip
    return words.get(name, name)
