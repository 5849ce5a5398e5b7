"""torchaudio is whole where its extension loads, and its pure-torch part where it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXTENSIONS = {
    "whole": "_IS_TORCHAUDIO_EXT_AVAILABLE = True",
    "pure torch": "raise OSError('libcudart.so.13')",
}


def asked_twice(folder: Path) -> list[str]:
    """What a process of its own finds, with this folder before all others."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); from core.torchaudio_import import prepare_torchaudio; "
        "print(prepare_torchaudio()); print(prepare_torchaudio()); import torchaudio._extension as e; "
        "print(getattr(e, 'is_stand_in', False))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("found", EXTENSIONS)
def test_the_stand_in_is_used_only_where_the_plain_import_fails(found: str, tmp_path: Path) -> None:
    package = tmp_path / "torchaudio"
    (package / "_extension").mkdir(parents=True)
    (package / "__init__.py").write_text("from . import _extension\n__version__ = '0'\n")
    (package / "_extension" / "__init__.py").write_text(EXTENSIONS[found])
    assert asked_twice(tmp_path) == [found, found, str(found == "pure torch")]


def test_what_needs_the_extension_says_so() -> None:
    from core.torchaudio_import import _stand_in

    def forced_align() -> None: ...

    with pytest.raises(RuntimeError, match="forced_align needs"):
        _stand_in().fail_if_no_align(forced_align)()
