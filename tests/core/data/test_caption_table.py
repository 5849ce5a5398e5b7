from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.data.pipeline import SampleGraph
from core.data.readers.video_process import video_process
from core.data.sources.caption_table import CaptionTable
from core.data.sources.image_folders import ImageFolders
from core.problems import Refused
from tests.conftest import SHARED_DATA
from tests.core.data import films


def paint(file: Path, colour: tuple[int, int, int] = (10, 20, 30), size: tuple[int, int] = (12, 12)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file)


def table(root: Path, rows: list[Any], name: str = "captions.jsonl") -> None:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def opened(root: Path, **knobs: Any) -> CaptionTable:
    source = CaptionTable(CaptionTable.Config(folder=str(root), image_size=16, **knobs))
    source.open()
    return source


@pytest.fixture
def twenty(tmp_path: Path) -> Path:
    for number in range(20):
        paint(tmp_path / "images" / f"{number}.png", (number * 10, 0, 0))
    return tmp_path


def rows(count: int = 20, **more: Any) -> list[dict[str, Any]]:
    return [{"file": f"images/{number}.png", "name": f"thing {number}", **more} for number in range(count)]


def test_columns_are_found_and_split_words_understood(twenty: Path) -> None:
    splits = ["train"] * 14 + ["val"] * 3 + ["Test"] * 3
    table(twenty, [{**row, "split": split, "keywords": ["a", "b"]} for row, split in zip(rows(), splits)])
    source = opened(twenty, extra_column="keywords")
    assert {name: len(indices) for name, indices in source.splits().items()} == {
        "train": 14,
        "validation": 3,
        "test": 3,
    }
    sample = source.sample(2)
    assert sample["sentence"] == "thing 2, a, b"
    assert source.label(2) == "thing 2"
    assert sample["image"].shape == (3, 16, 16)
    assert sample["image"][0, 0, 0].item() == pytest.approx(20 / 255)


@pytest.mark.parametrize(("name", "separator"), [("pairs.csv", ","), ("pairs.csv", ";"), ("pairs.csv", "\t")])
def test_tables_of_commas_and_tabs(twenty: Path, name: str, separator: str) -> None:
    with (twenty / name).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(["image", "caption"])
        writer.writerows([f"images/{number}.png", f'a "{number}"{separator} 红'] for number in range(20))
    source = opened(twenty)
    assert len(source) == 20
    assert source.sample(3)["sentence"] == f'a "3"{separator} 红'.replace("\t", "")


def test_without_a_split_column_groups_fall_together(twenty: Path) -> None:
    table(twenty, [{**row, "family": f"f{number // 2}"} for number, row in enumerate(rows())])
    source = opened(twenty)
    home = {index: name for name, indices in source.splits().items() for index in indices}
    assert all(home[number] == home[number + 1] for number in range(0, 20, 2))
    assert source.report().shared_groups == ()


def test_equal_captions_fall_together_where_there_is_no_group(twenty: Path) -> None:
    table(twenty, [{**row, "name": "The Same" if number % 2 else "the same"} for number, row in enumerate(rows())])
    assert max(len(indices) for indices in opened(twenty).splits().values()) == 20


def test_bad_rows_are_told_by_line_and_left_out(twenty: Path) -> None:
    table(
        twenty,
        [*rows(15), "{not json", "[1, 2]", '{"file": "images/15.png", "name": NaN}', {"file": "images/16.png", "name": "  "},
         {"file": "images/none.png", "name": "x"}, {"name": "no file"}, {"file": "images/15.png", "name": "good"}],
    )  # fmt: skip
    source = opened(twenty)
    assert len(source) == 16
    told = [problem.what for problem in source.problems()]
    assert told == [
        "Line 16 is not valid JSON.",
        "Line 17 is not an object with columns.",
        "Line 18 is not valid JSON.",
        "Line 19 has no caption.",
        "Line 20: 'images/none.png' is not there.",
        "Line 21: '' is not a file name.",
    ]
    with pytest.raises(Refused, match="6 of 22 samples cannot be used"):
        SampleGraph(parts=(("s", source, {}),), wanted=(("s", "image"),)).open()


def test_one_bad_row_in_a_hundred_does_not_stop_a_run(twenty: Path) -> None:
    table(twenty, [*rows() * 10, {"file": "none.png", "name": "x"}])
    SampleGraph(parts=(("s", opened(twenty), {}),), wanted=(("s", "image"),)).open()


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "images/../../secret.png", "/etc/passwd", "C:\\x.png", "\\\\host\\x.png", "..\\secret.png",
     "link.png", "away/secret.png", "images/\0.png", "images", "pipe.png", "circle.png", "x" * 5000, "~/x.png"],
)  # fmt: skip
def test_paths_do_not_leave_the_folder(twenty: Path, name: str) -> None:
    outside = twenty.parent / "outside"
    paint(outside / "secret.png")
    paint(twenty.parent / "secret.png")
    (twenty / "link.png").symlink_to(outside / "secret.png")
    (twenty / "away").symlink_to(outside)
    (twenty / "circle.png").symlink_to(twenty / "circle.png")
    os.mkfifo(twenty / "pipe.png")
    table(twenty, [*rows(3), {"file": name, "name": "hostile"}])
    source = opened(twenty)
    assert len(source) == 3
    assert len(source.problems()) == 1


def test_the_table_itself_may_not_lie_outside(twenty: Path) -> None:
    table(twenty.parent, rows(), "outside.jsonl")
    with pytest.raises(Refused, match="leads out"):
        opened(twenty, table="../outside.jsonl")


def test_sentences_for_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No folder of captioned images is chosen"):
        CaptionTable(CaptionTable.Config()).open()
    with pytest.raises(Refused, match="is not there"):
        opened(tmp_path / "none")
    with pytest.raises(Refused, match=r"no table.*captions.jsonl"):
        opened(tmp_path)
    table(tmp_path, [{"file": "a.png", "wrong": 3}])
    with pytest.raises(Refused, match=r"looks like a caption.*file, wrong"):
        opened(tmp_path)
    with pytest.raises(Refused, match="no column 'title'"):
        opened(tmp_path, caption_column="title")
    table(tmp_path, [{"file": "a.png", "name": "x"}])
    with pytest.raises(Refused, match="no image with a caption"):
        opened(tmp_path)
    (tmp_path / "captions.jsonl").write_bytes(b'{"file": "a.png", "name": "\xff\xfe"}\n')
    with pytest.raises(Refused, match="UTF-8"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        (
            "captions.csv",
            "file,caption\n0.png,a fox,\n1.png,a hen,\n",
            "Line 2 has another number of columns than the first: 3, not 2.",
        ),
        (
            "captions.csv",
            "# by hand\nfile,caption\n0.png,a fox\n",
            "Line 2 has another number of columns than the first: 2, not 1.",
        ),
        ("captions.jsonl", '[{"file": "0.png", "caption": "a fox"}]', "Line 1 is not an object with columns."),
    ],
)
def test_a_table_without_a_readable_row_says_why(tmp_path: Path, name: str, content: str, why: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Refused) as caught:
        opened(tmp_path)
    missing = CaptionTable(CaptionTable.Config(folder=str(tmp_path))).missing()
    assert missing is not None
    assert missing.hint == caught.value.problems[0].hint == why


def test_deep_json_is_a_bad_line_not_a_crash(twenty: Path) -> None:
    table(twenty, [*rows(5), "[" * 100_000])
    assert len(opened(twenty).problems()) == 1


def test_the_fingerprint_follows_the_files(twenty: Path) -> None:
    table(twenty, rows())
    before = opened(twenty).fingerprint()
    assert before == opened(twenty).fingerprint()
    paint(twenty / "images" / "3.png", (255, 255, 255), (40, 40))
    assert opened(twenty).fingerprint() != before


@pytest.mark.skipif(not (SHARED_DATA / "emoji_noto").is_dir(), reason="the Noto pictures are not here")
def test_the_noto_set_reads_with_its_own_split_and_a_style_test() -> None:
    source = CaptionTable(
        CaptionTable.Config(folder=str(SHARED_DATA / "emoji_noto"), extra_column="keywords", style_test="Twemoji")
    )
    source.open()
    assert {name: len(indices) for name, indices in source.splits().items()} == {
        "train": 1304, "validation": 117, "test": 167, "style": 1304,
    }  # fmt: skip
    assert source.problems() == ()
    one, other = source.splits()["train"][500], source.splits()["style"][500]
    assert source.label(one) == source.label(other)
    assert (source.sample(one)["image"] - source.sample(other)["image"]).abs().mean() > 0.01


def folders(root: Path, **knobs: Any) -> ImageFolders:
    source = ImageFolders(ImageFolders.Config(folder=str(root), image_size=16, **knobs))
    source.open()
    return source


def test_pictures_by_class(tmp_path: Path) -> None:
    for blue, name in enumerate(("red_fox", "cat")):
        for number in range(30):
            paint(tmp_path / name / "deeper" / f"{number}.png", (number, 0, blue))
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    source = folders(tmp_path)
    assert len(source) == 60
    assert {source.sample(index)["sentence"] for index in range(60)} == {"a picture of red fox", "a picture of cat"}
    assert {source.label(index) for index in source.splits()["test"]} == {"red fox", "cat"}
    by_class = folders(tmp_path, hold_out="classes").splits()
    assert sorted(len(indices) for indices in by_class.values() if indices) in ([60], [30, 30])


def test_train_and_test_folders_are_obeyed(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        for number in range(count):
            paint(tmp_path / split / "cat" / f"{number}.png")
    source = folders(tmp_path, caption="{class}!")
    assert {name: len(indices) for name, indices in source.splits().items()} == {"train": 6, "validation": 2, "test": 3}
    assert source.sample(0)["sentence"] == "cat!"


def test_links_out_of_class_folders_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    paint(tmp_path / "secret.png")
    paint(root / "cat" / "a.png")
    (root / "cat" / "b.png").symlink_to(tmp_path / "secret.png")
    source = folders(root)
    assert len(source) == 1
    assert "leads out" in source.problems()[0].what


def test_a_caption_must_name_the_class(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"does not say \{class\}"):
        folders(tmp_path, caption="a picture")
    with pytest.raises(Refused, match="no folders"):
        folders(tmp_path)


def test_an_empty_cell_of_another_program_is_no_split_and_a_slip_is_told(twenty: Path) -> None:
    words = ["train", "nan", "None", "trian"] * 5
    table(twenty, [{**row, "split": word} for row, word in zip(rows(), words)])
    source = opened(twenty)
    assert {row.split for row in source.rows} <= {"train", "validation", "test", "trian"}
    assert sum(row.split == "trian" for row in source.rows) == 5
    assert [p.what for p in source.problems() if "trian" in p.what] == [
        "The split column says 'trian', a split of its own: nothing learns from it or is chosen by it."
    ]


def test_of_a_film_the_frame_in_its_middle_is_the_image(tmp_path: Path) -> None:
    films.film(tmp_path / "clip.mp4", range(11))
    films.film(tmp_path / "other.MKV", range(3))
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    names = ("clip.mp4", "other.MKV", "broken.mp4")
    table(tmp_path, [{"file": name, "caption": f"film {name}", "split": "train"} for name in names])
    try:
        source = CaptionTable(CaptionTable.Config(folder=str(tmp_path), image_size=320, shape="keep"))
        source.open()
        for index, middle in ((0, 5), (1, 1)):
            assert source.size(index) == (films.HIGH, films.WIDE)
            assert films.numbers(source.sample(index)["image"][None] * 255) == [middle]
        with pytest.raises(Refused, match=r"broken\.mp4"):
            source.sample(2)
    finally:
        video_process().close()
