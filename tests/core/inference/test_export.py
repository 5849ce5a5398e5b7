"""A trained run leaves the studio as a program and as transformers folders, and comes back, with equal outputs."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch.utils import _pytree as pytree

from core.blocks.encoders.bert import BERT
from core.blocks.encoders.clip_text import CLIPText
from core.blocks.encoders.teacher import Teacher
from core.blocks.encoders.text_transformer import TextTransformer, example_text
from core.blocks.encoders.vit import ViT
from core.blocks.encoders.vit_hub import ViTHub
from core.blocks.values import Pictures, Text, widest
from core.compiler.compile import analyse, compile
from core.compiler.feed import feeds, sample_graphs
from core.compiler.module import Experiment
from core.graph import edits
from core.graph.document import Document, End
from core.inference.export import Program, export_model, opened, program
from core.inference.export import _write as write
from core.inference.retrieve import pool
from core.inference.towers import load_tower, save_tower
from core.inference.trained import Trained
from core.problems import Refused
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from studio.cli import main
from tests.core.data.test_sounds import with_sounds
from tests.core.training.test_batching import scenes
from tests.core.training.test_expert_use import routed_clip
from tests.core.training.test_three_modalities import three
from tests.documents import Drawing, tiny_clip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str, Path]]:
    """A trained run with a moving average, its uid and its folder of checkpoints."""
    place = tmp_path_factory.mktemp("store")
    with Store.open(place / "runs.db") as store:
        document = edits.set_knob(
            tiny_clip(steps=3, callbacks={"checkpointing": {}, "ema": {}}), "text_transformer", "causal", True
        )
        uid = queue(Library(store), document).uid
        assert execute(store, uid) == "finished"
        yield store, uid, place / "checkpoints" / uid


@pytest.fixture(scope="module")
def written(run: tuple[Store, str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's program."""
    return export_model(run[2], tmp_path_factory.mktemp("program") / "model.pt2")


def test_a_program_gives_what_the_run_gives_for_any_number_of_samples(
    run: tuple[Store, str, Path], written: Path
) -> None:
    loaded = torch.export.load(written).module()
    experiment, data = opened(run[2])
    (feed,) = data.values()
    module, _ = program(experiment, data)
    batch = feed.fixed_examples(5)
    tensors = _inputs(module, batch)
    with torch.no_grad():
        for ours, theirs in zip(module(*tensors), loaded(*tensors)):
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)
    feed.close()


def test_a_program_of_packs_takes_each_image_and_sentence_by_itself(tmp_path: Path) -> None:
    """As long as the longest of any batch; it gives what the packs gave."""
    with Store.open(tmp_path / "runs.db") as store:
        uid = queue(Library(store), scenes(steps=2, callbacks={"checkpointing": {}})).uid
        assert execute(store, uid) == "finished"
    folder = tmp_path / "checkpoints" / uid
    loaded = torch.export.load(export_model(folder, tmp_path / "model.pt2")).module()
    experiment, data = opened(folder)
    (feed,) = data.values()
    module, _ = program(experiment, data)
    assert module.names == [
        "own_size.pictures.patches", "own_size.pictures.sizes", "tokenizer.text.ids", "tokenizer.text.mask",
    ]  # fmt: skip
    batches = [feed.fixed_examples(count) for count in (3, 7)]
    feed.close()
    assert all(batch[End(node="own_size", port="pictures")].pack_B is not None for batch in batches)
    widths = {tuple(tensor.shape[1] for tensor in _inputs(module, batch)) for batch in batches}
    assert len(widths) == 2
    with torch.no_grad():
        for batch in batches:
            values = experiment.run(batch)
            ends = [End(node=node, port="embedding") for node in ("projection", "projection_2")]
            for end, made in zip(ends, loaded(*_inputs(module, batch))):
                torch.testing.assert_close(made, F.normalize(values[end], dim=-1), atol=1e-5, rtol=1e-5)


LOADER = """
import sys, json, torch
for name in ("core", "studio", "widgets", "resources", "tests", "transformers"):
    sys.modules[name] = None  # importing any of these fails
loaded = torch.export.load("model.pt2").module()
given = torch.load("given.pt", weights_only=True)
with torch.no_grad():
    torch.save(list(loaded(*given)), "made.pt")
"""


def test_a_program_needs_nothing_of_this_studio(run: tuple[Store, str, Path], written: Path, tmp_path: Path) -> None:
    """In a fresh process in which importing our code, or transformers, fails."""
    shutil.copy(written, tmp_path / "model.pt2")
    experiment, data = opened(run[2])
    (feed,) = data.values()
    module, _ = program(experiment, data)
    tensors = _inputs(module, feed.fixed_examples(7))
    feed.close()
    torch.save(tensors, tmp_path / "given.pt")
    subprocess.run([sys.executable, "-P", "-c", LOADER], cwd=tmp_path, check=True, timeout=120)
    with torch.no_grad():
        expected = module(*tensors)
    for ours, theirs in zip(expected, torch.load(tmp_path / "made.pt", weights_only=True)):
        torch.testing.assert_close(theirs, ours, atol=1e-6, rtol=1e-5)


@pytest.mark.long
def test_onnx_gives_what_the_run_gives_for_any_number_of_samples(run: tuple[Store, str, Path], tmp_path: Path) -> None:
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name)
    runtime = pytest.importorskip("onnxruntime")
    file = export_model(run[2], tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"], "one file, nothing half written beside it"
    session = runtime.InferenceSession(str(file))
    assert [value.name for value in session.get_inputs()] == [
        "augment.image", "tokenizer.text.ids", "tokenizer.text.mask",
    ]  # fmt: skip
    assert [value.name for value in session.get_outputs()] == ["left", "right"]
    experiment, data = opened(run[2])
    (feed,) = data.values()
    module, _ = program(experiment, data)
    for count in (1, 5):
        tensors = _inputs(module, feed.fixed_examples(count))
        theirs = session.run(None, {name: x.numpy() for name, x in zip(module.names, tensors)})
        with torch.no_grad():
            for one, other in zip(module(*tensors), theirs):
                torch.testing.assert_close(torch.from_numpy(other), one, atol=1e-5, rtol=1e-5)
    feed.close()


def test_without_onnx_a_sentence_says_how_to_get_it(
    run: tuple[Store, str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, uid, _ = run
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if "onnx" in name else found(name, *more))
    code = main(["export", uid, "--model", "-o", str(tmp_path / "m.onnx"), "--store", store.url])
    assert code == 2
    assert "ONNX is not installed. Run: pip install onnx onnxscript" in capsys.readouterr().err


class Stubborn(torch.nn.Module):
    """A tower whose shape depends on what it sees."""

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        if image.sum() > 0:
            return {"tokens": image * 2}
        return {"tokens": image}


def test_a_tower_that_is_no_program_is_refused_in_a_sentence_and_leaves_no_file(
    run: tuple[Store, str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ViT, "forward", Stubborn.forward)
    with pytest.raises(Refused, match="cannot be written as a program: "):
        export_model(run[2], tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_experts_leave_as_a_program(tmp_path: Path) -> None:
    """Places of experts are counted in numbers that a program does not have; there all experts run."""
    plan = compile(routed_clip())
    experiment = Experiment(plan, 0).eval()
    graph = sample_graphs(plan)
    graph.open()
    graph.fit()
    data = feeds(plan, graph, torch.device("cpu"))
    feed = data[plan.tasks[0].source]
    module, example = program(experiment, data)
    made = torch.export.export(
        module, example, dynamic_shapes=(({0: torch.export.Dim("batch", max=64)},) * len(example),)
    )
    tensors = _inputs(module, feed.fixed_examples(6))
    feed.close()
    with torch.no_grad():
        for ours, theirs in zip(module(*tensors), made.module()(*tensors)):
            torch.testing.assert_close(theirs, ours, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("masked", [True, False])
def test_a_sound_tower_leaves_with_the_length_of_its_sounds(tmp_path: Path, masked: bool) -> None:
    """Halves of silence that are not real change nothing where they are masked, in the run and in its program."""
    document = three(with_sounds(tmp_path))
    for node in ("info_nce", "info_nce_3"):
        document = edits.change_node(document, node, muted=True)
    plan = compile(edits.set_knob(document, "audio_cnn", "mask_padding", masked))
    experiment = Experiment(plan, 0).eval()
    graph = sample_graphs(plan)
    graph.prepare()
    data = feeds(plan, graph, torch.device("cpu"))
    feed = data[plan.tasks[0].source]
    module, example = program(experiment, data)
    assert module.names == [
        "log_mel.spectrogram.x", "log_mel.spectrogram.lengths", "tokenizer.text.ids", "tokenizer.text.mask",
    ]  # fmt: skip
    made = torch.export.export(
        module, example, dynamic_shapes=(({0: torch.export.Dim("batch", max=64)},) * len(example),)
    )
    tensors = _inputs(module, {end: widest(value) for end, value in feed.fixed_examples(5).items()})
    feed.close()
    shorter = [tensors[0], tensors[1] // 3, *tensors[2:]]
    with torch.no_grad():
        for ours, theirs in zip(module(*tensors), made.module()(*tensors)):
            torch.testing.assert_close(theirs, ours, atol=1e-6, rtol=1e-5)
        assert torch.equal(made.module()(*shorter)[0], made.module()(*tensors)[0]) is not masked


@pytest.mark.long
def test_a_sound_tower_leaves_as_onnx(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    document = three(with_sounds(tmp_path))
    for node in ("info_nce", "info_nce_3"):
        document = edits.change_node(document, node, muted=True)
    plan = compile(document)
    graph = sample_graphs(plan)
    graph.prepare()
    data = feeds(plan, graph, torch.device("cpu"))
    feed = data[plan.tasks[0].source]
    module, example = program(Experiment(plan, 0).eval(), data)
    write(module, example, tmp_path / "sound.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "sound.onnx"), providers=["CPUExecutionProvider"])
    tensors = _inputs(module, feed.fixed_examples(5))
    feed.close()
    names = [given.name for given in session.get_inputs()]
    assert names == module.names
    for lengths in (tensors[1], tensors[1] // 3):
        asked = [tensors[0], lengths, *tensors[2:]]
        made = session.run(None, {name: value.numpy() for name, value in zip(names, asked)})
        with torch.no_grad():
            for ours, theirs in zip(module(*asked), made):
                torch.testing.assert_close(torch.from_numpy(theirs), ours, atol=1e-5, rtol=1e-4)


def _inputs(module: Program, batch: Any) -> list[torch.Tensor]:
    """What the program takes of a batch, whose packs are no matter of it."""
    alone = [replace(v, pack_B=None) if isinstance(v := batch[end], Text | Pictures) else v for end in module.forms]
    return [leaf for leaf in pytree.tree_leaves(alone) if isinstance(leaf, torch.Tensor)]


def test_the_command_line_exports_a_model_and_a_tower(
    run: tuple[Store, str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, uid, _ = run
    where = ["--store", store.url]
    assert main(["export", uid, "--model", "-o", str(tmp_path / "m.pt2"), *where]) == 0
    assert (tmp_path / "m.pt2").stat().st_size > 1000
    assert main(["export", uid, "--tower", "vit", "-o", str(tmp_path / "vit"), *where]) == 0
    assert "ViTModel" in capsys.readouterr().out
    assert {"config.json", "model.safetensors"} <= {file.name for file in (tmp_path / "vit").iterdir()}
    assert main(["export", uid, "--tower", "pool", "-o", str(tmp_path / "no"), *where]) == 2
    assert "no architecture" in capsys.readouterr().err


def test_a_vit_is_transformers_vit_and_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    picture = torch.rand(2, 3, 32, 32)
    config = ViT.Config(patch_size=8, width=24, depth=2, heads=3)
    ours = ViT(config, {"image": picture}).eval()
    assert save_tower(ours, tmp_path) == "ViTModel"
    theirs = ViTHub(ViTHub.Config(source=str(tmp_path)), {"image": picture}).eval()
    expected = ours(picture)["tokens"].x_BND
    torch.testing.assert_close(theirs(picture)["tokens"].x_BND, expected, atol=1e-5, rtol=1e-5)
    again = ViT(config, {"image": picture}).eval()
    load_tower(again, tmp_path)
    assert torch.equal(again(picture)["tokens"].x_BND, expected)


def test_a_causal_text_transformer_is_clips_and_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    text = example_text()
    config = TextTransformer.Config(width=16, depth=2, heads=2, causal=True)
    ours = TextTransformer(config, {"text": text}).eval()
    assert save_tower(ours, tmp_path) == "CLIPTextModel"
    theirs = CLIPText(CLIPText.Config(source=str(tmp_path)), {"text": text}).eval()
    expected, found = (tower(text)["tokens"].x_BND[text.mask_BL] for tower in (ours, theirs))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    again = TextTransformer(config, {"text": text}).eval()
    load_tower(again, tmp_path)
    assert torch.equal(again(text)["tokens"].x_BND[text.mask_BL], expected)


def test_a_hub_tower_goes_out_and_in(tmp_path: Path) -> None:
    text = example_text()
    ours = BERT(BERT.Config(**BERT.tiny()), {"text": text}).eval()
    save_tower(ours, tmp_path)
    again = BERT(BERT.Config(source=str(tmp_path)), {"text": text}).eval()
    assert torch.equal(ours(text)["tokens"].x_BND, again(text)["tokens"].x_BND)


@pytest.mark.parametrize(
    ("knobs", "reason"), [({"convolutional_stem": True}, "linear patch cut"), ({"cls": False}, "CLS token")]
)
def test_what_is_another_architecture_is_refused(knobs: dict[str, bool], reason: str, tmp_path: Path) -> None:
    picture = torch.rand(1, 3, 16, 16)
    with pytest.raises(Refused, match=reason):
        save_tower(ViT(ViT.Config(width=24, depth=1, **knobs), {"image": picture}), tmp_path)
    text = example_text()
    with pytest.raises(Refused, match="causal"):
        save_tower(TextTransformer(TextTransformer.Config(width=16, depth=1), {"text": text}), tmp_path)


def student(teacher: str) -> Document:
    """A drawing whose pictures and sentences also go to a teacher."""
    draw = Drawing("student")
    draw.document = tiny_clip(steps=2, objective="distillation")
    draw.add("encoders.teacher", run=teacher)
    for source, target in (
        ("emoji.image", "teacher.image"), ("emoji.sentence", "teacher.sentence"),
        ("teacher.left", "distillation.teacher_left"), ("teacher.right", "distillation.teacher_right"),
    ):  # fmt: skip
        draw.wire(source, target)
    return draw.document


def test_without_a_teacher_the_drawing_says_what_to_do() -> None:
    (problem,) = [p for p in analyse(student("")).problems if p.node == "teacher"]
    assert problem.what == "No teacher is chosen."
    assert "mini-CLIP" in problem.hint


def test_a_teacher_answers_as_its_run_does_and_never_changes(run: tuple[Store, str, Path]) -> None:
    trained = Trained(opened(run[2])[0].plan.document, next(run[2].glob("step-*")))
    pictures, indices = pool(trained, "test", trained.questions[frozenset({"sentence"})])
    sentences, _ = pool(trained, "test", trained.questions[frozenset({"picture"})])
    samples = [trained.graph.source.sample(index) for index in indices]
    image = torch.stack([sample["image"] for sample in samples])
    words = [sample["sentence"] for sample in samples]
    block = Teacher(Teacher.Config(run=str(run[2])), {"image": image, "sentence": words}).train()
    made = block(image, words)
    torch.testing.assert_close(made["left"], pictures, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(made["right"], sentences, atol=1e-6, rtol=1e-5)
    assert not list(block.parameters())
    assert not block.state_dict()
    again = block(image, words)
    assert torch.equal(again["left"], made["left"])
    trained.close()


@pytest.mark.parametrize("callbacks", [{}, {"frozen_cache": {}}])
def test_a_student_learns_from_the_run_and_its_checkpoint_holds_no_teacher(
    run: tuple[Store, str, Path], callbacks: dict[str, dict[str, object]]
) -> None:
    store, _, folder = run
    document = edits.set_recipe(student(str(folder)), callbacks={"checkpointing": {}, "evaluation": {}, **callbacks})
    library = Library(store)
    uid = queue(library, document).uid
    assert execute(store, uid) == "finished", library.facts(uid).reason
    last = library.facts(uid).last
    assert last["cost/parameters"] > 1000
    assert last["cost/flops"] > 1000
    assert any(name.startswith("retrieval/test") for name in last)
    kept = load_file(next((store.files / "checkpoints" / uid).glob("step-*")) / "weights.safetensors")
    assert not [name for name in kept if "teacher" in name]
