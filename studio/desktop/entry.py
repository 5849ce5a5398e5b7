"""A menu entry, icons and the type of ``.cms.json`` files where the desktop looks for them (the XDG base folders), and gone again."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from core.problems import refuse

NAME = "crossmodal-studio"
MIME = "application/x-crossmodal-studio+json"
SIZES = (32, 48, 64, 128, 256)  # pixels of the icons; the drawing itself is any size
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30  # for a desktop's own tool

ENTRY = """[Desktop Entry]
Type=Application
Version=1.5
Name=Crossmodal Studio
GenericName=Multimodal experiments
GenericName[zh_CN]=多模态实验
Comment=Design, train, watch and replay multimodal experiments
Comment[zh_CN]=设计、训练、观察和回放多模态实验
Exec={command} open %f
{path}Icon={name}
Terminal=false
StartupWMClass={name}
StartupNotify=true
Categories=Science;ArtificialIntelligence;Education;
Keywords=CLIP;PyTorch;multimodal;training;
MimeType={mime};
"""

TYPE = """<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="{mime}">
    <comment>Crossmodal Studio experiment</comment>
    <comment xml:lang="zh_CN">Crossmodal Studio 实验</comment>
    <sub-class-of type="application/json"/>
    <glob pattern="*.cms.json" weight="60"/>
    <icon name="{name}"/>
  </mime-type>
</mime-info>
"""


def data_home() -> Path:
    """Where a person's own menu entries and icons lie."""
    given = os.environ.get("XDG_DATA_HOME", "")
    return Path(given) if given and Path(given).is_absolute() else Path.home() / ".local/share"


def written_files(home: Path) -> dict[Path, bytes]:
    """Every file that tells the desktop, with its contents."""
    folder = resources.files("resources") / "icon"
    icons = home / "icons/hicolor"
    files = {
        home / f"applications/{NAME}.desktop": entry_text().encode("utf-8"),
        home / f"mime/packages/{NAME}.xml": TYPE.format(mime=MIME, name=NAME).encode("utf-8"),
        icons / f"scalable/apps/{NAME}.svg": (folder / f"{NAME}.svg").read_bytes(),
    }
    for size in SIZES:
        files[icons / f"{size}x{size}/apps/{NAME}.png"] = (folder / f"{NAME}-{size}.png").read_bytes()
    return files


def entry_text() -> str:
    """The menu entry: the installed command, or this Python in the folder that the studio is in."""
    script = Path(sys.executable).with_name(NAME)
    if script.is_file() and not (ROOT / "pyproject.toml").is_file():
        return ENTRY.format(command=quoted([str(script)]), path="", name=NAME, mime=MIME)
    command = quoted([sys.executable, "-m", "studio"])
    return ENTRY.format(command=command, path=f"Path={_plain(str(ROOT))}\n", name=NAME, mime=MIME)


def quoted(words: Sequence[str]) -> str:
    """A command line as entries spell it: what is not plain stands in quotes, ``%`` is doubled."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    text = _plain(word).replace("%", "%%")
    if all(letter.isalnum() or letter in "/._-+%" for letter in text):
        return text
    for letter in ("\\", '"', "`", "$"):
        text = text.replace(letter, f"\\{letter}")
    return '"' + text.replace("\\", "\\\\") + '"'


def _plain(text: str) -> str:
    if any(ord(letter) < 32 for letter in text):
        raise refuse(
            f"{text!r} cannot stand in a menu entry.", hint="Install the studio in a folder with a plain name."
        )
    return text


def write_entry() -> list[Path]:
    """Write them all and tell the desktop; gives what was written. Raises Refused."""
    _refuse_elsewhere()
    files = written_files(data_home())
    for path, data in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            raise refuse(f"{path} cannot be written: {error.strerror or error}.") from error
    tell_desktop(data_home())
    return list(files)


def remove_entry() -> list[Path]:
    """Take them all away again; gives what was there. Raises Refused."""
    _refuse_elsewhere()
    gone = [path for path in written_files(data_home()) if path.is_file()]
    for path in gone:
        try:
            path.unlink()
        except OSError as error:
            raise refuse(f"{path} cannot be removed: {error.strerror or error}.") from error
    tell_desktop(data_home())
    return gone


def _refuse_elsewhere() -> None:
    if platform.system() not in ("Linux", "FreeBSD", "OpenBSD", "NetBSD"):
        raise refuse(
            "Menu entries are written for desktops that follow freedesktop.org; this system has its own.",
            hint="Start the studio by its command, or pin it by hand.",
        )


def tell_desktop(home: Path) -> None:
    """The desktop's own tools, where they are, bring their lists up to date; without them it looks by itself later."""
    for command in (
        ["update-desktop-database", "-q", str(home / "applications")], ["update-mime-database", str(home / "mime")],
        ["gtk-update-icon-cache", "-q", "-t", "-f", str(home / "icons/hicolor")],
    ):  # fmt: skip
        if shutil.which(command[0]) and Path(command[-1]).is_dir():
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)


def complaints(entry: Path) -> str:
    """What the desktop's own checker says of a menu entry; empty where it is content or not here."""
    if not shutil.which("desktop-file-validate"):
        return ""
    done = subprocess.run(
        ["desktop-file-validate", str(entry)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""
