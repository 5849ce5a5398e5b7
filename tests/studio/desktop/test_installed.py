"""Installed like an application: a wheel works from any folder, the desktop knows it, and it says what it is made of."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as xml
from importlib import metadata
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from core.problems import Refused
from studio.cli import main
from studio.desktop import entry
from studio.telling.about import about_text, dependencies, licence_of, version
from tests.code import ROOT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def test_the_desktop_is_told_and_untold(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["desktop-entry"]) == 0
    said = capsys.readouterr().out
    written = [path for path in home.rglob("crossmodal-studio*") if path.is_file()]
    assert len(written) == 3 + len(entry.SIZES)
    assert all(str(path) in said for path in written)
    menu = configparser.RawConfigParser(delimiters="=", strict=True)
    menu.optionxform = str  # type: ignore[method-assign,assignment]
    menu.read_string((home / "applications/crossmodal-studio.desktop").read_text("utf-8"))
    facts = menu["Desktop Entry"]
    assert facts["MimeType"] == f"{entry.MIME};"
    assert facts["Exec"].endswith(" open %f")
    assert facts["Name"] == "Crossmodal Studio"
    mime = xml.parse(home / "mime/packages/crossmodal-studio.xml").getroot()
    assert [glob.get("pattern") for glob in mime.findall(".//{*}glob")] == ["*.cms.json"]
    for size in entry.SIZES:
        image = QImage(str(home / f"icons/hicolor/{size}x{size}/apps/crossmodal-studio.png"))
        assert (image.width(), image.height()) == (size, size)
    other = home / "applications/other.desktop"
    other.write_text("mine")
    assert main(["desktop-entry", "--remove"]) == 0
    assert other.read_text() == "mine"
    assert [path for path in home.rglob("crossmodal-studio*") if path.is_file()] == []
    capsys.readouterr()
    assert main(["desktop-entry", "--remove"]) == 0
    assert "Nothing was there" in capsys.readouterr().out


def test_a_command_line_is_spelled_as_entries_want_it() -> None:
    assert entry.quoted(["/usr/bin/python3", "-m", "studio"]) == "/usr/bin/python3 -m studio"
    assert entry.quoted(["/a b/p"]) == '"/a b/p"'
    assert entry.quoted(["/50%/p"]) == "/50%%/p"
    assert entry.quoted(['/a"$b']) == '"/a\\\\"\\\\$b"'
    with pytest.raises(Refused, match="cannot stand in a menu entry"):
        entry.quoted(["/a\nExec=evil"])


def test_other_systems_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(entry.platform, "system", lambda: "Darwin")
    assert main(["desktop-entry"]) == 2
    assert "this system has its own" in capsys.readouterr().err


def test_it_says_what_it_is_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"crossmodal-studio {version()}\n"
    names, text = dependencies(), about_text()
    assert {"torch", "numpy", "SQLAlchemy"} <= set(names)
    assert all(f"{name} {metadata.version(name)}" in text for name in names)
    assert "BSD" in licence_of("numpy")
    known = [name for name in names if licence_of(name)]
    assert len(known) > 0.9 * len(names), sorted(set(names) - set(known))


@pytest.mark.long
def test_about_is_a_sheet_to_copy(sit_down) -> None:
    person = sit_down(None)
    person.choose("about")
    person.wait(lambda: [w for w in person.window.children() if getattr(w, "windowTitle", str)() == "About"])
    sheet = next(w for w in person.window.children() if getattr(w, "windowTitle", str)() == "About")
    person.click(person.button("Copy", sheet))
    assert f"Crossmodal Studio {version()}" in QApplication.clipboard().text()
    sheet.close()


@pytest.mark.long
def test_a_wheel_works_from_any_folder(tmp_path: Path) -> None:
    """Built apart from this folder, installed into an environment of its own that sees the packages of this one."""
    source, wheels, environment = tmp_path / "source", tmp_path / "wheels", tmp_path / "environment"
    source.mkdir()
    for name in ("core", "widgets", "studio", "resources"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(wheels), str(source)], check=True
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin/python"
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", "-q", str(wheel)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "beside.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    studio = environment / "bin/crossmodal-studio"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}

    def said(*words: str) -> str:
        done = subprocess.run([str(studio), *words], cwd="/", env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert said("--version") == f"crossmodal-studio {version()}\n"
    assert "parameters" in said("check", "mini_clip")
    assert "finished" in said("run", "mini_clip", "--steps", "2", "--store", str(tmp_path / "runs.db"))
    said("new-block", "mine")
    assert "passed" in said("blocks", "test", "mine")
    assert str(studio) in entry_of(said("desktop-entry"))
    shutil.rmtree(source)
    assert "loss" in said(
        "run", "mini_clip", "--steps", "1", "--place", "process", "--json", "--store", str(tmp_path / "b.db")
    )


def entry_of(said: str) -> str:
    place = next(line.removeprefix("Written ") for line in said.splitlines() if line.endswith(".desktop"))
    return Path(place).read_text("utf-8")
