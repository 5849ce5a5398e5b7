"""Every command of ``python -m studio``, called as a person would: what it prints, what it keeps, its exit code."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.graph import edits, file
from core.graph.document import Document
from core.problems import Refused
from core.runs.launch import change_recipe
from core.runs.worker import start_process
from core.store.database import Store
from core.store.library import Library
from core.store.media import media_beside
from core.store.reader import RunReader
from core.telemetry.events import At, Scalars, StatusChange
from studio.cli import command_modules, main
from studio.commands import run
from studio.open.documents import find_document
from tests.core.runs.running import queued, until
from tests.core.store.test_media import pictures, record
from tests.documents import tiny_clip

ROOT = Path(__file__).parents[3]
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command here; gives its exit code, what it printed and what it complained of."""

    def command(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    place = tmp_path / "drawn.cms.json"
    callbacks = {"checkpointing": {"every": 5}, "evaluation": {"every": 100, "most": 64}}
    clip = edits.set_knob(tiny_clip(steps=6, callbacks=callbacks), "tokenizer", "length", 48)  # no caption is cut
    file.write(clip, place)
    return place


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def widest(text: str) -> int:
    return max(len(line) for line in text.splitlines() if not line.startswith("Kept in"))


def test_unless_trained_shows_the_run_that_is_there(say: Say, drawn: Path, kept: Path) -> None:
    """A second time nothing is trained, and that is said; another setting is another experiment."""
    first = say("run", drawn, "--store", kept, "--unless-trained")
    again = say("run", drawn, "--store", kept, "--unless-trained")
    assert (first[0], again[0]) == (0, 0)
    assert "It has been trained: run" in again[1]
    with Store.open(kept) as store:
        assert len(Library(store).runs()) == 1
    say("run", drawn, "--store", kept, "--unless-trained", "--seed", "5")
    with Store.open(kept) as store:
        assert len(Library(store).runs()) == 2


def test_doctor_tries_the_window_alone(say: Say) -> None:
    code, printed, _ = say("doctor", "--window")
    assert (code, printed.count("\n")) == (0, 1)
    assert "window can open" in printed


def test_ctrl_c_closes_the_window(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_CONFIG_HOME": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
    }
    code = (
        "import os, signal, sys\n"
        "from PySide6.QtCore import QTimer\n"
        "from studio import app\n"
        "made = app.make_window\n"
        "def watched(*a):\n"
        "    QTimer.singleShot(0, lambda: os.kill(os.getpid(), signal.SIGINT))\n"
        "    return made(*a)\n"
        "app.make_window = watched\n"
        f"sys.exit(app.run_window(None, {str(tmp_path / 'runs.db')!r}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_run_trains_and_prints_scores_beside_chance_within_80_columns(say: Say, drawn: Path, kept: Path) -> None:
    code, out, _ = say("run", drawn, "--store", kept, "--device", "cpu", "--name", "[/] odd")
    assert code == 0
    assert "[/] odd finished at step 6" in out
    rows = [line.split() for line in out.splitlines() if "image to text" in line]
    assert [row[0] for row in rows] == ["test", "validation", "training"]
    assert [cell for cell in rows[0] if "(" in cell] == ["(1.6", "(7.8", "(15.6"], (
        "chance of 64 names, each of one picture"
    )
    assert "in brackets: chance; test: unseen concepts" in out
    assert "Best R@10 on validation (mean of both directions): " in out
    assert ", last " in out
    assert widest(out) <= 80
    with Store.open(kept) as store:
        (facts,) = Library(store).runs()
        assert (facts.name, facts.status, facts.step, facts.place) == ("[/] odd", "finished", 6, "thread")


def test_accuracies_are_said_beside_chance_by_the_block_that_answers(say: Say, tmp_path: Path, kept: Path) -> None:
    document = find_document("early_fusion_mlm")
    for node, knobs in {"early": {"width": 16, "depth": 1, "heads": 2}, "tokenizer": {"vocabulary": 300}}.items():
        for name, value in knobs.items():
            document = edits.set_knob(document, node, name, value)
    callbacks = {"evaluation": {"most": 32, "train": False}}
    document = edits.set_recipe(document, callbacks=callbacks, diagnostics={}, batch_size=16)
    file.write(document, tmp_path / "fused.cms.json")
    code, out, _ = say("run", tmp_path / "fused.cms.json", "--store", kept, "--steps", 1, "--device", "cpu")
    assert code == 0
    assert [line.split("%")[0].split()[-1] for line in out.splitlines() if "Without the image  test" in line]
    assert "answered by" in out
    assert "in brackets: chance" in out
    assert widest(out) <= 80


@pytest.mark.parametrize("place", ["thread", pytest.param("process", marks=pytest.mark.long)])
def test_json_lines_end_with_scores_and_chance(say: Say, drawn: Path, kept: Path, place: str) -> None:
    words = ["--steps", 4, "--seed", 9, "--device", "cpu", "--set", "vit.depth=2", "--set", "recipe.batch_size=32"]
    code, out, complaints = say("run", drawn, "--store", kept, *words, "--place", place, "--json")
    assert (code, complaints) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) >= 2
    assert {line["run"] for line in lines} == {lines[0]["run"]}
    steps = [line["step"] for line in lines]
    assert steps == sorted(steps)
    last = lines[-1]
    assert (last["status"], last["step"]) == ("finished", 4)
    assert "retrieval/test/image_to_text/R@10" in last["scores"]
    assert last["chance"]["retrieval/test/text_to_image/R@10"] == pytest.approx(10 / 64)
    assert not any("chance" in name for name in last["scores"])
    with Store.open(kept) as store:
        library = Library(store)
        facts = library.facts(last["run"])
        assert (facts.steps, facts.seed, facts.place) == (4, 9, place)
        drawn_then = file.loads(library.document_text(facts.uid))
        assert drawn_then.nodes["vit"].knobs["depth"] == 2
        assert drawn_then.recipe.batch_size == 32


def test_a_stopped_run_goes_on_and_a_running_one_is_left_alone(say: Say, drawn: Path, kept: Path) -> None:
    with Store.open(kept) as store:
        waiting = queued(store, file.read(drawn))  # this very process is said to own it
    code, _, complaint = say("run", "--resume", waiting, "--store", kept)
    assert code == 2
    assert complaint == f"The run {waiting} is trained by this process already. Stop it there first.\n"
    say("run", drawn, "--store", kept, "--json")
    with Store.open(kept) as store:
        ended = Library(store).runs()[0].uid
    code, out, _ = say("run", "--resume", ended[:12], "--store", kept, "--json")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["run"] == ended


def test_a_run_that_pauses_by_itself_stops_where_nobody_waits_and_is_resumed(
    say: Say, tmp_path: Path, kept: Path
) -> None:
    document = tiny_clip(steps=5, callbacks={"checkpointing": {}, "breakpoints": {"when": "loss > 0"}})
    place = tmp_path / "paused.cms.json"
    file.write(document, place)
    _, _, complaint = say("run", place, "--store", kept, "--json")
    assert "Breakpoint at step 2" in complaint
    assert "go on with: python -m studio run --resume" in complaint
    with Store.open(kept) as store:
        (facts,) = Library(store).runs()
        assert (facts.status, facts.step) == ("stopped", 2)
        assert facts.reason.startswith("Breakpoint at step 2: ")
    say("run", "--resume", facts.uid, "--store", kept, "--json")
    with Store.open(kept) as store:
        (facts,) = Library(store).runs()
        assert (facts.status, facts.step) == ("finished", 5)


def test_a_condition_that_cannot_be_read_is_refused_before_anything_is_kept(say: Say, kept: Path) -> None:
    code, _, complaint = say("run", "mini_clip", "--set", "callbacks.breakpoints.when=loss is bad", "--store", kept)
    assert code != 0
    assert "“loss is bad” is no condition." in complaint
    with Store.open(kept) as store:
        assert Library(store).runs() == []


def test_runs_lists_them_whole_within_80_columns(say: Say, kept: Path) -> None:
    assert say("runs", "--store", kept) == (0, "There are no runs yet. Train one: python -m studio run\n", "")
    with Store.open(kept) as store:
        library = Library(store)
        uids = [library.create_run(name, "{}", steps=100_000).uid for name in ("first", "[bold]x")]
        long = library.create_run("a name that goes on and on " * 5, "{}").uid
        library.delete(long)
    code, out, _ = say("runs", "--store", kept)
    assert code == 0
    assert widest(out) <= 80
    assert all(uid in out for uid in uids)
    assert "[bold]x" in out
    assert "0/100000" in out
    assert "…" not in out
    assert say("runs", "first", "--store", kept)[1].count("queued") == 1
    assert say("runs", "nothing", "like", "this", "--store", kept)[1] == "No run has these words.\n"
    assert say("runs", "--where", "status = queued and name ~ first", "--store", kept)[1].count("queued") == 1
    assert say("runs", "--where", "seed > 10000", "--store", kept)[1] == "No run fits.\n"
    code, _, wrong = say("runs", "--where", "seeds > 1", "--store", kept)
    assert code == 2
    assert wrong.splitlines()[:2] == ["seeds > 1", "^^^^^"]
    with Store.open(kept) as store:
        Library(store).restore(long)
    assert "a name that goes on and on " * 4 in say("runs", "--store", kept)[1], "a pipe has no edge to break lines at"
    listed = json.loads(say("runs", "--store", kept, "--json")[1])
    assert [one["uid"] for one in listed] == [long, *reversed(uids)]


def test_a_name_does_not_act_on_the_terminal(say: Say, kept: Path) -> None:
    with Store.open(kept) as store:
        Library(store).create_run("red\x1b[31m\u202etxt\x07", "{}")
    out = say("runs", "--store", kept)[1]
    assert r"red\x1b[31m\u202etxt\x07" in out
    assert not {"\x1b", "\u202e", "\x07"} & set(out)


def test_a_number_that_is_not_finite_is_still_json(say: Say, kept: Path) -> None:
    with Store.open(kept) as store:
        library = Library(store)
        uid = library.create_run("diverged", "{}").uid
        recorder = library.recorder(uid)
        recorder.say(Scalars(at=At(step=1, seconds=0.1), values={"loss": float("nan")}))
        assert recorder.close()

    def never(word: str) -> Any:
        raise AssertionError(f"{word} is not JSON")

    json.loads(say("runs", "--store", kept, "--json")[1], parse_constant=never)


def test_check_prints_shapes_and_problems(say: Say, drawn: Path, tmp_path: Path) -> None:
    code, out, _ = say("check", drawn)
    assert code == 0
    assert "parameters" in out
    assert "…" not in out
    data = json.loads(say("check", drawn, "--json", "--set", "projection.width=24")[1])
    assert data["nodes"]["vit"]["parameters"] > 0
    assert [problem["node"] for problem in data["problems"] if problem["severity"] == "error"] == ["info_nce"]
    assert say("check", drawn, "--set", "projection.width=24")[0] == 1
    empty = tmp_path / "empty.cms.json"
    file.write(Document(), empty)
    code, out, _ = say("check", empty)
    assert code == 1
    assert "error: The canvas is empty." in out


def test_export_writes_a_script(say: Say, drawn: Path, tmp_path: Path) -> None:
    place = tmp_path / "model.py"
    code, out, _ = say("export", drawn, "-o", place, "--set", "vit.width=32")
    assert (code, out) == (0, f"Written to {place}.\n")
    compile(place.read_text(), str(place), "exec")
    assert "32" in place.read_text()
    code, _, complaint = say("export", drawn, "-o", tmp_path)
    assert code == 2
    assert complaint.startswith(f"{tmp_path} cannot be written")


@pytest.mark.long
def test_shot_makes_a_picture_of_one_page(drawn: Path, kept: Path, tmp_path: Path) -> None:
    """In a process of its own: it makes the application, and there is one in a process."""
    done = subprocess.run(
        [sys.executable, "-m", "studio", "shot", str(drawn), "--store", str(kept), "-o", str(tmp_path / "made"), "--pages", "gallery"],
        capture_output=True, text=True, cwd=ROOT, timeout=120, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    place = tmp_path / "made" / "gallery-dark.png"
    assert done.stdout == f"{place}\n"
    header = place.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert [int.from_bytes(header[at : at + 4], "big") for at in (16, 20)] == [1440, 900]


def test_doctor_says_what_is_here(say: Say) -> None:
    code, out, _ = say("doctor")
    assert code == 0
    assert "torch" in out
    assert "SQLite" in out
    assert all(line.startswith(("✓ ", "· ", "✗ ", "    ")) for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "{folder}/gone.cms.json"], "cannot be read: it is not there"),
        (["run", "{folder}"], "cannot be read: it is a folder"),
        (["run", "no_such_example"], "There is no file and no example called 'no_such_example'. Examples: mini_clip"),
        (["check", "{folder}/broken.json"], "broken.json is not valid JSON"),
        (["check", "{folder}/newer.cms.json"], "was written by a newer studio"),
        (["check", "{folder}/picture.json"], "is not text"),
        (["run", "{drawn}", "--set", "vit.dpeth=3"], "has no setting 'dpeth'"),
        (["run", "{drawn}", "--set", "vitt.depth=3"], "There is no block called 'vitt'"),
        (["run", "{drawn}", "--set", "vit.depth=65"], "Depth is 65"),
        (["run", "{drawn}", "--set", "vit.depth=deep"], "it must be a whole number"),
        (["run", "{drawn}", "--set", "vit.depth"], "'vit.depth' is not a setting"),
        (["run", "{drawn}", "--set", "callbacks.nothing.every=3"], "There is no training option called 'nothing'"),
        (["run", "{drawn}", "--steps", "0"], "Steps is 0"),
        (["run", "{drawn}", "--seed", "-1"], "Seed is -1"),
        (["run", "{drawn}", "--device", "tpu9"], "The device 'tpu9' cannot be used here"),
        (["run", "{drawn}", "--set", "projection.width=24"], "Both sides need the same width"),
        (["run", "{drawn}", "--store", "{folder}"], "is a folder"),
        (["runs", "--store", "{folder}"], "is a folder"),
        (["runs", "--store", "{drawn}"], "is damaged or is not a store of runs"),
        (["runs", "--store", "mysql://here"], "A store cannot be opened from 'mysql'"),
        (["run", "--resume", "260101", "--store", "{folder}/fresh.db"], "There is no run '260101'"),
        (["shot", "no_such_run", "--store", "{folder}/fresh.db"], "There is no run 'no_such_run'"),
        (["export", "{drawn}", "-o", "{folder}/no/such/place.py"], "cannot be written: No such file"),
    ],
)  # fmt: skip
def test_mistakes_are_sentences(say: Say, drawn: Path, tmp_path: Path, words: list[str], says: str) -> None:
    (tmp_path / "broken.json").write_text(drawn.read_text()[:-30])
    (tmp_path / "picture.json").write_bytes(b"\xff\xd8\xff\xe0")
    newer = {**file.to_data(tiny_clip()), "version": 99}
    (tmp_path / "newer.cms.json").write_text(json.dumps(newer))
    code, out, complaint = say(*(word.format(folder=tmp_path, drawn=drawn) for word in words))
    assert code == 2
    assert says in complaint
    assert "Traceback" not in complaint + out
    assert complaint.rstrip().endswith((".", "?", "]"))
    store = tmp_path / "fresh.db"
    if store.exists():
        with Store.open(store) as opened:
            assert Library(opened).runs() == []


def test_nothing_is_kept_of_a_run_that_was_refused(say: Say, drawn: Path, kept: Path) -> None:
    assert say("run", drawn, "--store", kept, "--device", "tpu9")[0] == 2
    assert say("runs", "--store", kept)[1].startswith("There are no runs yet")


def test_a_newer_store_is_read_and_not_written(say: Say, drawn: Path, kept: Path) -> None:
    with Store.open(kept) as store:
        Library(store).create_run("from tomorrow", "{}")
    connection = sqlite3.connect(kept)
    connection.execute("UPDATE run SET process = 1, process_started = 0")
    connection.commit()
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    code, out, _ = say("runs", "--store", kept)
    assert code == 0
    assert "from tomorrow" in out
    code, _, complaint = say("run", drawn, "--store", kept)
    assert code == 2
    assert "was written by a newer Crossmodal Studio" in complaint


def test_a_document_that_names_an_unknown_block_is_a_sentence(say: Say, tmp_path: Path) -> None:
    document = tiny_clip()
    odd = replace(document.nodes["vit"], block="encoders.from_tomorrow")
    place = tmp_path / "odd.cms.json"
    file.write(replace(document, nodes={**document.nodes, "vit": odd}), place)
    for words in (["run", place], ["export", place], ["run", place, "--set", "vit.depth=2"]):
        code, _, complaint = say(*words)
        assert code == 2
        assert "encoders.from_tomorrow" in complaint


@pytest.mark.parametrize(
    "words", [["fly"], ["run", "--steps", "many"], ["run", "--place", "moon"], ["shot", "--theme", "pink"]]
)
def test_a_wrong_flag_is_a_usage_line_and_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m studio")


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"open", "run", "runs", "check", "export", "shot", "doctor"} <= set(command_modules())
    for name in command_modules():
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert len(capsys.readouterr().out.splitlines()) > 3


def test_without_a_display_the_window_says_what_to_do(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    code, _, complaint = say()
    assert code == 2
    assert complaint == "There is no display, so the window cannot open. Train without it: python -m studio run\n"


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("place", "number"),
    [
        ("thread", signal.SIGINT),
        pytest.param("process", signal.SIGINT, marks=pytest.mark.long),
        pytest.param("thread", signal.SIGTERM, marks=pytest.mark.long),
    ],
)
def test_control_c_ends_a_run_as_stopped_with_a_checkpoint(tmp_path: Path, kept: Path, place: str, number: int) -> None:
    long = tmp_path / "long.cms.json"
    file.write(tiny_clip(steps=100_000, callbacks={"checkpointing": {"every": 100_000}}), long)
    child = subprocess.Popen(
        [sys.executable, "-m", "studio", "run", str(long), "--store", str(kept), "--place", place, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        if json.loads(line)["step"] > 3:
            break
    child.send_signal(number)
    out, complaints = child.communicate(timeout=60)
    assert child.returncode == 128 + number, complaints
    assert complaints == f"{run.STOPPING}\n"
    last = json.loads(out.splitlines()[-1])
    assert (last["status"], last["reason"]) == ("stopped", "stopped by hand")
    with Store.open(kept) as store:
        reader = Library(store).reader(last["run"])
        assert [c.step for c in reader.checkpoints() if c.kept] == [last["step"]]
        until(lambda: not Library(store).liveness(last["run"])[0])


ONE_PRESS = 3.0  # seconds: longer than a busy machine takes from one signal to the next


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_control_c_once_more_leaves_at_once(tmp_path: Path, kept: Path) -> None:
    """A step that never ends: the first waits for it, what a program in between sends on is no second, the second leaves."""
    program = (
        "import sys, threading, studio.cli, studio.commands.run\n"
        "from core.training.trainer import Trainer\n"
        f"studio.commands.run.SECONDS_OF_ONE_PRESS = {ONE_PRESS}\n"
        "def learn(self):\n"
        "    print('learning', file=sys.stderr, flush=True)\n"
        "    threading.Event().wait()\n"
        "Trainer._learn = learn\n"
        "sys.exit(studio.cli.main(sys.argv[1:]))"
    )
    long = tmp_path / "long.cms.json"
    file.write(tiny_clip(steps=100_000, callbacks={"checkpointing": {}}), long)
    child = subprocess.Popen(
        [sys.executable, "-c", program, "run", str(long), "--store", str(kept), "--json"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stderr is not None
    assert json.loads(child.stdout.readline())["step"] == 0
    assert child.stderr.readline() == "learning\n"
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGINT)
    assert child.stderr.readline() == f"{run.STOPPING}\n"
    assert child.poll() is None
    threading.Event().wait(ONE_PRESS)
    child.send_signal(signal.SIGINT)
    _, complaints = child.communicate(timeout=60)
    assert child.returncode == 128 + signal.SIGINT
    assert complaints.startswith(
        "Left without waiting. It resumes from its newest checkpoint: python -m studio run --resume"
    )
    with Store.open(kept) as store:
        library = Library(store)
        library.mark_interrupted()
        assert [facts.status for facts in library.runs()] == ["interrupted"]


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_child_that_was_killed_ends_the_command(tmp_path: Path, kept: Path, say: Say, monkeypatch: Any) -> None:
    started: list[subprocess.Popen[Any]] = []

    def remembered(*given: Any, **more: object) -> subprocess.Popen[Any]:
        started.append(start_process(*given, **more))
        return started[-1]

    def killed(reader: RunReader, step: int) -> str:
        if step:
            started[0].kill()
        return ""

    monkeypatch.setattr(run, "start_process", remembered)
    monkeypatch.setattr(run, "_figures", killed)
    long = tmp_path / "long.cms.json"
    file.write(tiny_clip(steps=100_000), long)
    code, out, _ = say("run", long, "--store", kept, "--place", "process")
    assert code == 1
    assert "interrupted" in out
    assert "The process that trained it ended without a word." in out


def test_what_cannot_be_changed_on_resuming_is_refused_by_name(say: Say, drawn: Path, kept: Path) -> None:
    with Store.open(kept) as store:
        uid = ended_run(store, drawn)
    for given, name in (
        (["--set", "vit.depth=1"], "--set"), (["--seed", "3"], "--seed"), ([str(drawn)], "An experiment"),
    ):  # fmt: skip
        code, _, complaint = say("run", *given, "--resume", uid, "--store", kept)
        assert (code, complaint.splitlines()[0].startswith(f"{name} cannot be given with --resume")) == (2, True)
        assert "Fork" in complaint
    code, _, complaint = say("run", "--resume", "", "--store", kept)
    assert (code, complaint.startswith("--resume needs the id or the name of a run.")) == (2, True)
    code, _, complaint = say("run", "--resume", uid, "--steps", "1", "--store", kept)
    assert (code, "has trained 2 steps already" in complaint) == (2, True)
    code, _, complaint = say("run", drawn, "--data-changed", "--store", kept)
    assert (code, complaint) == (2, "--data-changed goes with --resume.\n")
    with Store.open(kept) as store:
        assert [facts.uid for facts in Library(store).runs()] == [uid], "no new run was begun in silence"


def ended_run(store: Store, drawn: Path) -> str:
    """A run that stopped at step 2, as far as its record says."""
    library = Library(store)
    uid = queued(store, file.read(drawn))
    recorder = library.recorder(uid)
    recorder.say(StatusChange(at=At(step=2, seconds=1.0), status="stopped"))
    assert recorder.close()
    return uid


def test_a_longer_run_is_told_once_and_keeps_its_document(kept: Path, drawn: Path) -> None:
    with Store.open(kept) as store:
        library, uid = Library(store), ended_run(store, drawn)
        change_recipe(library, uid, steps=9, device="cpu")
        document = file.loads(library.document_text(uid))
        assert (library.facts(uid).steps, document.recipe.steps, document.recipe.device) == (9, 9, "cpu")
        assert library.params(uid)["continued with"].endswith("→ 9, device auto → cpu")
        with pytest.raises(Refused):
            change_recipe(library, uid, steps=-1)


def test_a_record_leaves_a_store_and_comes_into_another(say: Say, kept: Path, tmp_path: Path) -> None:
    with Store.open(kept) as store:
        uid = record(Library(store), pictures(1, 1), pictures(2, 1))
    out = tmp_path / "out.db"
    code, told, _ = say("export", uid, "--record", "--store", kept, "-o", out)
    assert (code, f"Written to {out}. 3 images" in told) == (0, True)
    assert say("export", uid, "--record", "--store", kept, "-o", out)[0] == 2
    assert say("export", uid, "--record", "--model", "--store", kept)[2].startswith("Only one of them")
    other = tmp_path / "other.db"
    assert say("import", out, "--store", other)[1].startswith("1 runs brought in. 3 images")
    assert say("import", out, "--store", other)[1] == "0 runs brought in. 1 were here already.\n"
    assert say("import", out, "--store", out)[0] == say("import", tmp_path / "gone.db")[0] == 2
    next(media_beside(out).glob("*/*.png")).unlink()
    code, told, _ = say("import", out, "--store", tmp_path / "third.db")
    assert (code, "1 were missing or damaged" in told) == (1, True)
    code, told, _ = say("repair", out)
    assert (code, "files of made images and audio: 2 kept; 1 damaged" in told) == (1, True)


def test_the_repair_command_says_what_was_lost(say: Say, kept: Path) -> None:
    with Store.open(kept) as store:
        Library(store).create_run("r", "{}", params={"rate": 0.5})
        with store.read() as connection:
            page = connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name = 'param'").scalar()
    assert say("repair", kept)[0] == 0
    assert say("repair", kept)[2].endswith("is there already. Name a new file with -o.\n")
    code, out, _ = say("runs", "--store", kept.with_name("runs-repaired.db"))
    assert (code, "r" in out) == (0, True)
    whole = bytearray(kept.read_bytes())
    whole[4096 * (page - 1) : 4096 * page] = bytes(4096)
    kept.write_bytes(whole)
    code, out, _ = say("repair", kept, "-o", kept.with_name("new.db"), "--json")
    assert code == 1
    assert [each["table"] for each in json.loads(out)["tables"] if each["is_torn"]] == ["param"]
    code, out, complaint = say("runs", "--store", kept)
    assert (code, "queued" in out) == (0, True), "what is whole of a damaged store is read"
    assert "is damaged" in complaint
    assert "python -m studio repair" in complaint
