"""Pictures and sounds beside the store: as they were said, the same content once, whole or not there, gone with their last run."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from sqlalchemy import select

from core.problems import Refused
from core.store.carrying import carry, export_record
from core.store.database import Store
from core.store.encoding import content_name, is_content, is_named, picture_files, png_of, samples_of, sound_files
from core.store.library import Library
from core.store.made import pack_segments, unpack_segments
from core.store.media import ANNOUNCED, UNFINISHED, MediaFolder, media_beside
from core.store.reader import RunReader
from core.store.repair import FILES, repair
from core.store.schema import media
from core.store.spool import Spool
from core.telemetry.events import Codes, Event, Offsets, Pictures, Segments, Sounds
from core.telemetry.spans import Span
from tests.core.store.said import at, scalars

SPANS = (Span(start=0.5, end=1.25), Span(start=2.0, end=2.0))
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))


def drawn(seed: int, n: int = 3, side: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3)).astype(np.uint8)


def pictures(step: int, seed: int, n: int = 3, **more: object) -> Pictures:
    return Pictures(at=at(step), series="made/gan/image", pictures=drawn(seed, n), seeds=tuple(range(n)), **more)  # type: ignore[arg-type]


def record(library: Library, *events: Event, uid: str = "") -> str:
    uid = uid or library.create_run("a run", "{}").uid
    recorder = library.recorder(uid)
    for event in events:
        recorder.say(event)
    assert recorder.close()
    assert recorder.problems == []
    return uid


def pixels(reader: RunReader, name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(reader.file(name))))


def files(store: Store) -> list[str]:
    return sorted(path.name for path in store.media_folder.rglob("*") if path.is_file())


def rows(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(select(media.c.name)).scalars())


# Encoding and naming


@settings(max_examples=60, deadline=None)
@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_a_png_is_read_by_another_library_as_the_same_pixels(image: np.ndarray) -> None:
    read = np.asarray(Image.open(io.BytesIO(png_of(image))))
    np.testing.assert_array_equal(read.reshape(image.shape), image)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_name_is_that_of_the_content_and_of_nothing_else(one: bytes, other: bytes) -> None:
    one, other = b"\x89PNG\r\n\x1a\n" + one, b"\x89PNG\r\n\x1a\n" + other
    assert (content_name(one) == content_name(other)) == (one == other)
    assert is_named(content_name(one))
    assert is_content(content_name(one), one)
    assert is_content(content_name(one), other) == (one == other)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 64 + ".exe", "", "A" * 64 + ".png", "a" * 64 + ".png\n"])
def test_what_is_no_name_of_content_is_never_opened(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="damaged name"):
        MediaFolder(tmp_path).read(name)


def test_a_lossy_picture_and_a_file_of_another_kind_are_not_kept() -> None:
    for lossless in (True, False):
        file = io.BytesIO()
        Image.fromarray(drawn(1)[0]).save(file, "WEBP", lossless=lossless)
        if lossless:
            assert picture_files((file.getvalue(),)) == (file.getvalue(),)
            np.testing.assert_array_equal(np.asarray(Image.open(file)), drawn(1)[0])
        else:
            with pytest.raises(ValueError, match="lossless"):
                picture_files((file.getvalue(),))
    with pytest.raises(ValueError, match="neither"):
        picture_files((b"GIF89a",))
    with pytest.raises(ValueError, match="float64"):
        picture_files(np.zeros((1, 2, 2, 3)))


def test_a_sound_comes_back_within_half_a_step_of_24_bits() -> None:
    wave = np.random.default_rng(0).uniform(-1, 1, (2, 500)).astype(np.float32)
    for file, samples in zip(sound_files(wave, 16_000), wave):
        read, hertz = samples_of(file)
        assert hertz == 16_000
        assert np.abs(read - samples).max() <= 0.5 / (2**23 - 1) + 1e-7


# Round trips


def test_every_event_comes_back_as_it_was_said(library: Library) -> None:
    wave = np.sin(np.arange(400, dtype=np.float32) / 9)[None]
    made = pictures(5, 1, titles=("a", "b", "c"), originals=drawn(2))
    sounds = Sounds(at=at(6), series="made/vocoder/waveform", sounds=wave, hertz=8000, seeds=(7,))
    reader = library.reader(record(
        library, made, sounds,
        Segments(at=at(7), series="segments/x", spans=SPANS, labels=("dog", "狗"), scores=(0.5, 1.0),
                 over=("test/1", "test/2")),
        Codes(at=at(8), series="codes/vq", counts=np.array([3, 0, 1], dtype=np.uint32), perplexity=1.75, dead=1, bits=12.5),
        Offsets(at=at(9), series="offsets/x", seconds=np.array([0.04, -1], dtype=np.float32),
                scores=np.array([1, 0.5], dtype=np.float32), over=("test/1", "test/2")),
    ))  # fmt: skip
    found = reader.pictures_at("made/gan/image", 99)
    assert found is not None
    assert (found.step, found.seeds, found.titles) == (5, (0, 1, 2), ("a", "b", "c"))
    np.testing.assert_array_equal([pixels(reader, name) for name in found.made], drawn(1))
    np.testing.assert_array_equal([pixels(reader, name) for name in found.originals], drawn(2))
    heard = reader.sounds_at("made/vocoder/waveform", 6)
    assert heard is not None
    assert (heard.hertz, heard.seeds, heard.originals) == (8000, (7,), ())
    np.testing.assert_allclose(samples_of(reader.file(heard.made[0]))[0], wave[0], atol=1e-6)
    spans = reader.segments_at("segments/x", 7)
    assert spans is not None
    assert (spans.spans, spans.labels, spans.scores.tolist()) == (SPANS, ("dog", "狗"), [0.5, 1])
    codes = reader.codes_at("codes/vq", 8)
    assert codes is not None
    assert (codes.counts.tolist(), codes.perplexity, codes.dead, codes.bits) == ([3, 0, 1], 1.75, 1, 12.5)
    offsets = reader.offsets_at("offsets/x", 9)
    assert offsets is not None
    assert (offsets.seconds.tolist(), offsets.over) == ([pytest.approx(0.04), -1], ("test/1", "test/2"))
    assert reader.pictures_at("made/gan/image", 4) is None
    assert {info.kind for info in reader.series()} == {"pictures", "sounds", "segments", "codes", "offsets"}


def test_segments_that_were_kept_as_pairs_of_numbers_are_read() -> None:
    """The bytes of a row as stores had them when a segment was a pair of numbers, and as it is written still."""
    row = np.array([[0.5, 1.25], [2.0, 2.0]], dtype="<f8").tobytes() + np.array([0.5, 1], dtype="<f4").tobytes()
    about = {"labels": ["dog", "cat"], "over": ["test/1", "test/2"]}
    found = unpack_segments("segments/x", 7, about, row)
    assert found.spans == SPANS
    said = Segments(
        at=at(7), series="segments/x", spans=SPANS, labels=("dog", "cat"), scores=(0.5, 1.0), over=("test/1", "test/2")
    )
    assert pack_segments(said) == ("segments", about, row)


def test_the_spool_keeps_them_as_they_are(tmp_path: Path) -> None:
    event = pictures(5, 1, titles=("a", "b", "c"), originals=tuple(png_of(one) for one in drawn(2)))
    segments = Segments(at=at(7), series="s", spans=SPANS[:1], labels=("dog",), scores=(0.5,), over=("test/1",))
    spool = Spool(tmp_path / "x.spool")
    spool.extend([event, segments, scalars(1)])
    back, same, _ = Spool(tmp_path / "x.spool").take(9)
    assert isinstance(back, Pictures)
    np.testing.assert_array_equal(back.pictures, event.pictures)
    assert (back.seeds, back.titles, back.originals) == (event.seeds, event.titles, event.originals)
    assert same == segments


def test_odd_ones_are_left_out_and_said(library: Library) -> None:
    uid = library.create_run("odd", "{}").uid
    recorder = library.recorder(uid)
    recorder.say(Pictures(at=at(1), series="made/x/image", pictures=drawn(1), seeds=(1,)))
    recorder.say(Pictures(at=at(2), series="made/x/image", pictures=(b"no picture",), seeds=(1,)))
    recorder.say(
        Sounds(at=at(3), series="made/y/waveform", sounds=np.full((1, 3), np.nan, np.float32), hertz=1, seeds=(1,))
    )
    recorder.say(scalars(4))
    assert recorder.close()
    assert [problem.what.split(" event")[0] for problem in recorder.problems] == [
        "A Pictures",
        "A Pictures",
        "A Sounds",
    ]
    assert library.reader(uid).points("loss")[0].tolist() == [4]
    assert files(library.store) == []


# Files and rows


def test_the_same_content_lies_there_once_and_goes_with_its_last_run(library: Library, store: Store) -> None:
    one = record(library, pictures(1, 1), pictures(2, 1), pictures(3, 2))
    other = record(library, pictures(1, 2))
    assert len(files(store)) == 6
    assert set(files(store)) == rows(store)
    library.delete(one)
    assert len(files(store)) == 6  # put aside is not purged
    assert library.purge() == [one]
    assert len(files(store)) == 3
    reader = library.reader(other)
    found = reader.pictures_at("made/gan/image", 1)
    assert found is not None
    np.testing.assert_array_equal([pixels(reader, name) for name in found.made], drawn(2))
    library.delete(other)
    library.purge()
    assert files(store) == []


def test_what_a_run_says_anew_or_takes_back_leaves_no_file(library: Library, store: Store) -> None:
    uid = record(library, *(pictures(step, step) for step in (10, 20, 30)))
    recorder = library.recorder(uid)
    assert recorder.truncate_after(20)
    assert len(files(store)) == 6
    recorder.say(pictures(20, 99))
    assert recorder.close()
    assert set(files(store)) == rows(store)
    found = library.reader(uid).pictures_at("made/gan/image", 30)
    assert found is not None
    assert found.step == 20
    np.testing.assert_array_equal(pixels(library.reader(uid), found.made[0]), drawn(99)[0])


def test_a_missing_and_a_damaged_file_are_sentences(library: Library, store: Store) -> None:
    reader = library.reader(record(library, pictures(1, 1)))
    found = reader.pictures_at("made/gan/image", 1)
    assert found is not None
    folder = MediaFolder(store.media_folder)
    folder.place(found.made[0]).unlink()
    place = folder.place(found.made[1])
    place.write_bytes(place.read_bytes()[:-3] + b"odd")
    with pytest.raises(Refused, match="is missing"):
        reader.file(found.made[0])
    with pytest.raises(Refused, match="is damaged on disk"):
        reader.file(found.made[1])
    assert pixels(reader, found.made[2]).shape == (8, 8, 3)


def test_a_folder_that_cannot_be_written_costs_its_pictures_and_nothing_else(library: Library, store: Store) -> None:
    store.media_folder.write_text("a file stands where the folder should be")
    uid = library.create_run("blocked", "{}").uid
    recorder = library.recorder(uid)
    for step in range(1, 4):
        recorder.say(scalars(step))
        recorder.say(pictures(step, step))
    assert recorder.close()
    assert "could not be kept" in recorder.problems[0].what
    assert library.reader(uid).points("loss")[0].tolist() == [1, 2, 3]
    assert rows(store) == set()


def test_a_full_disk_makes_pictures_wait_and_nothing_is_lost(
    library: Library, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = [True]
    put = MediaFolder.put

    def on_a_full_disk(self: MediaFolder, name: str, data: bytes) -> None:
        if full[0]:
            raise OSError(28, "No space left on device")
        put(self, name, data)

    monkeypatch.setattr(MediaFolder, "put", on_a_full_disk)
    uid = library.create_run("full", "{}").uid
    recorder = library.recorder(uid)
    for step in range(1, 4):
        recorder.say(scalars(step))
        recorder.say(pictures(step, step))
    assert not recorder.flush(1.5)
    assert recorder.is_failing
    full[0] = False
    assert recorder.close(20, patience=5)
    assert library.reader(uid).snapshot_steps("made/gan/image") == [1, 2, 3]
    assert set(files(store)) == rows(store)
    assert [problem.severity for problem in recorder.problems] == ["warning", "hint"]


# Kills

DIES = """
import os, signal, sys
from core.store import media, writing
from core.store.database import Store
from core.store.library import Library
from tests.core.store.test_media import pictures
where, path, uid = sys.argv[1:]
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if where == "before the row":
    writing.keep_names = die
elif where == "between two files":
    put, count = media.MediaFolder.put, []
    def once(self, name, data):
        put(self, name, data)
        count.append(name)
        len(count) == 2 and die()
    media.MediaFolder.put = once
elif where == "after the row":
    writing.Writing._remove_dropped = die
library = Library(Store.open(path))
if where == "while purging":
    media.MediaFolder.remove = die
    library.delete(uid)
    library.purge()
else:
    recorder = library.recorder(uid)
    recorder.say(pictures(2, 1))
    recorder.say(pictures(7, 7))
    recorder.close()
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("where", ["between two files", "before the row", "after the row", "while purging"])
def test_killed_between_file_and_row(tmp_path: Path, where: str) -> None:
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        uid = record(Library(store), pictures(1, 1))
        other = record(Library(store), pictures(1, 2))
    done = subprocess.run(
        [sys.executable, "-c", DIES, where, str(path), uid], timeout=60, check=False, cwd=Path(__file__).parents[3]
    )
    assert done.returncode == -signal.SIGKILL
    assert list(media_beside(path).glob(f"{ANNOUNCED}*"))
    with Store.open(path) as store:
        assert set(files(store)) == rows(store), "no file without a row, no row without a file"
        reader = Library(store).reader(other)
        found = reader.pictures_at("made/gan/image", 1)
        assert found is not None
        assert all(pixels(reader, name).shape == (8, 8, 3) for name in found.made)
        kept = {"after the row": 9, "while purging": 3}.get(where, 6)
        assert len(files(store)) == kept


def test_a_name_that_leads_elsewhere_removes_nothing(library: Library, store: Store, tmp_path: Path) -> None:
    """A store that somebody sent may name any file."""
    uid = record(library, pictures(1, 1))
    mine = tmp_path / "mine.txt"
    mine.write_text("kept")
    with store.write() as connection:
        connection.execute(media.update().values(name=f"../../{mine.name}").where(media.c.id == 1))
    (store.media_folder / "..").mkdir(exist_ok=True)
    library.delete(uid)
    assert library.purge() == [uid]
    assert mine.read_text() == "kept"


def test_what_another_machine_or_a_living_process_announced_is_left(library: Library, store: Store) -> None:
    folder = MediaFolder(store.media_folder)
    data = png_of(drawn(5)[0])
    folder.announce([content_name(data)])
    folder.put(content_name(data), data)
    elsewhere = folder.path / f"{ANNOUNCED}1.0-abcd"
    elsewhere.write_text(f"another-machine\n{content_name(data)}")
    assert folder.left_by_the_dead() == [elsewhere]
    with store.write() as connection:
        folder.sweep(connection, folder.left_by_the_dead())
    assert content_name(data) in files(store)


# Moved, copied, repaired, carried


def test_a_store_is_moved_with_its_folder_and_copied_with_it(tmp_path: Path) -> None:
    path = tmp_path / "here" / "runs.db"
    with Store.open(path) as store:
        uid = record(Library(store), pictures(1, 1))
        store.backup(tmp_path / "copy" / "runs.db")
    (tmp_path / "here").rename(tmp_path / "there")
    for place in ("there", "copy"):
        with Store.open(tmp_path / place / "runs.db") as store:
            reader = Library(store).reader(uid)
            found = reader.pictures_at("made/gan/image", 1)
            assert found is not None
            np.testing.assert_array_equal([pixels(reader, name) for name in found.made], drawn(1))


def test_a_repair_takes_files_over_and_counts_those_that_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        uid = record(Library(store), pictures(1, 1))
        gone = sorted(rows(store))[0]
        MediaFolder(media_beside(path)).place(gone).unlink()
    found = {each.table: each for each in repair(path, tmp_path / "repaired.db")}
    assert (found[FILES].rows, found[FILES].unreadable) == (2, 1)
    with Store.open(tmp_path / "repaired.db") as store:
        assert set(files(store)) == rows(store) - {gone}
        assert Library(store).reader(uid).snapshot_steps("made/gan/image") == [1]


def test_runs_are_carried_with_their_pictures_and_are_the_same_there(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as source, Store.open(tmp_path / "b.db") as target:
        library = Library(source)
        record(Library(target), pictures(1, 50))
        events = [
            event for step in range(1, 2100) for event in (scalars(step), *([pictures(step, step)] * (step % 700 == 0)))
        ]
        uid = record(library, *events)
        library.set_tags(uid, ["kept"])
        out = export_record(source, [uid], tmp_path / "out" / "run.db")
        assert (out.uids, out.files, out.missing) == ((uid,), 6, ())
        with Store.open(tmp_path / "out" / "run.db") as exported:
            assert carry(exported, target, [uid]).uids == (uid,)
            assert carry(exported, target, [uid]).known == (uid,)
        there, here = Library(target).reader(uid), library.reader(uid)
        np.testing.assert_array_equal(there.points("loss"), here.points("loss"))
        assert there.snapshot_steps("made/gan/image") == [700, 1400]
        for step in (700, 1400):
            found, same = there.pictures_at("made/gan/image", step), here.pictures_at("made/gan/image", step)
            assert found == same
            assert found is not None
            assert [there.file(name) for name in found.made] == [here.file(name) for name in found.made]
        assert there.facts().tags == ("kept",)
        assert set(files(target)) == rows(target)
        with pytest.raises(Refused, match="there already"):
            export_record(source, [uid], tmp_path / "b.db")


def test_over_time_so_many_moments_are_given_the_ends_among_them(library: Library) -> None:
    reader = library.reader(record(library, *(pictures(step, step % 5, n=1) for step in range(0, 1000, 10))))
    found = reader.pictures_over("made/gan/image", upto=805, most=9)
    assert [each.step for each in found] == [0, 100, 200, 300, 400, 500, 600, 700, 800]
    assert reader.pictures_over("made/gan/image", upto=-1, most=9) == []
    assert [each.step for each in reader.pictures_over("made/gan/image", upto=15, most=9)] == [0, 10]


def test_an_announcement_has_its_name_only_once_all_of_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies while it announces leaves nothing that looks like another machine's."""
    folder, write = MediaFolder(tmp_path / "media"), Path.write_text

    def dies(path: Path, text: str, **how: object) -> int:
        write(path, "", encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", dies)
    with pytest.raises(KeyboardInterrupt):
        folder.announce(["a" * 64])
    (left,) = folder.path.glob(".*")
    assert left.name.startswith(UNFINISHED)  # removed at the next open, whatever stands in it
