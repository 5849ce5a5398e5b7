"""Data is known again by what is in its files: touched, copied or moved it is the same, edited it is another."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

import core.data.contents as contents
from core.data.contents import GONE, Cancelled, content_hashes, unread_bytes
from core.data.sources.caption_table import CaptionTable
from core.data.sources.image_folders import ImageFolders
from tests.core.data.test_joining import paint, table


def aged(root: Path) -> None:
    """Written a while ago, as far as this clock knows."""
    for file in root.rglob("*"):
        os.utime(file, (1e9, 1e9))


def captioned(root: Path) -> CaptionTable:
    for number in range(6):
        paint(root / f"{number}.png", number)
    return table(root, [(f"{n}.png", f"thing {n}") for n in range(6)])


def again(root: Path) -> CaptionTable:
    source = CaptionTable(CaptionTable.Config(folder=str(root), image_size=16))
    source.open()
    return source


def test_touching_and_copying_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    told = captioned(tmp_path / "one").fingerprint()
    aged(tmp_path)
    assert again(tmp_path / "one").fingerprint() == told
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert again(tmp_path / "two").fingerprint() == told
    for name in ("a", "b"):
        paint(tmp_path / "classes" / name / "1.png", ord(name))
    shutil.copytree(tmp_path / "classes", tmp_path / "elsewhere")
    first, second = (
        ImageFolders(ImageFolders.Config(folder=str(tmp_path / each))) for each in ("classes", "elsewhere")
    )
    assert first.fingerprint() == second.fingerprint()


def test_an_edit_of_the_same_length_and_time_is_a_change(tmp_path: Path) -> None:
    told = captioned(tmp_path).fingerprint()
    file = tmp_path / "3.png"
    facts, inside = file.stat(), bytearray(file.read_bytes())
    inside[-20] ^= 1
    file.write_bytes(bytes(inside))
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert again(tmp_path).fingerprint() != told


def test_what_looks_the_same_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    for number in range(4):
        paint(tmp_path / f"{number}.png", number)
        files.append(tmp_path / f"{number}.png")
    monkeypatch.setattr(contents, "RECENT_SECONDS", -1.0)
    told = content_hashes([*files, files[0], tmp_path / "gone.png"])
    assert len(told) == 5
    assert told[tmp_path / "gone.png"] == GONE
    assert unread_bytes(files) == 0
    opened = list[Path]()
    before = Path.open

    def counted(self: Path, *arguments: str) -> object:
        opened.append(self)
        return before(self, *arguments)

    monkeypatch.setattr(Path, "open", counted)
    assert content_hashes(files) == {file: told[file] for file in files}
    assert not opened
    paint(files[2], 99)
    assert unread_bytes(files) == files[2].stat().st_size
    assert content_hashes(files)[files[2]] != told[files[2]]
    assert opened[0] == files[2]


def test_a_file_that_was_just_written_is_read_again_the_next_time(tmp_path: Path) -> None:
    paint(tmp_path / "1.png", 1)
    content_hashes([tmp_path / "1.png"])
    assert unread_bytes([tmp_path / "1.png"]) == (tmp_path / "1.png").stat().st_size


def test_it_says_how_far_it_is_and_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        paint(tmp_path / f"{number}.png", number)
    files = sorted(tmp_path.glob("*.png"))
    monkeypatch.setattr(contents, "SECONDS_BETWEEN_NEWS", -1.0)
    said = list[tuple[int, int]]()
    content_hashes(files, progress=lambda done, of: said.append((done, of)))
    assert said == [(0, 4), (1, 4), (2, 4), (3, 4)]
    with pytest.raises(Cancelled):
        content_hashes(files, progress=lambda done, of: said.append((done, of)), is_cancelled=lambda: len(said) >= 6)


@pytest.mark.parametrize("spoil", ["damaged", "a folder"])
def test_without_a_place_for_them_hashes_are_made_each_time(tmp_path: Path, spoil: str) -> None:
    place = contents.cache_file()
    place.parent.mkdir(parents=True)
    place.mkdir() if spoil == "a folder" else place.write_bytes(b"no database" * 100)
    paint(tmp_path / "1.png", 1)
    found = content_hashes([tmp_path / "1.png"])
    assert len(found[tmp_path / "1.png"]) == 32


def test_the_cache_stops_growing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MOST_KEPT", 2)
    monkeypatch.setattr(contents, "RECENT_SECONDS", -1.0)
    for number in range(4):
        paint(tmp_path / f"{number}.png", number)
    content_hashes(sorted(tmp_path.glob("*.png")))
    content_hashes([tmp_path / "1.png"])
    database = sqlite3.connect(contents.cache_file())
    try:
        assert database.execute("SELECT count(*) FROM content").fetchone() == (1,)
    finally:
        database.close()


def test_data_told_by_times_is_known_again(tmp_path: Path) -> None:
    """Runs of earlier versions keep the former fingerprint; it still fits while nothing was touched."""
    source = captioned(tmp_path)
    aged(tmp_path)
    (former,) = again(tmp_path).former_fingerprints()
    assert former == again(tmp_path).former_fingerprints()[0] != source.fingerprint()
    (tmp_path / "1.png").touch()
    assert again(tmp_path).former_fingerprints() != (former,)
