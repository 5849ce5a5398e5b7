"""Result cards: carried by pictures that stay the same pictures, found again, and never trusted."""

from __future__ import annotations

import io
import json
import struct
import zlib

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.exploring.card import MOST_LETTERS, ResultCard, card_of, document_hash
from core.exploring.carriers import KEYWORD, carried, found_in
from core.exploring.films import film_of, text_in_film
from core.graph.file import dumps
from core.problems import Refused
from tests.documents import tiny_clip

TEXT = dumps(tiny_clip())
CARD = ResultCard(
    run="261130-ab", step=120, name="mini-CLIP “#3”", seed=4, document=TEXT, document_hash=document_hash(TEXT), data="f00d",
    shows="loss", scores={"selection/validation/R@10": 0.41}, versions={"torch": "2.9"},
)  # fmt: skip


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB" if kind == "PNG" else "P").save(out, kind)
    return out.getvalue()


SVG = b'<?xml version="1.0"?>\n<!-- a plot -->\n<svg width="4" height="4" xmlns="http://www.w3.org/2000/svg"><rect width="4"/></svg>'


@pytest.mark.parametrize("plain", [picture("PNG"), picture("GIF"), SVG], ids=["png", "gif", "svg"])
def test_a_picture_carries_it_and_stays_the_same_picture(plain: bytes) -> None:
    assert found_in(plain) == ""
    made = carried(plain, CARD.as_text())
    assert card_of(found_in(made)) == CARD
    if plain is not SVG:
        before, after = (Image.open(io.BytesIO(data)).convert("RGB").tobytes() for data in (plain, made))
        assert before == after
    else:
        assert made.replace(made[made.index(b"\n<metadata") : made.index(b"</metadata>") + 11], b"") == plain


def test_another_reader_finds_the_png_s_text() -> None:
    with Image.open(io.BytesIO(carried(picture("PNG"), CARD.as_text()))) as opened:
        assert json.loads(opened.text["crossmodal-studio"])["run"] == "261130-ab"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "other"}, "no result card"),
        ({"version": 2}, "newer studio"),
        ({"step": -1}, "damaged"),
        ({"step": True}, "damaged"),
        ({"run": ""}, "damaged"),
        ({"document": TEXT + " "}, "was changed"),
    ],
)
def test_what_is_not_a_card_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        card_of(json.dumps({**json.loads(CARD.as_text()), **change}))


def test_what_is_too_much_is_left_out_or_refused() -> None:
    data = json.loads(CARD.as_text())
    data["scores"] = {f"s{number}": number for number in range(1000)} | {"nan": "x", "huge": 1e308}
    data["versions"] = {"torch": "x" * 10_000, "numpy": "2"}
    found = card_of(json.dumps(data))
    assert len(found.scores) == 64
    assert found.versions == {"torch": "", "numpy": "2"}
    with pytest.raises(Refused, match="too large"):
        card_of(" " * (MOST_LETTERS + 1))
    with pytest.raises(Refused, match="damaged"):
        card_of("[" * 100_000)


def test_a_bomb_in_a_png_is_not_unpacked() -> None:
    plain = picture("PNG")
    body = KEYWORD + b"\0\1\0\0\0" + zlib.compress(b"0" * 50_000_000)
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    with pytest.raises(Refused, match="too large"):
        found_in(plain[:33] + chunk + plain[33:])
    broken = bytearray(carried(plain, CARD.as_text()))
    broken[60] ^= 1
    with pytest.raises(Refused, match="damaged"):
        found_in(bytes(broken))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 200), st.sampled_from(["PNG", "GIF", "SVG"]))
def test_damaged_files_are_said_to_be_so_and_nothing_else(noise: bytes, at: int, kind: str) -> None:
    whole = carried(SVG if kind == "SVG" else picture(kind), CARD.as_text())
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    assert isinstance(told(damaged), ResultCard | str)


def told(data: bytes) -> ResultCard | str:
    try:
        text = found_in(data)
        return card_of(text) if text else ""
    except Refused as refused:
        return str(refused)


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif"])
def test_a_film_carries_it_where_its_container_has_room(ending: str) -> None:
    frames = [np.full((41, 64, 3), shade, dtype=np.uint8) for shade in (0, 120, 250)]
    film = film_of(frames, ending, text=CARD.as_text())
    assert film is not None
    found = found_in(film) if ending == ".gif" else text_in_film(film)
    assert card_of(found) == CARD
    with av.open(io.BytesIO(film)) as opened:
        shown = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
    assert len(shown) == 3
    assert all(abs(float(a.mean()) - float(b.mean())) < 8 for a, b in zip(shown, frames))


def test_a_film_stops_when_told_to_and_knows_its_endings() -> None:
    frames = [np.zeros((16, 16, 3), dtype=np.uint8)] * 5
    turns = iter([True, True, False])
    assert film_of(frames, ".gif", goes_on=lambda: next(turns)) is None
    with pytest.raises(Refused, match="No film is written"):
        film_of(frames, ".avi")
    assert text_in_film(b"no film") == ""
