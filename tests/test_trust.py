"""Nothing foreign is trusted: no code of a hub, no socket while checking, no markup from a person's words, no odd files."""

from __future__ import annotations

import ast
import json
import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.compiler.compile import analyse
from core.data.readers.image import read_image
from core.data.tables import read_table
from core.graph import edits, file
from core.graph.document import Document, End
from core.problems import Refused
from core.store.database import Store
from studio.cli import main
from tests import code
from tests.code import ROOT, files
from tests.documents import Drawing

ONE_PLACE = "core/blocks/encoders/hub_loading.py"
SOURCES = list(files("core", "studio", "widgets"))
TOWERS = ("align_vision", "align_text", "clip_vision", "clip_text", "bert", "vit_hub")


def calls(*names: str) -> list[tuple[str, ast.Call]]:
    """Every call whose last name is one of these, with its place."""
    return [
        (path.relative_to(ROOT).as_posix(), call)
        for path in SOURCES
        for call in code.calls(path)
        if code.dotted(call.func).rsplit(".", 1)[-1] in names
    ]


def test_everything_is_loaded_in_one_place_that_says_no_to_code_and_pickles() -> None:
    loading = calls(
        "from_pretrained", "snapshot_download", "hf_hub_download", "from_config", "load_dataset", "pipeline"
    )
    assert {place for place, _ in loading} == {ONE_PLACE}
    source = (ROOT / ONE_PLACE).read_text(encoding="utf-8")
    assert '"trust_remote_code": False' in source
    assert '"local_files_only": not may_ask' in source
    assert '"use_safetensors": True' in source
    for place, call in calls("from_pretrained"):
        assert any(keyword.arg is None for keyword in call.keywords), (
            f"{place}: the words are always those of the one place"
        )


def test_nothing_executes_or_unpickles() -> None:
    assert [place for place, call in calls("eval", "exec") if isinstance(call.func, ast.Name)] == []
    for path in SOURCES:
        for node in code.nodes(path):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = getattr(node, "module", "") or ""
            assert not {"pickle", "dill", "joblib", "shelve", "marshal"} & {*names, module}, path


def tower(block: str, source: str, **knobs: Any) -> Document:
    draw = Drawing()
    draw.add("sources.emoji", image_size=32, second_artist="none")
    node = draw.add(f"encoders.{block}", source=source, **knobs)
    if "text" in block or block == "bert":
        draw.add("transforms.tokenizer", vocabulary=300, length=8)
        draw.wire("emoji.sentence", "tokenizer.sentence")
        draw.wire("tokenizer.text", f"{node}.text")
    else:
        draw.wire("emoji.image", f"{node}.image")
    return draw.document


def problems_of(document: Document, node: str) -> list[str]:
    return [problem.what for problem in analyse(document).problems if problem.node.startswith(node)]


@pytest.mark.parametrize("block", TOWERS)
def test_a_folder_that_brings_code_of_its_own_does_not_run_it(block: str, tmp_path: Path) -> None:
    folder, ran = tmp_path / "model", tmp_path / "ran"
    folder.mkdir()
    (folder / "modeling_own.py").write_text(f"open({str(ran)!r}, 'w').close()\nclass Own: pass\n")
    auto = dict.fromkeys(("AutoConfig", "AutoModel"), "modeling_own.Own")
    (folder / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": auto, "architectures": ["Own"]}))
    analyse(tower(block, str(folder)))
    assert not ran.exists()


@pytest.mark.parametrize(
    "config",
    [
        {"hidden_size": -4}, {"num_attention_heads": 0}, {"hidden_act": 7},
        {"vocab_size": 10**15}, {"num_hidden_layers": "many"}, {"hidden_size": None}, {"patch_size": 0}, ["a", "list"], 5,
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("block", ["bert", "vit_hub", "align_text"])
def test_a_config_that_cannot_be_is_a_problem(block: str, config: Any, tmp_path: Path) -> None:
    """Whatever transformers makes of it: a sentence or a tower, never an exception, and within a bound."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    analyse(tower(block, str(tmp_path)))


def test_building_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 900000, "hidden_size": 8, "num_attention_heads": 1}')
    assert any("more than 20,000 parts" in what for what in problems_of(tower("bert", str(tmp_path)), "bert"))


@pytest.mark.parametrize("config", [{"num_labels": 10**9}, {"num_hidden_layers": 10**8}], ids=str)
def test_what_would_be_listed_before_anything_is_built_is_bounded(config: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert any("1,000,000 is the most" in what for what in problems_of(tower("bert", str(tmp_path)), "bert"))


WATCHED = """
import sys
seen = []
sys.addaudithook(lambda name, args: seen.append((name, str(args)[:200])) if name in ("socket.connect", "socket.getaddrinfo", "socket.sendto") else None)
from studio.cli import main
code = main(["check", sys.argv[1]])
assert "transformers" in sys.modules
print("SOCKETS", seen)
"""


def test_transformers_is_quiet_whoever_imported_it_first() -> None:
    program = (
        "import transformers, logging; from core.blocks.encoders.hub_loading import transformers_module as load; load();"
        "print(logging.getLogger('transformers').level)"
    )
    for chosen, level in ((None, logging.ERROR), ("info", logging.INFO)):
        environment = {key: value for key, value in os.environ.items() if key != "TRANSFORMERS_VERBOSITY"}
        environment |= {"PYTHONPATH": str(ROOT)} | ({"TRANSFORMERS_VERBOSITY": chosen} if chosen else {})
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
        )
        assert done.stdout.split()[-1] == str(level)


def test_checking_opens_no_socket_whatever_the_environment_says(tmp_path: Path) -> None:
    document = tower("vit_hub", "google/vit-base-patch16-224", local_only=False)
    extra, _ = edits.add_node(
        document, "encoders.align_vision", 0, 0, {"source": "kakaobrain/align-base", "local_only": False}
    )
    extra = edits.connect(extra, End(node="emoji", port="image"), End(node="align_vision", port="image"))
    place = tmp_path / "hub.cms.json"
    file.write(extra, place)
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "0",
        "TRANSFORMERS_OFFLINE": "0",
        "HF_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(place)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert "SOCKETS []" in done.stdout, done.stderr[-2000:]
    assert "python -m studio fetch google/vit-base-patch16-224" in done.stdout + done.stderr


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a Unix")
def test_only_regular_files_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "/dev/zero"]) == 2
    assert "no regular file" in capsys.readouterr().err
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for read in (file.read, lambda place: list(read_table(place)), read_image):
        with pytest.raises(Refused, match="no regular file"):
            read(pipe)


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("trigger", "CREATE TRIGGER quiet AFTER INSERT ON run BEGIN UPDATE run SET notes = 'changed'; END"),
        ("view", "CREATE VIEW looks_like_runs AS SELECT * FROM run"),
    ],
)
def test_a_store_with_foreign_parts_is_refused(kind: str, statement: str, tmp_path: Path) -> None:
    place = tmp_path / "runs.db"
    Store.open(place).close()
    with sqlite3.connect(place) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(Refused, match=f"holds the {kind}"):
        Store.open(place)


def is_safe(words: ast.expr) -> bool:
    """Whether a tool tip holds the studio's own words alone, or has gone through what escapes."""
    if isinstance(words, ast.Constant):
        return True
    if isinstance(words, ast.IfExp):
        return is_safe(words.body) and is_safe(words.orelse)
    if isinstance(words, ast.Call):
        name = ast.unparse(words.func)
        own = name == "tr" and not words.keywords and isinstance(words.args[0], ast.Constant)
        return own or name in ("plain_tip", "tips.tip_at", "block_tip")  # the last two escape what they put into markup
    return False


def test_tool_tips_never_read_a_persons_words_as_markup() -> None:
    found = [
        (place, call.lineno, call.args[-1])
        for place, call in calls("setToolTip", "setWhatsThis", "setStatusTip")
        if call.args
    ]
    found += [(place, call.lineno, call.args[1]) for place, call in calls("showText")]
    unsafe = [f"{place}:{line}: {ast.unparse(words)}" for place, line, words in found if not is_safe(words)]
    assert not unsafe, "\n".join(unsafe)
