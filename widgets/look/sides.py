"""What splits, sides of a pair, directions and series of a run are called: one place for tables, monitors and columns."""

from __future__ import annotations

from core.graph.selection import BETWEEN, task_of, without_task
from widgets.look.figures import figure_name
from widgets.look.language import tr


def split_name(split: str, holds: str = "") -> str:
    """A split as a person says it. What a test split ``holds`` (unseen concepts, unseen pictures) is said where it is known
    of the data; the name alone promises nothing."""
    known = {"test": tr("test"), "style": tr("unseen style"), "train": tr("training data (seen)")}
    split, task = without_task(split), task_of(split)
    name = known.get(split) or tr(split.replace("_", " "))
    words = {
        "unseen concepts": tr("unseen concepts"), "unseen pictures": tr("unseen pictures"),
        "pictures of which some are trained on": tr("pictures of which some are trained on"),
        "unseen people": tr("unseen people"), "unseen speakers": tr("unseen speakers"), "unseen recordings": tr("unseen recordings"), "other folds": tr("other folds"),
        "unseen clips": tr("unseen clips"), "unseen videos": tr("unseen videos"),
        "clips of which some are trained on": tr("clips of which some are trained on"),
        "videos of which some are trained on": tr("videos of which some are trained on"),
    }  # fmt: skip
    return _of_task(f"{name} ({words.get(holds, holds)})" if holds else name, task)


def _of_task(name: str, task: str) -> str:
    """With the task's title behind it, where a run has several."""
    return f"{name}{BETWEEN}{tr(task)}" if task else name


SEEN = ("train", "seen")  # what was trained on is no test


def is_seen(split: str) -> bool:
    """Whether a split, of whatever task, was trained on."""
    return without_task(split) in SEEN


def by_honesty(split: str) -> tuple[bool, bool, bool, str]:
    """For sorting: held-out splits first, unseen concepts before all others."""
    plain = without_task(split)
    return is_seen(split), plain == "validation", plain not in ("test", "unseen concepts"), split


def side_name(side: str) -> str:
    """One side of a pair: ``image`` is a picture, ``shared`` what several modalities are fused into."""
    words = {
        "image": tr("image"), "text": tr("text"), "audio": tr("audio"), "video": tr("video"), "shared": tr("fused"),
        "left": tr("one view"), "right": tr("another view"), "phrase": tr("phrase"), "box": tr("box"),
        "class": tr("class"),
    }  # fmt: skip
    return words.get(side) or tr(side.replace("_", " "))


def way_name(way: str, between: str = " → ") -> str:
    """``image_to_text`` as a person says it; ``image+text`` is what a question is made of."""
    if task := task_of(way):
        return _of_task(way_name(without_task(way), between), task)
    if "+" in way:
        return " + ".join(side_name(side) for side in way.split("+"))
    return between.join(side_name(side) for side in way.split("_to_"))


def is_way_back(way: str) -> bool:
    """Whether this is the second of two directions between the same sides."""
    sides = way.split("_to_")
    return sides > sides[::-1]


def chosen_words(series: str) -> str:
    """A series that chooses a run's best, in full; which block says the score is left out, for only one chooses."""
    parts = series.split("/")
    if len(parts) == 4 and "_to_" not in parts[2] and "+" not in parts[2] and parts[2] != "*":
        return " · ".join((split_name(parts[1]), figure_name(parts[3])))
    return metric_words(series)


def metric_words(series: str) -> str:
    """A series in full: ``test · picture → text · R@10``; ``*`` stands for both directions, of which it is the mean."""
    parts = series.split("/")
    if parts[0] == "selection" and len(parts) == 3:
        parts = ["retrieval", parts[1], "*", parts[2]]
    if parts[0] in ("retrieval", "score", "selection") and len(parts) == 4:
        way = [tr("mean of both directions")] if parts[2] == "*" else [way_name(parts[2])]
        return " · ".join((split_name(parts[1]), *way, figure_name(parts[3])))
    if parts[:2] == ["gradient", "modality"]:
        return tr("gradient") + " · " + side_name(parts[2])
    return " · ".join(figure_name(part) for part in parts)
