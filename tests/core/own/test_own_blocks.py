"""A person's own blocks: nothing is run that was not allowed, a broken one is a sentence, and a document loses nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.blocks.catalog import blocks
from core.compiler.compile import analyse, compile
from core.compiler.describe import vocabulary
from core.compiler.script import script
from core.graph import file
from core.own.files import allow, own_file, own_files
from core.own.modules import loaded
from core.own.settings import OwnSettings, read_settings, settings_file, write_settings
from core.problems import Refused
from tests.documents import Drawing
from tests.own_blocks import Folder, own_folder


@pytest.fixture
def folder() -> Iterator[Folder]:
    with own_folder() as made:
        yield made


def mark(place: Path) -> str:
    """A file's text that leaves a trace where it is run."""
    return f"open({str(place)!r}, 'w').close()\n"


def test_off_until_switched_on(folder: Folder) -> None:
    folder.template("scale")
    folder.switch(False)
    assert folder.load().files == ()
    assert "own.scale" not in blocks
    with pytest.raises(ImportError, match="switched off"):
        __import__("crossmodal_own.scale")
    assert OwnSettings().on is False
    folder.switch(True)
    folder.load()
    assert vocabulary()["own.scale"].family == "Own blocks"


def test_only_the_very_contents_that_were_allowed_are_run(folder: Folder, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    text = folder.template("scale")
    folder.write("scale", text + mark(ran))
    folder.write("other", text + mark(ran))
    found = folder.load()
    assert {each.name: each.state for each in found.files} == {"scale": "changed", "other": "new"}
    assert not ran.exists()
    assert loaded() == {}
    for name, why in (("scale", "has changed since it was allowed"), ("other", "has not been allowed")):
        with pytest.raises(ImportError, match=why):
            __import__(f"crossmodal_own.{name}")
    assert any("has changed" in problem.what for problem in found.problems())
    folder.allow("scale")
    folder.load()
    assert ran.exists()
    assert "own.scale" in blocks


def test_what_was_looked_at_is_what_is_allowed(folder: Folder) -> None:
    text = folder.template("scale")
    looked_at = own_file(read_settings(), "scale").sha256
    folder.write("scale", text + "# more\n")
    with pytest.raises(Refused, match="has changed since it was looked at"):
        allow(read_settings(), "scale", looked_at)


def test_no_bytecode_beside_a_file_is_read_or_written(folder: Folder) -> None:
    folder.template("scale")
    folder.load()
    assert "own.scale" in blocks
    assert not (folder.place / "__pycache__").exists()


def test_nothing_is_loaded_from_the_working_folder_or_beside_an_experiment(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    text = folder.template("scale")
    folder.write("scale", text + mark(ran))
    folder.allow("scale")
    monkeypatch.chdir(folder.place)
    assert "the folder this was started in" in folder.load().refused
    monkeypatch.chdir(tmp_path)
    (folder.place / "their.cms.json").write_text("{}")
    assert "no code is loaded from beside an experiment" in folder.load().refused
    assert not ran.exists()
    # nor does a folder become one of own blocks by a document, or a file, that lies there
    (tmp_path / "crossmodal_own").mkdir()
    (tmp_path / "crossmodal_own" / "scale.py").write_text(mark(ran))
    monkeypatch.syspath_prepend(str(tmp_path))
    folder.switch(False)
    with pytest.raises(ImportError, match="switched off"):
        __import__("crossmodal_own.scale")
    assert not ran.exists()


def test_a_document_brings_no_code(folder: Folder, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "scale.py").write_text(mark(ran))
    draw = drawing()
    file.write(draw.document, tmp_path / "their.cms.json")
    analyse(file.read(tmp_path / "their.cms.json"))
    assert not ran.exists()


def test_links_and_dots_that_lead_out_are_refused(folder: Folder, tmp_path: Path) -> None:
    ran, outside = tmp_path / "ran", tmp_path / "outside.py"
    outside.write_text(mark(ran))
    (folder.place / "link.py").symlink_to(outside)
    folder.template("inner")
    (folder.place / "alias.py").symlink_to(folder.place / "inner.py")
    states = {each.name: each for each in folder.load().files}
    assert states["link"].state == "refused"
    assert "leads out" in states["link"].why
    assert states["alias"].path == states["inner"].path
    for name in ("../outside", "link", "/etc/hostname"):
        with pytest.raises((Refused, ImportError)):
            folder.allow(name)
    with pytest.raises(ImportError):
        __import__("crossmodal_own.link")
    assert not ran.exists()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="a Unix")
@pytest.mark.parametrize("rights", [stat.S_IWOTH, stat.S_IWGRP])
@pytest.mark.parametrize("which", ["file", "folder", "settings"])
def test_what_others_can_write_is_refused_with_the_remedy(folder: Folder, which: str, rights: int) -> None:
    folder.template("scale")
    place = {"file": folder.place / "scale.py", "folder": folder.place, "settings": settings_file()}[which]
    place.chmod(place.stat().st_mode | rights)
    found = folder.load()
    said = found.refused or found.files[0].why
    assert "can be written by others" in said
    assert f"chmod go-w {place}" in said
    assert "own.scale" not in blocks
    place.chmod(0o700)


def test_odd_files_are_sentences(folder: Folder) -> None:
    os.mkfifo(folder.place / "pipe.py")
    folder.write("Large", "x = 1\n")
    folder.write("heavy", "#" * (1 << 20) + "\n")
    (folder.place / "bytes.py").write_bytes(b"\xff\xfe\x00")
    why = {each.name: each.why for each in own_files(read_settings())}
    assert "no regular file" in why["pipe"]
    assert "cannot be called" in why["Large"]
    assert "larger than 1 MiB" in why["heavy"]
    assert "no text in UTF-8" in why["bytes"]
    settings_file().write_text("{")
    assert "is damaged" in folder.load().refused
    settings_file().unlink()


BROKEN = {
    "syntax": (lambda t: t.replace("def forward(", "def forward"), "SyntaxError", True),
    "at_import": (lambda t: t + "\n1 / 0\n", "ZeroDivisionError: division by zero", True),
    "leaves": (lambda t: t + "\nraise SystemExit(3)\n", "SystemExit: 3", True),
    "wrong_base": (lambda t: t.replace("(Block):", "(nn.Module):"), "must be a class derived from Block", False),
    "taken_name": (lambda t: t.replace("own.taken_name", "connectors.projection"), "two blocks are called", True),
    "other_name": (lambda t: t.replace("own.other_name", "own.another"), "must be 'own.other_name'", False),
    "odd_knob": (lambda t: t.replace("start: float", "start: list"), "The setting 'start' is of the type list", True),
    "odd_default": (lambda t: t.replace("knob(1.0,", "knob(0.0,"), "Start", True),
    "no_sentence": (lambda t: t.replace("by a learned one.", "by a learned one"), "is no sentence", True),
    "gives_other": (lambda t: t.replace('return {"embedding"', 'return {"other"', 1), "it gives ['other']", True),
    "shape_on_meta": (
        lambda t: t.replace("self.scale_D * embedding", "embedding[embedding[:, 0] > -9]"),
        "failed",
        True,
    ),
    "nothing": (lambda t: "x = 1\n", "It registers no block", False),
}


def test_a_broken_block_is_a_sentence_and_the_rest_goes_on(folder: Folder) -> None:
    before = set(blocks)
    for name, (spoil, _, _) in BROKEN.items():
        text = folder.template(name)
        folder.write(name, spoil(text))
        folder.allow(name)
    folder.template("whole")
    found = folder.load()
    told = dict(found.broken)
    assert set(told) == set(BROKEN)
    for name, (_, said, has_line) in BROKEN.items():
        assert told[name].startswith(f"{name}.py"), told[name]
        assert ", line " in told[name] or not has_line, told[name]
        assert said in told[name], told[name]
    assert set(blocks) == before | {"own.whole"}
    assert blocks["connectors.projection"].__module__ == "core.blocks.connectors.projection"
    assert set(loaded()) == {"own.whole"}


def test_the_line_is_the_line_that_is_wrong(folder: Folder) -> None:
    text = folder.template("odd")
    folder.write("odd", text.replace("start: float", "start: list"))
    folder.allow("odd")
    ((_, why),) = folder.load().broken
    number = next(n for n, line in enumerate(text.splitlines(), 1) if "start: float" in line)
    assert f"odd.py, line {number}:" in why


def drawing() -> Drawing:
    draw = Drawing()
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("encoders.resnet", width=8)
    draw.add("connectors.pool")
    draw.add("own.scale", start=2.0)
    draw.wire("emoji.image", "resnet.image")
    draw.wire("resnet.tokens", "pool.tokens")
    draw.wire("pool.embedding", "scale.embedding")
    return draw


def test_a_document_with_a_block_that_is_not_loaded_loses_nothing(folder: Folder, tmp_path: Path) -> None:
    folder.load()
    document = drawing().document
    file.write(document, tmp_path / "one.cms.json")
    again = file.read(tmp_path / "one.cms.json")
    assert again.nodes["scale"] == document.nodes["scale"]
    assert again.wires == document.wires
    problem = next(problem for problem in analyse(again).problems if problem.node == "scale")
    assert "somebody's own block" in problem.what
    assert problem.fix is not None
    assert problem.fix.sheet == "own_blocks"
    folder.template("scale")
    folder.load()
    assert not any(problem.node == "scale" for problem in analyse(again).problems)
    assert analyse(again).nodes["scale"].parameters > 1


def test_a_changed_block_that_is_allowed_again_is_used_at_once(folder: Folder) -> None:
    text = folder.template("scale")
    folder.load()
    draw = drawing()
    before = analyse(draw.document).nodes["scale"].parameters
    folder.write("scale", text.replace('(incoming["embedding"].shape[-1],)', "(1,)"))
    folder.allow("scale")
    folder.load()
    assert before > 1
    assert analyse(draw.document).nodes["scale"].parameters == 1


def test_a_script_says_where_the_code_came_from(folder: Folder) -> None:
    folder.template("scale")
    folder.load()
    draw = drawing()
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.text_transformer", width=16, depth=1, heads=2)
    written = script(compile(_paired(draw).document))
    found = loaded()["own.scale"]
    assert f"Own block own.scale: {found.path}, SHA-256 {found.sha256}." in written
    assert written.index("import core.own.modules") < written.index("from crossmodal_own.scale import Scale")


def _paired(draw: Drawing) -> Drawing:
    """The scaled image beside its own sentence."""
    draw.wire("emoji.sentence", "tokenizer.sentence")
    draw.wire("tokenizer.text", "text_transformer.text")
    draw.add("connectors.projection", width=16)
    draw.add("connectors.pool")
    draw.add("connectors.projection", width=16)
    draw.wire("scale.embedding", "projection.embedding")
    draw.wire("text_transformer.tokens", "pool_2.tokens")
    draw.wire("pool_2.embedding", "projection_2.embedding")
    draw.add("objectives.info_nce")
    draw.wire("projection.embedding", "info_nce.left")
    draw.wire("projection_2.embedding", "info_nce.right")
    return draw


def test_settings_are_the_persons_alone(folder: Folder) -> None:
    write_settings(OwnSettings(on=True))
    assert stat.S_IMODE(settings_file().stat().st_mode) == 0o600
