"""Lightning's table: empty cells are missing values, a header that grew is the header of every row."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from core.problems import Refused
from core.records.formats.yaml_files import mapping_in
from core.records.looking import places_in, read
from tests.core.records.reading import only_run, said

TABLE = """epoch,loss,step,val_loss
0,0.5,0,
0,0.25,10,
0,,10,0.75
1,nan,20,inf
1,oops,30,
"""


def test_empty_cells_are_missing_and_steps_are_kept(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(TABLE)
    run = only_run(tmp_path)
    assert said(run, "val_loss") == [(10, 0.75), (20, math.inf)]
    assert said(run, "loss")[:2] == [(0, 0.5), (10, 0.25)]
    assert math.isnan(said(run, "loss")[2][1])
    assert said(run, "epoch") == [(0, 0.0), (10, 0.0), (20, 1.0), (30, 1.0)]
    assert run.remarks == (
        "This record keeps no times.",
        "Left out: 1 cells that are no numbers.",
        "2 values are not finite (NaN or infinite); they are kept as they are.",
        "1 values were said again at the same step; the last one counts.",
    )


def test_settings_come_along_and_no_object_is_made(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("loss\n0.5\n0.25\n")
    (tmp_path / "hparams.yaml").write_text(
        "lr: 0.1\nmodel: {width: 3, sizes: !!python/tuple [1, 2]}\nevil: !!python/object/apply:os.system ['touch owned']\n"
    )
    run = only_run(tmp_path)
    assert run.settings == {"lr": 0.1, "model.width": 3, "model.sizes": "1, 2", "evil": "touch owned"}
    assert said(run, "loss") == [(0, 0.5), (1, 0.25)]
    assert not Path("owned").exists()


def test_a_bomb_of_aliases_costs_nothing(tmp_path: Path) -> None:
    many = ((a, ",".join(9 * [f"*{b}"])) for a, b in zip("bcdefghijkl", "abcdefghijk"))
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]", *(f"{name}: &{name} [{inside}]" for name, inside in many)]
    (tmp_path / "metrics.csv").write_text("loss\n0.5\n")
    (tmp_path / "hparams.yaml").write_text("\n".join(lines))
    assert max(len(str(value)) for value in only_run(tmp_path).settings.values()) < 10_000


def test_what_is_no_yaml_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: [1")
    with pytest.raises(Refused, match="no YAML file"):
        mapping_in(tmp_path / "x.yaml")


def test_a_table_that_grows_keeps_its_identity(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,loss\n0,1\n")
    first = only_run(tmp_path)
    (tmp_path / "metrics.csv").write_text("step,loss,acc\n0,1,\n1,0.5,0.1\n")
    second = read(places_in(tmp_path)[0][0], lambda bytes_: None)
    assert first.identity == second.identity
    assert said(second, "loss") == [(0, 1.0), (1, 0.5)]
