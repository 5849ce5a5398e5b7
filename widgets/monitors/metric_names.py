"""What any series of a run is called, in what unit it is, and how its value is written."""

from __future__ import annotations

from collections.abc import Mapping

from core.graph.selection import BETWEEN, task_of, without_task
from widgets.look.language import tr
from widgets.look.sides import metric_words
from widgets.monitors.ranges import compact

UNITS = {"memory": "MiB", "cost/processor seconds": "s", "throughput": "1/s"}  # by series, or by how it begins
SHARES = (
    "accuracy",
    "dropped",
    "kept keys found",
    "clipped",
    "hidden",
    "asked",
    "drawn",
    "use",
)  # parts of one, read as percent


def words() -> dict[str, str]:
    """Parts of series' names that blocks, training options and diagnostics use."""
    return {
        "balance": tr("loss balance"), "weight": tr("weight"), "factor": tr("factor"), "strength": tr("strength"),
        "gradient": tr("gradient norm"), "memory": tr("memory"), "GPU peak": tr("GPU memory, peak"), "rate": tr("learning rate"),
        "kept keys found": tr("kept keys found again"), "reconstruction R2": tr("reconstruction R²"), "gate": tr("gate"),
        "hidden": tr("share of missing tokens"), "bias": tr("bias"), "accuracy": tr("accuracy in the batch"), "clipped": tr("clipped gradients"),
        "throughput": tr("throughput"), "temperature": tr("temperature"), "loss": tr("loss"), "experts": tr("experts"),
        "dropped": tr("dropped tokens"), "entropy": tr("entropy"), "purity": tr("purity"), "quietest": tr("quietest expert"),
        "cost": tr("cost"), "processor seconds": tr("processor time"), "parameters": tr("parameters"),
        "trained parameters": tr("trained parameters"), "flops": tr("FLOPs per example"), "similarity": tr("similarity"), "keys": tr("keys in the queue"),
        "all": tr("all blocks"), "modality": tr("modality"), "discriminator": tr("discriminator loss"),
        "discriminator accuracy": tr("discriminator accuracy"), "variety": tr("variety"),
        "chance discriminator accuracy": tr("chance discriminator accuracy"), "adaptive weight": tr("adaptive weight"),
        "mix": tr("tasks"), "resolution": tr("image size"), "asked": tr("share asked for"),
        "drawn": tr("share drawn"), "epochs": tr("epochs"),
        "codes": tr("code book"), "use": tr("codes used"), "perplexity": tr("perplexity"), "dead": tr("dead codes"),
        "bits": tr("bits per pixel"), "entropy bits": tr("bits per pixel, entropy-coded"), "commitment": tr("commitment"),
        "pooled PSNR": tr("pooled PSNR"), "pooled SSIM": tr("pooled SSIM"), "mean image PSNR": tr("mean image PSNR"),
        "images compared": tr("images compared"), "perceptual distance": tr("perceptual distance"),
        "chance perceptual distance": tr("chance perceptual distance"),
    }  # fmt: skip


def metric_title(series: str, titles: Mapping[str, str]) -> str:
    """A series in words, with blocks as they are called on the canvas: ``memory · Text transformer``."""
    head, *rest = series.split("/")
    if head in ("retrieval", "score", "selection"):
        return metric_words(series)
    known = words()
    return " · ".join([known.get(head) or metric_words(head), *(_part(part, titles, known) for part in rest)])


def _part(part: str, titles: Mapping[str, str], known: Mapping[str, str]) -> str:
    """A block's title, with the number behind it where one block says several; else a word."""
    if task := task_of(part):
        return f"{_part(without_task(part), titles, known)}{BETWEEN}{tr(task)}"
    node, dot, number = part.partition(".")
    if part in titles or (node in titles and number.isdigit()):
        return titles.get(part) or f"{titles[node]}{dot}{number}"
    return known.get(part) or metric_words(part)


def unit_of(series: str) -> str:
    """``MiB``, ``s``, ``%`` ...; empty where it has none."""
    head = series.partition("/")[0]
    parts = series.split("/")
    if "R@" in series or any(share in parts for share in SHARES) or series.endswith("accuracy"):
        return "%"
    return UNITS.get(series) or UNITS.get(head, "")


def written(series: str, value: float) -> str:
    """A value with its unit."""
    unit = unit_of(series)
    if unit == "%":
        return f"{value * 100:.1f} %" if value == value else "NaN"
    return f"{compact(value)} {unit}".rstrip()


def panel_of(series: str) -> tuple[str, str]:
    """What may be drawn on one axis: figures of one unit, and without a unit of one kind."""
    unit = unit_of(series)
    parts = series.split("/")
    return unit, "" if unit else parts[0] + (
        "/" + parts[-1] if parts[0] in ("balance", "similarity", "experts") else ""
    )
