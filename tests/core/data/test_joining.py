"""What hangs together stays in one split: pictures with several captions, copies, captions that read the same."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.compiler.answers.things import Things
from core.data.joining import Joined, caption_key
from core.data.pipeline import SampleGraph
from core.data.same_pictures import same_pictures
from core.data.sources.caption_table import CaptionTable
from core.data.sources.emoji import EmojiPairs
from core.data.sources.emoji_videos import EmojiVideos
from core.data.sources.image_folders import ImageFolders
from core.data.splitting import held_out_words, joined_groups, split_of
from core.data.transforms.tokenizer import Tokenizer


def paint(file: Path, number: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    dots = np.random.default_rng(number).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(dots).save(file)


def table(
    root: Path, rows: list[tuple[str, ...]], head: tuple[str, ...] = ("file", "caption"), **knobs: str
) -> CaptionTable:
    with (root / "captions.csv").open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([head, *rows])
    source = CaptionTable(CaptionTable.Config(folder=str(root), image_size=16, **knobs))  # type: ignore[arg-type]
    source.open()
    return source


def homes(source: CaptionTable) -> dict[int, str]:
    return {index: name for name, indices in source.splits().items() for index in indices}


def test_the_captions_of_a_picture_stay_together(tmp_path: Path) -> None:
    for number in range(60):
        paint(tmp_path / f"{number}.png", number)
    source = table(tmp_path, [(f"{n}.png", f"picture {n}, said {way}") for n in range(60) for way in "abcde"])
    home = homes(source)
    for number in range(60):
        assert len({home[5 * number + way] for way in range(5)}) == 1
    assert set(home.values()) == {"train", "validation", "test"}
    assert held_out_words(source) == "unseen pictures"


def test_the_same_picture_is_one_under_any_name(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", 1)
    paint(tmp_path / "other.png", 2)
    shutil.copy(tmp_path / "a.png", tmp_path / "copy.png")
    os.link(tmp_path / "a.png", tmp_path / "linked.png")
    Image.open(tmp_path / "a.png").save(tmp_path / "saved_again.bmp")
    Image.open(tmp_path / "a.png").save(tmp_path / "smaller.png", compress_level=0)
    names = ["a.png", "copy.png", "linked.png", "saved_again.bmp", "smaller.png", "other.png", "gone.png"]
    found = same_pictures([tmp_path / name for name in names])
    assert len(set(found[:5])) == 1
    assert len(set(found)) == 3


def test_files_of_equal_length_and_equal_ends_are_compared_whole(tmp_path: Path) -> None:
    for name, middle in (("a.bin", b"1"), ("b.bin", b"2"), ("c.bin", b"1")):
        (tmp_path / name).write_bytes(bytes(6000) + middle + bytes(6000))
    a, b, c = same_pictures([tmp_path / f"{name}.bin" for name in "abc"])
    assert a == c != b


@pytest.mark.parametrize(
    ("one", "other"),
    [("A Cat", "a cat"), ("caf\u00e9", "cafe\u0301"), ("red\u00a0fox", "red  fox"), ("STRASSE", "straße")],
)
def test_captions_that_read_the_same_are_one_group(tmp_path: Path, one: str, other: str) -> None:
    assert caption_key(one) == caption_key(other)
    for number in range(40):
        paint(tmp_path / f"{number}.png", number)
    source = table(tmp_path, [(f"{n}.png", f"{(one, other)[n % 2]} {n // 2}") for n in range(40)])
    assert all(source.group(2 * n) == source.group(2 * n + 1) for n in range(20))
    home = homes(source)
    assert all(home[2 * n] == home[2 * n + 1] for n in range(20))


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\ufeff", "\u2060", "\u200e", "\u202e"])
def test_marks_that_nobody_sees_make_no_other_caption(tmp_path: Path, unseen: str) -> None:
    for number in range(4):
        paint(tmp_path / f"{number}.png", number)
    source = table(
        tmp_path, [("0.png", "a fox"), ("1.png", f"a f{unseen}ox"), ("2.png", f"{unseen}a fox"), ("3.png", unseen)]
    )
    assert [row.caption for row in source.rows] == ["a fox"] * 3
    assert len({source.group(number) for number in range(3)}) == 1
    assert source.problems()[0].what == "Line 5 has no caption."


def test_joiners_inside_words_stay(tmp_path: Path) -> None:
    paint(tmp_path / "0.png", 0)
    word = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # Persian, with a zero-width non-joiner
    assert table(tmp_path, [("0.png", word)]).rows[0].caption == word


def test_what_hangs_together_through_others_is_one_group() -> None:
    found = joined_groups([["p1", "c1"], ["p1", "c2"], ["p2", "c2"], ["p3", "c3"]], ["b", "a", "c", "d"], [""] * 4)
    assert found.groups == ["a", "a", "a", "d"]
    assert found.splits == [split_of("a")] * 3 + [split_of("d")]
    many = joined_groups([["one"]] * 7 + [[n] for n in range(6)], [f"g{n}" for n in range(13)], [""] * 13)
    assert many.giant == 7
    assert many.splits[:7] == ["train"] * 7, "more than half hang together: they are trained on"
    assert many.splits[7:] == [split_of(f"g{n}") for n in range(7, 13)]
    kept = joined_groups([["p1"], ["p1"], ["p1"], ["p2"]], ["a", "b", "c", "d"], ["train", "test", "", "validation"])
    assert kept.splits == ["train", "test", "test", "validation"]
    assert kept.straddling == 1
    assert joined_groups([["x"]], ["x"], [""]).splits == [split_of("x")]


def test_roots_do_not_depend_on_the_order() -> None:
    pairs = [(1, 2), (3, 4), (2, 3), (5, 6)]
    for order in (pairs, pairs[::-1]):
        joined = Joined()
        for one, other in order:
            joined.join(one, other)
        assert len({joined.root(n) for n in (1, 2, 3, 4)}) == 1
        assert joined.root(5) == joined.root(6) != joined.root(1)


def test_one_word_that_every_group_says_does_not_join_them(tmp_path: Path) -> None:
    """Speakers who all say yes stay apart: the column of groups counts."""
    for number in range(40):
        paint(tmp_path / f"{number}.png", number)
    rows = [(f"{n}.png", "yes" if n % 2 else "no", f"speaker {n // 2}") for n in range(40)]
    source = table(tmp_path, rows, ("file", "caption", "speaker"))
    assert len({source.group(n) for n in range(40)}) == 20


def test_unseen_concepts_are_said_only_where_they_are_unseen(tmp_path: Path) -> None:
    emoji = EmojiPairs(EmojiPairs.Config(image_size=16, second_artist="none"))
    assert held_out_words(emoji) == held_out_words(emoji, "validation") == "unseen concepts"
    assert held_out_words(emoji, "style") == ""
    for kind in range(20):
        for number in range(12):
            paint(tmp_path / f"kind_{kind}" / f"{number}.png", 100 * kind + number)
    for hold_out, words in (("pictures", "unseen pictures"), ("classes", "unseen concepts")):
        folders = ImageFolders(ImageFolders.Config(folder=str(tmp_path), image_size=16, hold_out=hold_out))
        folders.open()
        assert held_out_words(folders) == words
    paint(tmp_path / "pair" / "1.png", 1)
    paint(tmp_path / "pair" / "2.png", 2)
    rows = [("pair/1.png", "one", "train"), ("pair/2.png", "two", "train"), ("pair/1.png", "uno", "test")]
    leaky = table(tmp_path, rows, ("file", "caption", "split"))
    assert held_out_words(leaky) == "pictures of which some are trained on"
    assert leaky.facts()["groups in more than one split"] == "1"


def test_captions_that_the_tokenizer_cannot_tell_apart_are_one_answer(tmp_path: Path) -> None:
    for number in range(8):
        paint(tmp_path / f"{number}.png", number % 7)
    said = ["Red Fox", "red fox", "red\u00a0fox", "a b c d e f", "a b c d e g", "cafe\u0301", "caf\u00e9", "other"]
    source = table(tmp_path, [(f"{n}.png", text, "train") for n, text in enumerate(said)], ("file", "caption", "split"))
    for lowercase, first in ((True, [0, 0, 0]), (False, [0, 1, 1])):
        words = Tokenizer(Tokenizer.Config(method="words", length=7, lowercase=lowercase))
        graph = SampleGraph(
            parts=(("source", source, {}), ("words", words, {"sentence": ("source", "sentence")})),
            wanted=(("words", "text"),),
        )
        graph.prepare()
        keys = Things(graph).captions(range(8))
        assert [keys.index(key) for key in keys] == [*first, 3, 3, 5, 5, 7]
    pictures = Things(graph).of(range(8), "image")
    assert [pictures.index(key) for key in pictures] == [0, 1, 2, 3, 4, 5, 6, 0]


@pytest.mark.parametrize("port", ["sentence", "done"])
def test_captions_are_what_the_run_reads(port: str) -> None:
    """Two emoji that do the same: one answer to what is done, two to who does it."""
    source = EmojiVideos(EmojiVideos.Config(cast=2))
    source.open()
    does: dict[str, dict[str, int]] = {}
    for index in range(200):
        said = source.part(index, ("sentence", "done"))
        does.setdefault(said["done"], {})[said["sentence"]] = index
    one, other = next(list(who.values())[:2] for who in does.values() if len(who) > 1)
    words = Tokenizer(Tokenizer.Config(method="words"))
    parts = (("source", source, {}), ("words", words, {"sentence": ("source", port)}))
    first, second = Things(SampleGraph(parts=parts, wanted=(("words", "text"),))).captions([one, other])
    assert (first == second) == (port == "done")


def prepared(source: CaptionTable, length: int) -> SampleGraph:
    words = Tokenizer(Tokenizer.Config(method="words", length=length))
    graph = SampleGraph(
        parts=(("source", source, {}), ("words", words, {"sentence": ("source", "sentence")})),
        wanted=(("words", "text"),),
    )
    graph.prepare()
    return graph


@pytest.mark.parametrize("written", [False, True])
def test_captions_that_are_cut_alike_are_one_group(tmp_path: Path, written: bool) -> None:
    """Long captions that differ only beyond the tokenizer's length never straddle splits, unless the data itself says so."""
    for number in range(120):
        paint(tmp_path / f"{number}.png", number)
    said = [(f"{n}.png", f"kind {n // 3} of a b c and then {n}") for n in range(120)]
    split = [("test" if n % 3 == 0 else "",) if written and n < 30 else ("",) for n in range(120)]
    source = table(tmp_path, [(*row, *more) for row, more in zip(said, split)], ("file", "caption", "split"))
    assert len({source.group(n) for n in range(120)}) == 120
    before, told = homes(source), source.fingerprint()
    graph = prepared(source, length=8)
    after = homes(source)
    for first in range(0, 120, 3):
        assert len({source.group(first + more) for more in range(3)}) == 1
        assert len({after[first + more] for more in range(3)}) == 1
        if not (written and first < 30) and "train" in {before[first + more] for more in range(3)}:
            assert after[first] == "train", "the tokenizer learned no held-out word"
    assert not written or {after[n] for n in range(30)} == {"test"}
    assert source.fingerprint() == told, "of the data, not of the tokenizer"
    assert not Things(graph).cut_alike("validation")
    again = table(tmp_path, [(*row, *more) for row, more in zip(said, split)], ("file", "caption", "split"))
    SampleGraph(parts=(("source", again, {}), graph.parts[1]), wanted=graph.wanted).prepare(graph.state())
    assert homes(again) == after, "the same from a checkpoint"


def test_a_length_that_reads_most_captions_alike_joins_none(tmp_path: Path) -> None:
    for number in range(40):
        paint(tmp_path / f"{number}.png", number)
    source = table(tmp_path, [(f"{n}.png", f"a picture of thing {n}") for n in range(40)])
    before = homes(source)
    graph = prepared(source, length=4)
    assert homes(source) == before
    assert Things(graph).cut_alike("test") == len(source.splits()["test"])
