"""Images of a trained run as files, from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from studio.cli import main
from tests.core.compiler.answers.test_making_by_diffusion import SIDE, drawer


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A store with a run that draws, and the run's id."""
    path = tmp_path_factory.mktemp("kept") / "runs.sqlite"
    with Store.open(path) as store:
        uid = queue(Library(store), drawer(callbacks={"checkpointing": {}}, diagnostics={}), name="drawer").uid
        assert execute(store, uid) == "finished"
    return str(path), uid


def test_images_of_a_sentence_are_written_by_their_seeds(kept: tuple[str, str], tmp_path: Path) -> None:
    store, uid = kept
    made = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        assert (
            main(
                [
                    "make",
                    uid,
                    "--sentence",
                    "red heart",
                    "--count",
                    "2",
                    "--seed",
                    "7",
                    "-o",
                    str(folder),
                    "--store",
                    store,
                ]
            )
            == 0
        )
        assert sorted(file.name for file in folder.iterdir()) == ["seed_7.png", "seed_8.png"]
        made.append(np.asarray(Image.open(folder / "seed_8.png")))
    assert made[0].shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(*made)


def test_a_walk_is_written_in_order(kept: tuple[str, str], tmp_path: Path) -> None:
    store, uid = kept
    flags = [
        "--sentence",
        "red heart",
        "--to",
        "blue moon",
        "--to-seed",
        "3",
        "--guidance",
        "2",
        "--steps",
        "3",
        "--count",
        "3",
    ]
    assert main(["make", uid, *flags, "-o", str(tmp_path / "walk"), "--store", store]) == 0
    assert sorted(file.name for file in (tmp_path / "walk").iterdir()) == [f"walk_{n:02}.png" for n in range(3)]


def test_a_checkpoint_that_is_not_there_is_said(kept: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    store, uid = kept
    assert main(["make", uid, "--step", "999", "--store", store]) == 2
    assert "no longer there" in capsys.readouterr().err
