"""A trained run teaches another: frozen, asked by its own drawing, no part of the student."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.compiler.compile import analyse, compile
from core.compiler.teacher import OpenTeacher
from core.graph import edits
from core.graph.document import Document, End
from core.problems import Refused
from core.runs.execute import checkpoint_folder
from core.store.database import Store
from core.store.library import Library
from core.training.callbacks.evaluation import embed
from tests.core.runs.running import started
from tests.core.training.running import trainer, weights
from tests.documents import tiny_clip


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained run."""
    with Store.open(tmp_path_factory.mktemp("taught") / "runs.sqlite") as store:
        run = started(store, tiny_clip(steps=6, callbacks={"checkpointing": {"every": 6}, "ema": {"decay": 0.5}}))
        run.join(60)
        assert Library(store).facts(run.uid).status == "finished"
        last = Library(store).reader(run.uid)
        assert last.value_at("cost/parameters", 6) is not None
        return checkpoint_folder(store, run.uid)


def student(teacher: Path | str, **recipe: object) -> Document:
    """Small towers with a teacher beside the source."""
    document = tiny_clip(steps=4, **recipe)
    document, node = edits.add_node(document, "encoders.teacher", 0.0, 0.0, {"run": str(teacher)})
    document, goal = edits.add_node(document, "objectives.distillation", 0.0, 0.0, {})
    for source, target in (
        ("emoji.image", f"{node}.image"), ("emoji.sentence", f"{node}.sentence"),
        ("projection.embedding", f"{goal}.left"), ("projection_2.embedding", f"{goal}.right"),
        (f"{node}.left", f"{goal}.teacher_left"), (f"{node}.right", f"{goal}.teacher_right"),
    ):  # fmt: skip
        (a, out), (b, into) = source.split("."), target.split(".")
        document = edits.connect(document, End(node=a, port=out), End(node=b, port=into))
    return document


def test_the_teacher_says_what_its_run_evaluated(taught: Path) -> None:
    teacher = OpenTeacher(taught)
    run = trainer(tiny_clip(steps=6))
    assert teacher.module is not None
    run.experiment.load_state_dict(teacher.module.state_dict())
    run.experiment.eval()
    with torch.no_grad():
        left, right, indices = embed(run, "info_nce", "test", 20)
    source = run.feed.source
    samples = [source.sample(index) for index in indices]
    with torch.no_grad():
        pictures, words = teacher.embed(torch.stack([s["image"] for s in samples]), [s["sentence"] for s in samples])
    torch.testing.assert_close(pictures, left, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(words, right, atol=1e-5, rtol=1e-4)


def test_a_student_learns_and_its_teacher_stays(taught: Path) -> None:
    run = trainer(student(taught))
    module = run.experiment.node("teacher").teacher.module  # type: ignore[union-attr]
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    assert run.train() == "finished"
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert not module.training
    assert not any("teacher" in name for name in weights(run))
    losses = [value for _, value in run.listener.scalars("loss/distillation")]  # type: ignore[attr-defined]
    assert len(losses) == 4
    assert all(value > 0 for value in losses)
    plain = compile(tiny_clip()).analysis.parameters
    assert compile(student(taught)).analysis.parameters == plain + 1, "the teacher is not counted; a temperature is"


@pytest.mark.parametrize(("place", "said"), [("", "No teacher is chosen"), ("/nowhere/at/all", "no trained run in")])
def test_a_teacher_that_is_not_there_is_a_problem_on_its_node(place: str, said: str) -> None:
    problems = [problem for problem in analyse(student(place)).problems if problem.severity == "error"]
    assert any(said in problem.what and problem.node == "teacher" for problem in problems)
    with pytest.raises(Refused, match=said):
        compile(student(place))
