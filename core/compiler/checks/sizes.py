"""Whether every task's data is large enough for its batches, and which data runs out long before the others': told before a run."""

from __future__ import annotations

from core.compiler.plan import Plan, Task
from core.data.graphs import SampleGraphs
from core.data.order import packs_rows
from core.graph.mixing import mean_shares, taking_turns
from core.problems import Problem

MUCH_MORE = 8.0  # times as many passes over one task's data as over another's are worth a warning


def size_problems(plan: Plan, graphs: SampleGraphs) -> list[Problem]:
    """Errors for data that does not fill one batch of its task, warnings for data that is seen far more often than others.

    The sources must have been opened. A task that never has a turn is only evaluated: it needs no training data.
    """
    learning = [task for task in plan.tasks if task.source in taking_turns(plan.document.recipe.mix, plan.sources)]
    counts = {task.source: len(graphs[task.source].source.splits().get("train", ())) for task in learning}
    small = [problem for task in learning if (problem := _too_small(plan, task, counts[task.source])) is not None]
    return small or _run_out(plan, learning, counts)


def _too_small(plan: Plan, task: Task, count: int) -> Problem | None:
    recipe = plan.document.recipe
    batch = (
        recipe.processes if packs_rows(recipe.batching.key) else recipe.batch_of(task.source)
    )  # a pack counts tokens
    if count >= batch:
        return None
    several, title, hint = len(plan.tasks) > 1, task.title, "Choose a smaller batch."
    if count and several:
        what = f"The training split of {title} has {count:,} samples, fewer than one batch of {batch:,}."
    elif count:
        what = f"The training split has {count:,} samples, fewer than one batch of {batch:,}."
    else:
        what = f"The training split of {title} is empty." if several else "The training split is empty."
        hint = "Choose another place, or hold out less."
    return Problem(what=what, node=task.source, hint=hint)


def _run_out(plan: Plan, learning: list[Task], counts: dict[str, int]) -> list[Problem]:
    """A task that goes through its data again and again while another has hardly begun."""
    recipe = plan.document.recipe
    shares = mean_shares(recipe.mix, plan.sources)
    passes = {
        task.source: recipe.steps * shares[task.source] * recipe.batch_of(task.source) / counts[task.source] for task in learning
    }  # fmt: skip
    least = min(learning, key=lambda task: passes[task.source])
    return [
        Problem(
            what=f"{task.title} runs out first: its {counts[task.source]:,} training samples are seen about "
            f"{passes[task.source]:,.0f} times in this run, those of {least.title} {passes[least.source]:,.1f} times.",
            node=task.source, severity="warning", hint="Give it a smaller share or a smaller batch, if that is not wanted.",
        )
        for task in learning
        if passes[task.source] > max(1.0, MUCH_MORE * passes[least.source])
    ]  # fmt: skip
