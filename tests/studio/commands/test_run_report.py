"""What ``studio run`` prints at the end, whatever kinds of scores a drawing has."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from studio.commands.run import own_scores, score_table, subset_table

LAST = {
    "loss": 0.5,
    "score/test/masked_words/accuracy": 0.25, "score/test/masked_words/chance accuracy": 0.046,
    "score/test/masked_words/loss": 7.5,
    **{f"score/test/image+audio/{name}": value for name, value in (
        ("R@1", 0.1), ("R@5", 0.2), ("R@10", 0.3), ("mean rank", 9.0), ("chance R@1", 0.01), ("chance R@5", 0.05), ("chance R@10", 0.1),
    )},
    **{f"retrieval/test/image_to_text/{name}": value for name, value in (
        ("R@1", 0.4), ("R@5", 0.5), ("R@10", 0.6), ("mean rank", 4.0), ("chance R@1", 0.02), ("chance R@5", 0.06), ("chance R@10", 0.12),
    )},
}  # fmt: skip


def own(last: dict[str, float]) -> Table:
    return own_scores(last, {"masked_words": "Masked language modelling"})


def printed(table: object) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    return out.getvalue()


@pytest.mark.parametrize(
    ("table", "there", "elsewhere"),
    [
        (score_table, ("image to text", "40.0 % (2.0 %)"), ("Masked language modelling", "sound")),
        (subset_table, ("image + audio", "30.0 % (10.0 %)"), ("Masked language modelling", "image to text")),
        (
            own,
            ("Masked language modelling", "25.0 % (4.6 %)", "7.500"),
            ("sound", "R@", "mean rank", "chance accuracy"),
        ),
    ],
)
def test_every_score_stands_in_its_own_table_beside_its_chance(
    table: object, there: tuple[str, ...], elsewhere: tuple[str, ...]
) -> None:
    text = printed(table(LAST))  # type: ignore[operator]
    assert all(words in text for words in there), text
    assert not any(words in text for words in elsewhere), text


def test_a_run_without_scores_has_empty_tables() -> None:
    assert not any(table({"loss": 1.0}).row_count for table in (score_table, subset_table, own))
