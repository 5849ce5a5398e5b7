"""Lightning's folders, which have no name of their own: a moved one is the same run, another training in the same place is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.records.keeping import bring
from core.records.looking import look
from core.store.database import Store
from core.store.library import Library

ROWS = ["0,0.5", "1,0.25", "2,0.125"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store" / "runs.db")


def trained(folder: Path, rows: list[str], settings: str = "lr: 0.1\n") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.csv").write_text("\n".join(["step,loss", *rows]) + "\n")
    (folder / "hparams.yaml").write_text(settings)


def imported(store: Store, folder: Path) -> list[tuple[str, str]]:
    found = look(folder)
    came = bring(store, [each.place for each in found.runs], folder)
    return [(each.what, each.uid) for each in came.kept]


def test_a_moved_folder_is_the_same_run_and_goes_on(tmp_path: Path, store: Store) -> None:
    trained(tmp_path / "a/lightning_logs/version_0", ROWS[:2])
    ((_, uid),) = imported(store, tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    assert imported(store, tmp_path / "b") == [("known", uid)]
    trained(tmp_path / "b/lightning_logs/version_0", ROWS)
    assert imported(store, tmp_path / "b") == [("added", uid)]
    (tmp_path / "b").rename(tmp_path / "c")  # once more, from where it lay last
    assert imported(store, tmp_path / "c") == [("known", uid)]
    (facts,) = Library(store).runs()
    assert Library(store).environment(uid)["origin"]["folder"] == str(tmp_path / "c/lightning_logs/version_0")
    store.close()


def test_another_training_in_the_same_place_is_another_run(tmp_path: Path, store: Store) -> None:
    trained(tmp_path / "version_0", ROWS)
    ((_, first),) = imported(store, tmp_path)
    trained(tmp_path / "version_0", ["0,0.75", "1,0.5"])
    ((what, second),) = imported(store, tmp_path)
    assert what == "new"
    assert second != first
    assert Library(store).reader(first).points("loss")[1].tolist() == [0.5, 0.25, 0.125]
    assert imported(store, tmp_path) == [("known", second)]
    trained(tmp_path / "version_0", ROWS)  # the first one is put back
    assert imported(store, tmp_path) == [("known", first)]
    assert len(Library(store).runs()) == 2
    store.close()


@pytest.mark.parametrize("change", ["copied", "other values", "other settings", "other name"])
def test_what_only_looks_alike_is_a_run_of_its_own(tmp_path: Path, store: Store, change: str) -> None:
    trained(tmp_path / "a/version_0", ROWS)
    ((_, uid),) = imported(store, tmp_path / "a")
    if change != "copied":
        (tmp_path / "a").rename(tmp_path / "gone-elsewhere")
    name = "version_1" if change == "other name" else "version_0"
    rows = ["0,0.5", "1,0.3"] if change == "other values" else ROWS
    trained(tmp_path / "b" / name, rows, "lr: 0.2\n" if change == "other settings" else "lr: 0.1\n")
    ((what, other),) = imported(store, tmp_path / "b")
    assert what == "new"
    assert other != uid
    store.close()
