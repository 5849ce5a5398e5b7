"""The set-up script on made-up systems: every command it calls is a stand-in that says what it was asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REAL = ("bash", "cat", "chmod", "dirname", "grep", "head", "mkdir", "mktemp", "rm", "sed", "tail", "touch", "wc", "df")
LIBRARIES = [
    line.split()[0] for line in (ROOT / "resources/system_libraries.txt").read_text().splitlines() if line[0] != "#"
]

PYTHON = """
case "$*" in
  "-c import sys; sys.exit(sys.version_info < (3, 11))") exit "${PYTHON_IS_OLD:-0}" ;;
  "-c import ensurepip") exit "${NO_ENSUREPIP:-0}" ;;
  --version) echo "Python 3.11.2" ;;
  "-m venv .venv") mkdir -p .venv/bin; cp "$FAKES/venv-python" .venv/bin/python ;;
esac
"""
VENV_PYTHON = """
case "$*" in
  "-c import sys"*) exit 0 ;;
  "-m pip --version") [ -e "$FAKES/no-pip" ] && exit 1; echo pip ;;
  ".ci/missing.py"*)
    for word in "$@"; do case $word in
      torch) [ -e "$FAKES/has-torch" ] && exit 0 ;;
      gt-*|onnx|openmoji*|open_clip*|x-trans*) [ -e "$FAKES/has-optional" ] && exit 0 ;;
    esac; done
    [ -e "$FAKES/has-all" ] && exit 0
    echo something; exit 1 ;;
  *"pip install"*)
    echo "pip $*" >>"$FAKES/log"
    [ -e "$FAKES/offline" ] && { for i in $(cat "$FAKES/offline"); do echo "WARNING: Retrying: NewConnectionError: Temporary failure in name resolution"; done; echo "ERROR: No matching distribution found for torch==2.13.0" >&2; exit 1; }
    case "$*" in *download.pytorch.org*) [ -e "$FAKES/no-cpu-build" ] && { echo "ERROR: no such index"; exit 1; } ;; esac
    exit 0 ;;
esac
"""


class System:
    """A folder with the script, a PATH of stand-ins, and what they were asked."""

    def __init__(self, folder: Path) -> None:
        self.project, self.fakes = folder / "project", folder / "fakes"
        (self.project / ".ci").mkdir(parents=True)
        (self.project / "resources").mkdir()
        self.fakes.mkdir()
        for name in (".ci/setup", ".ci/missing.py", "resources/system_libraries.txt"):
            shutil.copy(ROOT / name, self.project / name)
        for name in REAL:
            (self.fakes / name).symlink_to(shutil.which(name) or name)
        (self.fakes / "cp").symlink_to(shutil.which("cp") or "cp")
        self.fake("python3.11", PYTHON)
        self.fake("venv-python", VENV_PYTHON)
        self.fake("uname", "echo Linux")
        self.libraries(LIBRARIES)
        self.fake("fc-list", "echo Noto Sans CJK")
        self.user(1000)

    def fake(self, name: str, body: str) -> None:
        (self.fakes / name).unlink(missing_ok=True)
        (self.fakes / name).write_text(f"#!{shutil.which('bash')}\n{body}\n")
        (self.fakes / name).chmod(0o755)

    def user(self, number: int) -> None:
        self.fake("id", f"echo {number}")

    def libraries(self, names: list[str]) -> None:
        self.fake(
            "ldconfig", "cat <<'END'\n" + "\n".join(f"\t{name} (libc6) => /lib/{name}" for name in names) + "\nEND"
        )

    def apt(self, *, unknown: tuple[str, ...] = (), python: str = "3.11.2-1") -> None:
        cases = "".join(f'*" {name}") exit 100 ;; ' for name in unknown)
        self.fake(
            "apt-get",
            'echo "apt-get $*" >>"$FAKES/log"; case "$*" in *"python3 python3-venv"*) cp "$FAKES/python3.11" "$FAKES/python3";; esac',
        )
        self.fake("apt-cache", f'case "$*" in "policy python3") echo "  Candidate: {python}" ;; {cases} esac')

    def mark(self, name: str, text: str = "") -> None:
        (self.fakes / name).write_text(text)

    def run(self, *words: str, **more: str) -> tuple[int, str, str]:
        """Exit code, what was printed, what the stand-ins were asked."""
        (self.fakes / "log").write_text("")
        environment = {
            "PATH": str(self.fakes),
            "FAKES": str(self.fakes),
            "HOME": str(self.fakes),
            "TMPDIR": str(self.fakes),
            **more,
        }
        done = subprocess.run(
            [shutil.which("bash") or "bash", ".ci/setup", *words], cwd=self.project, env=environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr, (self.fakes / "log").read_text()


@pytest.fixture
def system(tmp_path: Path) -> System:
    if os.name != "posix":
        pytest.skip("a bash script")
    return System(tmp_path)


def test_a_fresh_machine_is_set_up_and_every_phase_is_said(system: System) -> None:
    code, said, asked = system.run()
    assert code == 0, said
    assert (system.project / ".venv/ready").exists()
    assert not (system.project / ".venv/ready-to-test").exists()
    assert "CPU build (about 2.0 GB" in said
    for phase in ("Making a virtual environment", "Installing PyTorch", "Installing the packages", "pretrained towers"):
        assert phase in said
    assert "torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu" in asked
    assert len(said.splitlines()) < 10


def test_what_is_there_is_not_asked_for_again_not_even_offline(system: System) -> None:
    system.run("dev")
    for name in ("has-all", "has-torch", "has-optional"):
        system.mark(name)
    system.mark("offline", "1")
    (system.project / "pyproject.toml").write_text("changed by a pull")
    code, said, asked = system.run("dev")
    assert (code, asked) == (0, "")
    assert "All packages are installed." in said
    assert (system.project / ".venv/ready-to-test").exists()


@pytest.mark.parametrize("how", ["no pip", "broken link", "empty folder"])
def test_a_half_made_environment_heals(system: System, how: str) -> None:
    place = system.project / ".venv"
    (place / "bin").mkdir(parents=True)
    if how == "no pip":
        system.fake("half", 'case "$*" in "-m pip --version") exit 1 ;; esac')
        shutil.copy(system.fakes / "half", place / "bin/python")
    elif how == "broken link":
        (place / "bin/python").symlink_to("/nowhere/python3")
    code, said, _ = system.run()
    assert code == 0, said
    assert "incomplete or from another Python; making it anew" in said
    assert (place / "ready").exists()


def test_without_root_missing_libraries_are_one_line_to_copy(system: System) -> None:
    system.apt(unknown=("libglib2.0-0t64",))
    system.libraries([name for name in LIBRARIES if name not in ("libEGL.so.1", "libglib-2.0.so.0")])
    code, said, asked = system.run()
    assert code == 0
    assert "    sudo apt-get install libegl1 libglib2.0-0\n" in said
    assert "apt-get" not in asked


def test_without_root_and_without_venv_there_is_nothing_half_made(system: System) -> None:
    system.apt()
    code, said, _ = system.run(NO_ENSUREPIP="1")
    assert code == 1
    assert "sudo apt-get install python3-venv" in said
    assert not (system.project / ".venv").exists()


def test_one_unknown_package_keeps_no_other_from_being_installed(system: System) -> None:
    system.user(0)
    system.apt(unknown=("libegl1", "libglib2.0-0t64"))
    system.libraries([name for name in LIBRARIES if name not in ("libEGL.so.1", "libGL.so.1", "libglib-2.0.so.0")])
    code, said, asked = system.run()
    assert code == 0
    assert "no package called libegl1" in said
    assert "install -y -qq --no-install-recommends libgl1 libglib2.0-0\n" in asked


@pytest.mark.parametrize("user", [0, 1000])
def test_a_system_that_is_too_old_is_told_so_before_anything_is_installed(system: System, user: int) -> None:
    system.user(user)
    system.apt(python="3.9.2-3")
    system.libraries([])
    (system.fakes / "python3.11").unlink()
    code, said, asked = system.run()
    assert code == 1
    assert "this system offers 3.9.2-3" in said
    assert "install" not in asked
    assert len(said.splitlines()) == 1


def test_root_installs_a_python_that_is_new_enough(system: System) -> None:
    system.user(0)
    system.apt(python="3.13.5-1")
    shutil.move(system.fakes / "python3.11", system.fakes / "kept")
    system.fake(
        "apt-get",
        'echo "apt-get $*" >>"$FAKES/log"; case "$*" in *"python3 python3-venv"*) cp "$FAKES/kept" "$FAKES/python3";; esac',
    )
    code, said, asked = system.run()
    assert code == 0, said
    assert "install -y -qq --no-install-recommends python3 python3-venv" in asked


def test_without_a_network_there_is_one_sentence(system: System) -> None:
    system.mark("offline", " ".join(["x"] * 300))
    code, said, _ = system.run()
    assert code == 1
    assert "The package servers cannot be reached." in said
    assert len(said.splitlines()) < 8
    assert "Retrying" not in said
    assert not (system.project / ".venv/ready").exists()
    (system.fakes / "offline").unlink()
    assert system.run()[0] == 0, "the next try goes on"


def test_falling_back_to_the_cuda_build_is_said_with_its_size(system: System) -> None:
    system.mark("no-cpu-build")
    code, said, asked = system.run()
    assert code == 0
    assert "brings CUDA: about 5.6 GB on disk instead of 2.0" in said
    assert asked.count("torch==2.13.0") == 2


def test_with_a_gpu_the_cuda_build_comes_with_the_packages(system: System) -> None:
    system.fake("nvidia-smi", "exit 0")
    code, said, asked = system.run()
    assert code == 0
    assert "PyTorch with CUDA" in said
    assert "torch==2.13.0" not in asked


def test_a_full_disk_is_said(system: System) -> None:
    system.fake(
        "venv-python",
        VENV_PYTHON.replace(
            'echo "pip $*" >>"$FAKES/log"', 'echo "OSError: [Errno 28] No space left on device"; exit 1'
        ),
    )
    code, said, _ = system.run()
    assert code == 1
    assert "The disk is full" in said
