"""Runs that leave as records of other programs."""

from __future__ import annotations

from pathlib import Path

from studio.asking.records import folder_name


def test_the_folder_of_a_long_chinese_name_can_be_made(tmp_path: Path) -> None:
    uid = "261130-0123456789"
    place = tmp_path / folder_name("训" * 90, uid)
    place.mkdir()
    assert place.name.startswith("训训")
    assert place.name.endswith(uid)
    assert folder_name("train/loss: a", uid) == f"train_loss_a-{uid}"
