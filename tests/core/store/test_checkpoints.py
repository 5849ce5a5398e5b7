"""A checkpoint is whole or not there; damage is found, said, and passed over."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.problems import Refused
from core.store import checkpoints
from core.store.checkpoints import CheckpointFolder, verify


def tensors(seed: int, size: int = 4000) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "weights.safetensors").write_bytes(random.Random(seed).randbytes(size))
        (folder / "optimizer.safetensors").write_bytes(random.Random(-seed).randbytes(size // 2))

    return write


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints")


def steps(folder: CheckpointFolder) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in folder.all()]


def test_saved_and_found(folder: CheckpointFolder) -> None:
    assert folder.newest() is None
    path = folder.save(7, tensors(1), {"position": {"step": 7}, "score": float("inf")})
    found = folder.newest()
    assert found is not None
    assert (found.path, found.step, found.best, found.warnings) == (path, 7, False, ())
    assert json.loads((path / "state.json").read_text())["position"] == {"step": 7}
    assert set(verify(path)["files"]) == {"state.json", "weights.safetensors", "optimizer.safetensors"}


def test_the_last_few_and_the_best_are_kept(folder: CheckpointFolder) -> None:
    for step in range(1, 8):
        folder.save(step, tensors(step), {}, best=step in (2, 4), keep_last=2)
    assert steps(folder) == [4, 6, 7]
    assert folder.removed == (str(folder.path / "step-000000005"),)
    best = folder.best()
    assert best is not None
    assert best.step == 4


def test_after_going_back_the_new_ones_are_kept_not_the_later_steps(folder: CheckpointFolder) -> None:
    for step in (100, 200, 300):
        folder.save(step, tensors(step), {}, keep_last=3)
    folder.save(150, tensors(9), {}, keep_last=2)
    assert sorted(steps(folder)) == [150, 300]
    newest = folder.newest()
    assert newest is not None
    assert newest.step == 150


def test_the_same_step_again_replaces_and_stays_best(folder: CheckpointFolder) -> None:
    folder.save(5, tensors(1), {"n": 1}, best=True)
    path = folder.save(5, tensors(2), {"n": 2})
    assert steps(folder) == [5]
    assert json.loads((path / "state.json").read_text()) == {"n": 2}
    assert verify(path)["best"]


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json"])
def test_truncated_anywhere_it_falls_back(folder: CheckpointFolder, name: str) -> None:
    good = folder.save(1, tensors(1), {"a": 1})
    bad = folder.save(2, tensors(2), {"a": 2})
    whole = (bad / name).read_bytes()
    for length in random.Random(4).sample(range(len(whole)), min(25, len(whole))):
        (bad / name).write_bytes(whole[:length])
        found = folder.newest()
        assert found is not None
        assert found.path == good
        assert "step-000000002 is damaged" in found.warnings[0].what
    (bad / name).unlink()
    assert folder.newest().path == good  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["weights.safetensors", "state.json", "manifest.json"])
def test_one_flipped_bit_is_found(folder: CheckpointFolder, name: str) -> None:
    good = folder.save(1, tensors(1), {"a": 1})
    bad = folder.save(2, tensors(2), {"a": 2}, best=True)
    whole, draw = (bad / name).read_bytes(), random.Random(5)
    for _ in range(40):
        flipped = bytearray(whole)
        flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        try:
            same = name == "manifest.json" and json.loads(flipped) == json.loads(whole)
        except ValueError:
            same = False
        (bad / name).write_bytes(flipped)
        found = folder.newest()
        assert found is not None
        assert found.path == (bad if same else good)


def test_when_none_is_whole_it_says_so(folder: CheckpointFolder) -> None:
    path = folder.save(1, tensors(1), {})
    (path / "weights.safetensors").write_bytes(b"")
    with pytest.raises(Refused, match="No checkpoint"):
        folder.newest()


def test_a_full_disk_leaves_the_others_and_no_rubbish(folder: CheckpointFolder) -> None:
    good = folder.save(1, tensors(1), {})

    def fail(at: Path) -> None:
        (at / "weights.safetensors").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Refused, match="The disk is full"):
        folder.save(2, fail, {})
    assert [path.name for path in folder.path.iterdir()] == [good.name]
    assert folder.newest().path == good  # type: ignore[union-attr]


def test_a_writer_that_fails_is_not_called_a_full_disk(folder: CheckpointFolder) -> None:
    def fail(at: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        folder.save(2, fail, {})
    assert list(folder.path.iterdir()) == []


def test_too_little_room_is_said_before_anything_is_written(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.save(1, tensors(1), {})
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 9000))
    with pytest.raises(Refused, match="no room for a checkpoint"):
        folder.save(2, lambda at: pytest.fail("written"), {})


def test_what_a_crash_left_is_tidied(folder: CheckpointFolder) -> None:
    path = folder.save(1, tensors(1), {})
    os.replace(path, folder.path / f".replaced-{path.name}")  # died between the two renames
    (folder.path / ".unfinished-123-000000002").mkdir()
    folder.save(3, tensors(3), {}, keep_last=5)
    assert steps(folder) == [1, 3]
    assert all(path.name.startswith("step-") for path in folder.path.iterdir())


KILLED = """
import random, sys
from pathlib import Path
from core.store.checkpoints import CheckpointFolder
folder = CheckpointFolder(sys.argv[1])
print("go", flush=True)
step = int(sys.argv[2])
while True:
    step += 1
    data = random.Random(step).randbytes(200_000)
    folder.save(step % 7 + 1, lambda at: (at / "weights").write_bytes(data), {"step": step}, best=step % 3 == 0)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
def test_killed_while_saving_the_last_one_is_readable(folder: CheckpointFolder, kills: int) -> None:
    draw = random.Random(6)
    for number in range(kills):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(folder.path), str(number * 1000)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n"
        try:
            child.wait(draw.uniform(0.05, 0.3))
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        again = CheckpointFolder(folder.path)
        again.save(50 + number, tensors(number), {})
        found = again.newest()
        assert found is not None
        assert found.warnings == ()
        for path in again.all():
            verify(path)
