"""Which version this is, and everything it is made of with its version and licence, as text to copy."""

from __future__ import annotations

import platform
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from widgets.look.language import tr

NAME = "crossmodal-studio"
ROOT = Path(__file__).resolve().parents[2]
LONGEST = 60  # characters of a licence; some packages put its whole text where its name belongs
CREDITS = (
    "Twemoji (images of the built-in data): CC BY 4.0",
    "OpenMoji (the second artist, where installed): CC BY-SA 4.0",
    "Unicode CLDR (names): Unicode-3.0",
    "EfficientNet-Lite0 (weights, where installed): CC BY-SA 4.0",
)
_REQUIRED = re.compile(r"[A-Za-z0-9._-]+")


def version() -> str:
    """Of the studio: as it was installed, or as its folder says."""
    project = _project()
    return str(project["version"]) if project else metadata.version(NAME)


def _project() -> dict[str, object]:
    """The description of the project, where this is not installed but run from its folder."""
    place = ROOT / "pyproject.toml"
    return dict(tomllib.loads(place.read_text("utf-8"))["project"]) if place.is_file() else {}


def dependencies() -> list[str]:
    """Names of every package that it needs, and that those need, as far as they are here."""
    project = _project()
    waiting = [str(each) for each in project["dependencies"]] if project else metadata.requires(NAME) or []  # type: ignore[attr-defined]
    found: dict[str, str] = {}
    while waiting:
        wanted = waiting.pop()
        name = _REQUIRED.match(wanted)
        if name is None or "extra ==" in wanted or _plain(name[0]) in found:
            continue
        try:
            package = metadata.distribution(name[0])
        except metadata.PackageNotFoundError:
            continue  # of another system, or left out
        found[_plain(name[0])] = package.metadata["Name"]
        waiting += package.requires or []
    return sorted(found.values(), key=str.lower)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(name: str) -> str:
    """What a package says of its licence, in a few words; empty where it says nothing."""
    facts = metadata.metadata(name)
    said = [*(facts.get_all("License-Expression") or []), *(facts.get_all("License") or [])]
    said += [each.rpartition(" :: ")[2] for each in facts.get_all("Classifier") or [] if each.startswith("License ::")]
    lines = [text.strip().splitlines()[0] for text in said if text.strip() and text.strip() != "UNKNOWN"]
    short = [line for line in lines if len(line) <= LONGEST]
    return short[0] if short else lines[0][:LONGEST] if lines else ""


def about_text() -> str:
    """Everything, a line each."""
    python = f"Python {sys.version.split()[0]} · {platform.platform()}"
    lines = [f"Crossmodal Studio {version()}", "Apache-2.0", python, "", tr("Made with:")]
    lines += [f"{name} {metadata.version(name)}  {licence_of(name)}".rstrip() for name in dependencies()]
    return "\n".join([*lines, "", tr("Data:"), *CREDITS])
