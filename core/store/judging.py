"""What people said of pairs of a dataset: kept with the dataset, whichever run showed them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from core.problems import refuse
from core.store.answers import JUDGEMENTS, Judged
from core.store.database import Store
from core.store.schema import pair_mark
from core.store.snapshots import clean

MOST_NUMBER = 2**31


def mark_pairs(
    store: Store, dataset: str, pairs: Iterable[tuple[int, int]], mark: str, *, run: str = "", step: int = 0
) -> int:
    """Judge pairs of a dataset (the order of two numbers does not matter); gives how many. Raises Refused."""
    if mark not in JUDGEMENTS:
        raise refuse(f"A pair cannot be judged as {mark!r}.", hint=f"Known: {', '.join(JUDGEMENTS)}.")
    if not dataset:
        raise refuse("It is not known which dataset these pairs belong to.")
    wanted = _ordered(pairs)
    rows = [
        {"dataset": clean(dataset), "left": left, "right": right, "mark": mark, "made": time.time(),
         "run": clean(run), "step": int(step)}
        for left, right in wanted
    ]  # fmt: skip
    if rows:
        statement = upsert(pair_mark).values(rows)
        changed = {name: statement.excluded[name] for name in ("mark", "made", "run", "step")}
        with store.write() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["dataset", "left", "right"], set_=changed)
            )
    return len(rows)


def unmark_pairs(store: Store, dataset: str, pairs: Iterable[tuple[int, int]]) -> int:
    """Take judgements back; gives how many there were."""
    gone = 0
    with store.write() as connection:
        for left, right in _ordered(pairs):
            gone += connection.execute(
                delete(pair_mark).where(
                    pair_mark.c.dataset == clean(dataset), pair_mark.c.left == left, pair_mark.c.right == right
                )
            ).rowcount
    return gone


def rename_dataset(store: Store, former: str, dataset: str) -> None:
    """What was judged of a dataset is kept under another name; a pair that was judged under both keeps the newer one's."""
    there = select(pair_mark.c.left, pair_mark.c.right).where(pair_mark.c.dataset == clean(dataset))
    ours = pair_mark.c.dataset == clean(former)
    with store.write() as connection:
        known = {(row.left, row.right) for row in connection.execute(there)}
        for row in connection.execute(select(pair_mark).where(ours)).all():
            if (row.left, row.right) not in known:
                connection.execute(update(pair_mark).where(pair_mark.c.id == row.id).values(dataset=clean(dataset)))
        connection.execute(delete(pair_mark).where(ours))


def pair_marks(store: Store, dataset: str) -> list[Judged]:
    """Every judgement of a dataset, by the pair's numbers."""
    asked = select(pair_mark).where(pair_mark.c.dataset == clean(dataset)).order_by(pair_mark.c.left, pair_mark.c.right)
    with store.read() as connection:
        return [
            Judged(left=row.left, right=row.right, mark=row.mark, made=row.made, run=row.run, step=row.step)
            for row in connection.execute(asked)
        ]


def marked_datasets(store: Store) -> dict[str, int]:
    """How many judgements each dataset has, by its fingerprint."""
    asked = select(pair_mark.c.dataset, func.count()).group_by(pair_mark.c.dataset)
    with store.read() as connection:
        return {str(dataset): int(count) for dataset, count in connection.execute(asked)}


def _ordered(pairs: Iterable[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    found: dict[tuple[int, int], None] = {}
    for left, right in pairs:
        one, other = sorted((int(left), int(right)))
        if one == other or one < 0 or other >= MOST_NUMBER:
            raise refuse(f"{left} and {right} are not a pair of samples.")
        found[one, other] = None
    return list(found)
