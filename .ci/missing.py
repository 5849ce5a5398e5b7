"""python missing.py [--extra NAME] [REQUIREMENT ...]: prints the requirements that this Python does not meet, a line each.

Without requirements: those of pyproject.toml. Reads what is installed and asks no server; ends with 1 where any is missing.
"""

import sys
import tomllib
from importlib import metadata
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement  # pip is in every environment, packaging may not be yet


def is_met(text: str) -> bool:
    """Whether a requirement is installed in a version that fits, or does not concern this machine."""
    wanted = Requirement(text)
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
        return True
    try:
        return wanted.specifier.contains(metadata.version(wanted.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def of_project(extras: list[str]) -> list[str]:
    """The project itself, and everything it asks for."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    found = [project["name"], *project["dependencies"]]
    return found + [line for extra in extras for line in project["optional-dependencies"][extra]]


def main(words: list[str]) -> int:
    """Print what is missing."""
    extras = [words[place + 1] for place, word in enumerate(words) if word == "--extra"]
    named = [word for word in words if word != "--extra" and word not in extras]
    missing = [text for text in named or of_project(extras) if not is_met(text)]
    print("\n".join(missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
