"""How others lay out bytes, against published figures and against the libraries that wrote them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records.formats import wire
from core.records.formats.checksums import crc32c, masked
from core.records.formats.tf_records import Torn, record, records

protos = pytest.importorskip("tensorboard.compat.proto.event_pb2", reason="tensorboard is not installed")
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow  # noqa: E402


def test_checksums_are_those_of_rfc_3720() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 5000, 70_001])
def test_long_data_is_summed_as_tensorboard_sums_it(size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    assert masked(crc32c(data)) == pywrap_tensorflow.masked_crc32c(data)


@settings(max_examples=30)
@given(st.floats(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=20))
def test_fields_are_those_of_protobuf(wall: float, step: int, version: str) -> None:
    mine = wire.of_double(1, wall) + wire.of_whole(2, step) + wire.of_text(3, version)
    theirs = protos.Event()
    theirs.ParseFromString(mine)
    assert (theirs.step, theirs.file_version) == (step, version)
    assert np.float64(theirs.wall_time).tobytes() == np.float64(wall).tobytes()
    found = dict(wire.fields(theirs.SerializeToString()))
    assert wire.signed(found.get(2, 0)) == step
    assert wire.text(found.get(3, b"")) == version


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_whatever_bytes_come_are_fields_or_refused(data: bytes) -> None:
    try:
        found = list(wire.fields(data))
    except ValueError:
        return
    assert sum(len(value) for _, value in found if isinstance(value, bytes)) <= len(data)


@pytest.mark.parametrize("cut", [1, 11, 13, 17])
def test_half_a_record_is_said_with_its_place(cut: int) -> None:
    first, second = record(b"one"), record(b"two two")
    read = []
    with pytest.raises(Torn) as torn:
        read += [data for _, data in records(io.BytesIO(first + second[:cut]))]
    assert torn.value.at == len(first)


def test_a_wrong_bit_ends_the_file() -> None:
    data = bytearray(record(b"one") + record(b"two"))
    data[-6] ^= 1
    found = records(io.BytesIO(bytes(data)))
    assert next(found)[1] == b"one"
    with pytest.raises(Torn):
        next(found)
