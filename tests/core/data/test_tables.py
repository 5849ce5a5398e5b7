"""Tables as people and programs write them: every row is read, or counted and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from core.data.sources.caption_table import CaptionTable
from core.data.tables import read_table
from core.problems import Problem, Refused


def read(file: Path, content: str | bytes) -> tuple[list[dict[str, str]], list[str]]:
    """Rows, and what is said."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    lines = list(read_table(file))
    return [dict(row) for _, row in lines if not isinstance(row, Problem)], [
        row.what for _, row in lines if isinstance(row, Problem)
    ]


def sixty(changed: dict[int, str]) -> str:
    return "file,caption\n" + "".join(changed.get(n, f"p{n:02}.png,a shade{n} box") + "\n" for n in range(60))


@pytest.mark.parametrize(
    "changed",
    [
        {9: 'p09.png,"a shade9 disc'},
        {9: 'p09.png,"a shade9 disc', 40: 'p40.png,"a shade40 disc'},
        {9: 'p09.png,"a shade9 disc', 40: 'p40.png,a shade40 disc"'},
        {9: 'p09.png,"a shade9 disc', 10: 'p10.png,"a good, quoted one"'},
        {9: 'p09.png,"a "big" disc"'},
        {59: 'p59.png,"the last'},
    ],
)
def test_a_stray_quotation_mark_swallows_no_row(tmp_path: Path, changed: dict[int, str]) -> None:
    rows, said = read(tmp_path / "captions.csv", sixty(changed))
    assert [row["file"] for row in rows] == [f"p{n:02}.png" for n in range(60)]
    strays = [n for n, line in changed.items() if ("good" not in line and not line.endswith('disc"')) or "big" in line]
    assert said == [f"Line {n + 2} has a stray quotation mark; it was read as a line of its own." for n in strays]
    assert all(row["caption"].startswith(("a ", "the last")) for row in rows)


def test_a_stray_mark_in_a_row_of_other_length_costs_that_row_alone(tmp_path: Path) -> None:
    rows, said = read(tmp_path / "captions.csv", sixty({9: 'p09.png,"red, round', 20: 'p20.png,"blue, ""odd"""'}))
    assert len(rows) == 59
    assert rows[19] == {"file": "p20.png", "caption": 'blue, "odd"'}
    assert said == ["Line 11 has a stray quotation mark and was left out."]


def test_a_caption_may_run_over_lines_and_hold_separators(tmp_path: Path) -> None:
    content = 'file,caption\na.png,"red, round\nand blue, square"\r\nb.png,"one\n\ntwo"\nc.png,5" pipe\n'
    rows, said = read(tmp_path / "captions.csv", content)
    assert [row["caption"] for row in rows] == ["red, round\nand blue, square", "one\n\ntwo", '5" pipe']
    assert said == []


def test_tabs_know_no_quotation_marks(tmp_path: Path) -> None:
    rows, said = read(tmp_path / "captions.tsv", 'file\tcaption\na.png\t"unclosed\nb.png\tsays "no"\nc.png\t"all"\n')
    assert [row["caption"] for row in rows] == ['"unclosed', 'says "no"', '"all"']
    assert said == []


def test_spaces_after_commas_do_not_break_quotation_marks(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "segments.csv", 'file, start, labels\na.wav, 30.0, "/m/01,/m/02"\n')
    assert rows == [{"file": "a.wav", "start": "30.0", "labels": "/m/01,/m/02"}]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_line_ends_and_a_byte_order_mark(tmp_path: Path, end: str, mark: bytes, name: str) -> None:
    line = "{a}\t{b}" if name.endswith("tsv") else "{a},{b}"
    text = end.join(line.format(a=a, b=b) for a, b in (("file", "caption"), ("a.png", "x"), ("b.png", "y"))) + end
    rows, said = read(tmp_path / name, mark + text.encode())
    assert rows == [{"file": "a.png", "caption": "x"}, {"file": "b.png", "caption": "y"}]
    assert said == []


def test_rows_of_another_length_and_with_nul_are_told_empty_ones_are_not(tmp_path: Path) -> None:
    rows, said = read(tmp_path / "a.csv", "file,caption\na.png,x\n\n,\nb.png\nc.png,y,z\nd.png,n\0l\ne.png,w\n")
    assert [row["file"] for row in rows] == ["a.png", "e.png"]
    assert said == [
        "Line 5 has another number of columns than the first: 1, not 2.", "Line 6 has another number of columns than the first: 3, not 2.", "Line 7 holds a NUL character.",
    ]  # fmt: skip


@pytest.mark.parametrize("head", ["file,caption,caption", "file,caption, caption ", "caption,file,caption"])
def test_two_columns_of_one_name_are_a_problem(tmp_path: Path, head: str) -> None:
    with pytest.raises(Refused, match="two columns named 'caption'"):
        read(tmp_path / "a.csv", f"{head}\na.png,x,y\n")
    _, said = read(tmp_path / "a.jsonl", '{"file": "a", "caption": "x", "caption": "y"}\n')
    assert said == ["Line 1 has two columns named 'caption'."]


def test_columns_without_a_name_are_not_columns(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "a.csv", ",file,caption,\n0,a.png,x,\n")  # as pandas and spreadsheets write them
    assert rows == [{"file": "a.png", "caption": "x"}]


def source(folder: Path, *rows: object, **knobs: object) -> CaptionTable:
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    made = CaptionTable(CaptionTable.Config(folder=str(folder), image_size=16, **knobs))
    made.open()
    return made


def test_a_picture_may_be_called_0(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "0", "PNG")
    made = source(
        tmp_path, {"file": 0, "caption": 0}, {"file": "0", "caption": "nought"}, {"file": None, "caption": "x"}
    )
    assert [(row.name, row.caption) for row in made.rows] == [("0", "0"), ("0", "nought")]
    assert made.sample(0)["image"].shape == (3, 16, 16)
    assert made.left_out() == 1


def test_two_columns_told_apart_by_case_must_be_named(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    row = {"file": "a.png", "Caption": "x", "caption": "y"}
    with pytest.raises(Refused, match="several columns that could be the caption: Caption, caption"):
        source(tmp_path, row)
    assert source(tmp_path, row, caption_column="Caption").rows[0].caption == "x"


def test_a_column_that_begins_late_is_found(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    rows = [{"file": "a.png", "caption": f"{n}"} for n in range(150)]
    made = source(tmp_path, *rows, {"file": "a.png", "caption": "last", "split": "test"})
    assert made.rows[-1].split == "test"


def test_every_row_that_is_not_read_is_counted_and_told_to_a_thousand(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "b.heic").write_bytes(b"x")
    made = source(
        tmp_path, {"file": "a.png", "caption": "x"}, *({"file": "gone.png", "caption": "x"} for _ in range(1_005)),
        {"file": "b.heic", "caption": "phone"},
    )  # fmt: skip
    said = [problem.what for problem in made.problems()]
    assert (made.left_out(), made.faulty()) == (1_006, 1_005)
    assert said[0] == "Images ending in .heic were left out (1); this kind is not read here."
    assert said[-1] == "Another 5 rows were left out."
    assert made.report().left_out == 1_006
