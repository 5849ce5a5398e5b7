"""What the desktop asks for: no motion, high contrast; and that shapes tell modalities apart where colours are not enough."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF

from widgets.look import desktop
from widgets.look.shapes import modality_of, shape
from widgets.look.theme import THEMES, chosen


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(desktop.sys, "platform", "linux")
    desktop.reduces_motion.cache_clear()
    yield
    desktop.reduces_motion.cache_clear()


def gsettings(folder: Path, answer: str) -> None:
    program = folder / "gsettings"
    program.write_text(
        f'#!/bin/sh\n[ "$1 $2 $3" = "get org.gnome.desktop.interface enable-animations" ] && echo {answer}\n'
    )
    program.chmod(0o755)


@pytest.mark.parametrize(("answer", "reduces"), [("false", True), ("true", False), ("'No such schema'", False)])
def test_gnome_says_whether_things_move(tmp_path: Path, answer: str, reduces: bool) -> None:
    gsettings(tmp_path, answer)
    assert desktop.reduces_motion() is reduces


@pytest.mark.parametrize(("factor", "reduces"), [("0", True), ("1.0", False), ("odd", False)])
def test_kde_says_whether_things_move(tmp_path: Path, factor: str, reduces: bool) -> None:
    (tmp_path / "kdeglobals").write_text(f"[KDE]\nAnimationDurationFactor={factor}\n")
    assert desktop.reduces_motion() is reduces


def test_a_desktop_that_says_nothing_lets_things_move() -> None:
    assert desktop.reduces_motion() is False


def test_contrast_follows_the_desktop_unless_a_person_chose(qapp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widgets.look.theme.wants_contrast", lambda: True)
    assert chosen("dark", "system").name == "high dark"
    assert chosen("light", "system").name == "high light"
    assert chosen("dark", "normal").name == "dark"
    monkeypatch.setattr("widgets.look.theme.wants_contrast", lambda: False)
    assert chosen("light", "system").name == "light"
    assert chosen("light", "high").name == "high light"


@pytest.mark.parametrize("name", THEMES)
def test_every_modality_has_a_shape_of_its_own_but_what_is_shared(name: str) -> None:
    drawn = {kind: shape(kind, QPointF(0, 0), 5.0) for kind in ("image", "text", "audio", "video", "loss", "any")}
    assert all(drawn[a] != drawn[b] for a, b in combinations(drawn, 2))
    assert all(path.contains(QPointF(0, 0)) for path in drawn.values())
    assert len(set(THEMES[name].modality.values())) == len(THEMES[name].modality)
    assert modality_of("#nothing") == "any"
