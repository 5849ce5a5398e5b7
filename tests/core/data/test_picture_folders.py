"""Folders of images as archives, phones and disk stations leave them: what is a class, what a split, what neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from core.data.pipeline import SampleGraph
from core.data.sources.image_folders import ImageFolders
from core.data.splitting import split_name
from core.problems import Refused


def paint(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(root / name, "PNG")
    return root


def opened(root: Path) -> ImageFolders:
    source = ImageFolders(ImageFolders.Config(folder=str(root), image_size=16))
    source.open()
    return source


def classes(source: ImageFolders) -> set[tuple[str, str]]:
    return {(row.label, row.split) for row in source.rows}


SPLIT = ("train/cat/0.png", "train/dog/0.png", "test/cat/0.png", "test/dog/0.png")
RIGHT = {(kind, split) for kind in ("cat", "dog") for split in ("train", "test")}


@pytest.mark.parametrize(
    "wrapped",
    [(), ("set",), ("download", "set-1.0"), ("images",)],
    ids=["plain", "one folder around", "two around", "images"],
)
@pytest.mark.parametrize(
    "foreign",
    [
        (), ("__MACOSX/train/cat/._0.png", "__MACOSX/x.png"), ("@eaDir/0.png/SYNOPHOTO_THUMB_M.png",), (".thumbs/cat/0.png",),
        ("train/cat/@eaDir/0.png/SYNO.png", "train/cat/._0.png", "test/.hidden/0.png", "test/cat/.small/0.png"),
        ("#recycle/old/0.png", "$RECYCLE.BIN/0.png"),
    ],
    ids=["", "mac", "synology", "hidden", "inside", "bins"],
)  # fmt: skip
def test_what_systems_leave_behind_is_no_class_and_mixes_no_split(
    tmp_path: Path, wrapped: tuple[str, ...], foreign: tuple[str, ...]
) -> None:
    inner = tmp_path.joinpath(*wrapped)
    paint(inner, *SPLIT)
    paint(tmp_path if foreign and foreign[0].startswith("_") else inner, *foreign)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "notes.txt").write_text("x")
    (inner / "Thumbs.db").write_bytes(b"x")
    (inner / "train" / "cat" / ".DS_Store").write_bytes(b"x")
    (inner / "empty").mkdir()
    source = opened(tmp_path)
    assert classes(source) == RIGHT
    assert len(source) == 4
    assert (source.left_out(), source.problems()) == (0, ())


def test_classes_without_splits_come_out_of_their_wrapping(tmp_path: Path) -> None:
    source = opened(paint(tmp_path, *(f"set/{kind}/{n}.png" for kind in ("cat", "dog") for n in range(4))))
    assert {row.label for row in source.rows} == {"cat", "dog"}


def test_a_single_class_stays_one(tmp_path: Path) -> None:
    assert {row.label for row in opened(paint(tmp_path, "cat/0.png", "cat/1.png")).rows} == {"cat"}


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    source = opened(paint(tmp_path, *(f"{kind}/{n}.png" for kind in ("bus", "car", "train") for n in range(3))))
    assert {row.label for row in source.rows} == {"bus", "car", "train"}


def test_classes_divided_inside_keep_their_splits(tmp_path: Path) -> None:
    root = paint(tmp_path, *(f"{kind}/{split}/0.png" for kind in ("cat", "dog") for split in ("train", "test")))
    assert classes(opened(root)) == RIGHT


def test_a_folder_of_images_inside_each_split_is_looked_through(tmp_path: Path) -> None:
    root = paint(tmp_path, *(name.replace("/", "/images/", 1) for name in SPLIT))
    assert classes(opened(root)) == RIGHT


@pytest.mark.parametrize("kept", [SPLIT, SPLIT[:2]], ids=["train and test", "train alone"])
def test_what_stands_beside_the_splits_or_outside_the_classes_is_counted_and_told(
    tmp_path: Path, kept: tuple[str, ...]
) -> None:
    source = opened(paint(tmp_path, *kept, "unlabelled/0.png", "unlabelled/1.png", "cover.png", "train/odd.png"))
    assert classes(source) == {pair for pair in RIGHT if kept is SPLIT or pair[1] == "train"}
    assert [problem.what for problem in source.problems()] == [
        "The folder 'unlabelled' is neither a split nor a class and was left out.",
        "Images outside the class folders were left out: 2, such as 'cover.png'.",
    ]
    assert (source.left_out(), source.faulty()) == (4, 0)
    SampleGraph(parts=(("s", source, {}),), wanted=(("s", "image"),)).open()  # nothing is wrong with them


@pytest.mark.parametrize("wrapped", [("set",), ("set", "set"), ("images",)], ids="/".join)
def test_notes_beside_the_folder_around_everything_are_no_class_and_mix_no_split(
    tmp_path: Path, wrapped: tuple[str, ...]
) -> None:
    paint(tmp_path.joinpath(*wrapped), *SPLIT)
    source = opened(paint(tmp_path, f"{wrapped[0]}_notes/overview.png"))
    assert classes(source) == RIGHT
    assert [problem.what for problem in source.problems()] == [
        f"The folder '{wrapped[0]}_notes' is neither a split nor a class and was left out."
    ]


def test_classes_of_which_one_is_deep_stay_classes(tmp_path: Path) -> None:
    source = opened(paint(tmp_path, "cat/black/0.png", "cat/white/0.png", "dog/0.png"))
    assert {row.label for row in source.rows} == {"cat", "dog"}


@pytest.mark.parametrize(
    ("train", "test"), [("training_set", "test_set"), ("train-images", "test images"), ("Trainset", "TestSet")]
)
def test_folders_called_a_set_of_a_split_are_splits(tmp_path: Path, train: str, test: str) -> None:
    names = [name.replace("train", train, 1).replace("test", test, 1) for name in SPLIT]
    assert classes(opened(paint(tmp_path, *names))) == RIGHT


def test_other_words_of_splits_stay_themselves() -> None:
    assert [split_name(word) for word in ("Val set", "dataset", "set", "images", "style", "a set")] == [
        "validation", "dataset", "set", "images", "style", "a set",
    ]  # fmt: skip


def test_kinds_that_cannot_be_read_are_counted_and_stop_no_run(tmp_path: Path) -> None:
    paint(tmp_path, "cat/0.jfif", "dog/0.png")
    for number in range(5):
        (tmp_path / "cat" / f"IMG_{number}.HEIC").write_bytes(b"x")
    source = opened(tmp_path)
    assert len(source) == 2
    assert [problem.what for problem in source.problems()] == [
        "Images ending in .heic were left out (5); this kind is not read here."
    ]
    assert source.report().left_out == 5
    SampleGraph(parts=(("s", source, {}),), wanted=(("s", "image"),)).open()


def test_splits_without_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no folders with images inside"):
        opened(paint(tmp_path, "train/0.png", "test/0.png"))
