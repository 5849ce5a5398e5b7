"""Names that are not UTF-8 on the disk, and halves of characters in JSON: read, shown, printed and told apart."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from core.data.readers.audio import read_audio
from core.data.report import as_text, report_of
from core.data.sources.caption_table import CaptionTable
from core.data.sources.image_folders import ImageFolders
from core.data.transforms.tokenizer import Tokenizer
from core.problems import Refused, refuse

needs_bytes = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")


def odd(text: bytes) -> str:
    return os.fsdecode(text)


@needs_bytes
def test_folders_with_names_that_are_not_utf_8_are_read(tmp_path: Path) -> None:
    for kind in (b"caf\xe9", b"caf\xe8"):
        folder = tmp_path / odd(kind)
        folder.mkdir()
        Image.new("RGB", (8, 8)).save(folder / "a.png")
        (folder / odd(b"b\xe9.png")).write_bytes(b"damaged")
    source = ImageFolders(ImageFolders.Config(folder=str(tmp_path), image_size=16))
    report = report_of(source)
    assert {source.label(index) for index in range(4)} == {"caf\\udce9", "caf\\udce8"}
    text = "\n".join([*as_text(report, source), *(row.caption for row in source.rows), *map(source.group, range(4))])
    assert text.encode()  # nothing that a console or a store refuses
    assert report.left_out == 2
    assert all(problem.sentence().encode() for problem in report.problems)
    cut = Tokenizer(Tokenizer.Config(vocabulary=300))
    cut.fit([{"sentence": row.caption} for row in source.rows])
    assert source.fingerprint().isalnum()


@needs_bytes
def test_sounds_with_such_names_are_read_or_named(tmp_path: Path) -> None:
    good, bad = tmp_path / odd(b"t\xf6n.wav"), tmp_path / odd(b"t\xf5n.wav")
    soundfile.write(tmp_path / "a.wav", np.full(800, 0.25, np.float32), 8_000)
    os.rename(tmp_path / "a.wav", good)
    bad.write_bytes(b"x")
    assert read_audio(good, hertz=8_000).max() == pytest.approx(0.25, abs=0.001)
    with pytest.raises(Refused) as told:
        read_audio(bad)
    assert str(told.value).encode().startswith(b"t\\udcf5n.wav is not audio")


def test_halves_of_characters_in_a_table_are_written_out(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    rows = [{"file": "a.png", "caption": "half \ud83d of it"}, {"file": "\ud83d.png", "caption": "no such file"}]
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = CaptionTable(CaptionTable.Config(folder=str(tmp_path), image_size=16))
    source.open()
    assert [row.caption for row in source.rows] == ["half \\ud83d of it"]
    assert source.problems()[0].what.encode().startswith(b"Line 2: '\\ud83d.png'")


def test_every_sentence_can_be_printed() -> None:
    assert str(refuse("a \udce9 b", hint="c \ud800")) == "a \\udce9 b c \\ud800"
