"""A sweep's table as text: CSV for a program, Markdown for a page, LaTeX (booktabs) for a paper."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence

from core.runs.verdict import ConfigurationRow, Estimate, Table, cost, figure, gap, is_share, sentence

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "·": r"\(\cdot\)", "–": "--", "−": r"\(-\)", "±": r"\(\pm\)",
}  # fmt: skip


def spread(found: Estimate | None, metric: str, shown: Callable[[float, str], str] = figure) -> str:
    """``61.2 % ± 1.3``: the mean and half the 95 % interval."""
    if found is None:
        return "–"
    text = shown(found.mean, metric)
    if not math.isfinite(found.low):
        return text
    half = (found.high - found.low) / 2
    return f"{text} ± {100 * half:.1f}" if is_share(metric) else f"{text} ± {half:.2g}"


def interval(found: Estimate | None, metric: str) -> str:
    """``[59.9 %, 62.5 %]``; a dash where one seed gives none."""
    if found is None or not math.isfinite(found.low):
        return "–"
    return f"[{figure(found.low, metric)}, {figure(found.high, metric)}]"


def differing(table: Table) -> list[str]:
    """Costs that are not the same for every configuration: the others say nothing in a table.

    What only some of those that have run tell of (such as an adaptive weight) is not the same.
    """
    ran = [row for row in table.rows if row.figures]
    return [
        name
        for name in table.figures
        if len({round(_mean(row, name), 9) if name in row.figures else None for row in ran}) > 1
    ]


def _mean(row: ConfigurationRow, name: str) -> float:
    return row.figures[name].mean


def header(table: Table, costs: Sequence[str]) -> list[str]:
    """Titles of the columns."""
    return [
        "configuration",
        "seeds",
        table.metric,
        "95 % CI",
        f"against {table.baseline}",
        "p (t)",
        "p (flips)",
        *costs,
    ]


def lines(table: Table, costs: Sequence[str], shown: Callable[[float, str], str] = figure) -> list[list[str]]:
    """One line a configuration, as people read it; ``shown`` writes a cost of a name."""
    return [_line(table, row, costs, shown) for row in table.rows]


def _line(table: Table, row: ConfigurationRow, costs: Sequence[str], shown: Callable[[float, str], str]) -> list[str]:
    found, metric = table.comparisons.get(row.configuration.name), table.metric
    against = ["", "", ""]
    if found is not None:
        sign = "+" if found.difference.mean > 0 else ""
        against = [f"{sign}{spread(found.difference, metric, gap)}{' *' if found.distinguishable else ''}"]
        against += [f"{found.p_t:.3f}", f"{found.p_flip:.3f}"]
    figures = [cost(table, row, name, shown) for name in costs]
    mean = figure(row.estimate.mean, metric) if row.estimate else "–"
    return [row.configuration.name, str(len(row.values)), mean, interval(row.estimate, metric), *against, *figures]


def as_csv(table: Table) -> str:
    """Every figure in full: a row a configuration."""
    out = io.StringIO()
    names = [
        "mean",
        "low",
        "high",
        "difference",
        "difference_low",
        "difference_high",
        "p_t",
        "p_flip",
        "distinguishable",
    ]
    writer = csv.writer(out, lineterminator="\n")
    axes = list(dict.fromkeys(title for row in table.rows for title in row.configuration.at))
    writer.writerow(["configuration", *axes, "metric", "seeds", *names, *table.figures])
    for row in table.rows:
        found = table.comparisons.get(row.configuration.name)
        mine = [row.estimate.mean, row.estimate.low, row.estimate.high] if row.estimate else [""] * 3
        against: list[object] = [""] * 6
        if found is not None:
            by = found.difference
            against = [by.mean, by.low, by.high, found.p_t, found.p_flip, int(found.distinguishable)]
        costs = [_mean(row, name) if name in row.figures else "" for name in table.figures]
        at = [row.configuration.at.get(title, "") for title in axes]
        writer.writerow(
            [_safe(row.configuration.name), *map(_safe, at), table.metric, len(row.values), *mine, *against, *costs]
        )
    return out.getvalue()


def _safe(value: object) -> object:
    """A text that a spreadsheet will not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value[:1] else value


def as_markdown(table: Table) -> str:
    """The table with the verdict below it."""
    costs = differing(table)
    rows = [header(table, costs), ["---"] * len(header(table, costs)), *lines(table, costs)]
    text = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    return f"{text}\n\n{sentence(table)}\n"


def as_latex(table: Table) -> str:
    """A booktabs table; the verdict is its caption."""
    costs = differing(table)
    titles = header(table, costs)
    body = "\n".join("    " + " & ".join(map(_escaped, row)) + r" \\" for row in lines(table, costs))
    return (
        "\\begin{table}\n  \\centering\n"
        f"  \\caption{{{_escaped(sentence(table))}}}\n"
        f"  \\begin{{tabular}}{{l{'r' * (len(titles) - 1)}}}\n    \\toprule\n"
        f"    {' & '.join(map(_escaped, titles))} \\\\\n    \\midrule\n{body}\n    \\bottomrule\n"
        "  \\end{tabular}\n\\end{table}\n"
    )


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


FORMATS: Mapping[str, Callable[[Table], str]] = {"csv": as_csv, "md": as_markdown, "tex": as_latex}
