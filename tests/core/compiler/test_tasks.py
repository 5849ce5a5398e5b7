"""What a drawing's tasks are, what stands against them, and that they leave as a script and answer as a trained plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.compiler.compile import analyse, compile
from core.graph import edits
from core.graph.document import Document, End
from core.graph.file import dumps, loads
from core.graph.paths import knob_at, placed, value_at
from core.graph.recipe import ALL, Mix, Part
from core.inference.looks import looks
from core.inference.retrieve import retrieve
from core.inference.trained import Trained
from core.problems import Refused
from core.runs.declared import declared_vocabulary
from core.runs.launch import parameters
from core.runs.planning import data_problems
from studio.asking.query import pools_of
from studio.open.documents import turned
from tests.core.compiler.test_script import losses, told
from tests.core.training.running import checkpoint, trainer
from tests.core.training.two_tasks import squares, two_tasks
from tests.documents import tiny_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return squares(tmp_path_factory.mktemp("squares"))


@pytest.fixture(scope="module")
def document(folder: Path) -> Document:
    parts = {"emoji": {"start": 3.0, "end": 1.0}, "caption_table": {"batch_size": 8}}
    return two_tasks(tiny_clip(steps=4), folder, schedule="cosine", selects="emoji", parts=parts)


def whats(document: Document) -> str:
    return " ".join(problem.sentence() for problem in analyse(document).problems)


def fixed(document: Document, what: str) -> Document:
    """With the fix of the Problem that says ``what``."""
    (problem,) = (problem for problem in analyse(document).problems if what in problem.what)
    assert problem.fix is not None
    return getattr(edits, problem.fix.edit)(document, **problem.fix.arguments)  # type: ignore[no-any-return]


def test_what_hangs_on_each_source_is_its_task(document: Document) -> None:
    plan = compile(document)
    first, second = plan.tasks
    assert (first.source, first.title, second.source, second.title) == (
        "emoji",
        "Emoji pairs",
        "caption_table",
        "Squares",
    )
    assert first.sample_nodes == ("emoji", "either", "augment", "tokenizer")
    assert second.sample_nodes == ("caption_table", "either", "augment", "tokenizer")
    assert first.batch_nodes == second.batch_nodes == plan.batch_nodes, "the same blocks: the same weights"
    assert plan.tasks_with("info_nce") == plan.tasks
    assert whats(document) == ""


def test_a_disabled_source_leaves_the_other_as_if_it_were_alone(document: Document) -> None:
    plan = compile(edits.change_node(document, "caption_table", muted=True))
    assert [task.source for task in plan.tasks] == ["emoji"]
    assert plan.named("test", plan.tasks[0]) == "test"
    both = edits.change_nodes(document, ("emoji", "caption_table"), muted=True)
    assert "There is no data" in whats(both)


def test_two_sources_that_meet_are_told_where(document: Document) -> None:
    wire = next(wire for wire in document.wires if wire.target == End(node="tokenizer", port="sentence"))
    met = edits.connect(document, End(node="caption_table", port="sentence"), wire.target)
    met = edits.connect(met, End(node="emoji", port="image"), End(node="augment", port="image"))
    assert "Two sources meet here: 'left' comes from Emoji pairs, 'right' from Squares." in whats(met)
    with pytest.raises(Refused, match="Two sources meet here"):
        compile(met)
    assert "Two sources meet" not in whats(fixed(met, "Two sources meet here"))


def test_what_is_drawn_wrongly_has_a_fix(document: Document) -> None:
    twice = edits.connect(document, End(node="emoji", port="image"), End(node="either", port="second_image"))
    assert "two wires of kind image from one source" in whats(twice)
    assert "two wires of kind" not in whats(fixed(twice, "two wires of kind image"))
    lacking = edits.disconnect(document, ["emoji.sentence>either.first_sentence"])
    assert "Emoji pairs feeds no objective" in whats(lacking), "its images alone reach none"
    sizes = edits.set_knob(document, "caption_table", "image_size", 32)
    assert "The two sources differ in image: 3 16 16 and 3 32 32 a sample." in whats(sizes)
    nothing = edits.disconnect(lacking, ["caption_table.sentence>either.second_sentence"])
    assert "Either source gives no sentence here" in whats(nothing)
    gone = edits.set_mix(document, selects="openclipart")
    assert "The mean over tasks selects." in whats(gone)
    assert fixed(gone, "is to select").recipe.mix.selects == ""
    silent = edits.set_mix(edits.set_mix(document, "emoji", start=0.0), "caption_table", start=0.0)
    assert "No task has a share at the start of the run." in whats(silent)
    assert "No task has a share" not in whats(fixed(silent, "No task has a share at the start"))
    small = edits.set_mix(document, "caption_table", batch_size=2)
    assert "A batch of 2 from Squares gives" in whats(small)
    assert fixed(small, "A batch of 2").recipe.batch_of("caption_table") == 64


def test_an_idle_source_is_put_to_use_by_a_fix(folder: Path) -> None:
    drawing, table = edits.add_node(
        tiny_clip(), "sources.caption_table", 0, 200, {"folder": str(folder), "image_size": 16}
    )
    shared = fixed(drawing, "feeds no objective")
    assert [task.source for task in compile(shared).tasks] == ["emoji", table]
    assert whats(shared) == ""
    half = edits.disconnect(shared, [f"{table}.sentence>either.second_sentence"])
    assert fixed(half, "feeds no objective").nodes[table].muted


def test_sizes_of_data_are_checked_before_a_run(document: Document) -> None:
    words = declared_vocabulary()
    assert data_problems(document, words) == []
    large = edits.set_mix(document, "caption_table", batch_size=30)
    assert "Squares has 24 samples, fewer than one batch of 30" in data_problems(large, words)[0].what
    long = edits.set_recipe(document, steps=300)
    (problem,) = data_problems(long, words)
    assert (problem.severity, problem.node) == ("warning", "caption_table")
    assert "Squares runs out first" in problem.what


def test_the_mix_is_kept_in_the_file_and_checked_on_reading(document: Document) -> None:
    again = loads(dumps(document))
    assert again.recipe.mix == document.recipe.mix
    assert "mix" not in json.loads(dumps(tiny_clip()))["recipe"]
    for broken, said in (
        ({"turns": "sometimes"}, "must be one of"), ({"parts": {"emoji": {"start": -1}}}, "must lie between"), ([], "must be an object"),
        ({"parts": {"emoji": {"weight": 1}}}, "no setting called 'weight'"), ({"whose": 1}, "must be an object"),
    ):  # fmt: skip
        data = json.loads(dumps(document))
        data["recipe"]["mix"] = broken
        with pytest.raises(Refused, match=said):
            loads(json.dumps(data))
    without = edits.remove_nodes(document, ["caption_table"], declared_vocabulary())
    assert set(without.recipe.mix.parts) == {"emoji"}


def test_the_mix_has_paths_for_sweeps_and_the_command_line(document: Document) -> None:
    words = declared_vocabulary()
    for path, value in (
        ("recipe.mix.turns", ALL), ("recipe.mix.schedule", "linear"), ("recipe.mix.selects", "caption_table"),
        ("recipe.mix.emoji.start", 2.5), ("recipe.mix.caption_table.end", None), ("recipe.mix.emoji.batch_size", 12),
    ):  # fmt: skip
        changed = placed(document, path, value, words)
        assert value_at(changed, path, words) == value
    assert placed(document, "recipe.mix.selects", "mean over tasks", words).recipe.mix.selects == ""
    with pytest.raises(Refused, match="no source called 'vit'"):
        knob_at(document, "recipe.mix.vit.start", words)
    told = turned(document, ["recipe.mix.emoji.end=2", f"recipe.mix.turns={ALL}"], words)
    assert told.recipe.mix == replace(
        document.recipe.mix, turns=ALL, parts={**document.recipe.mix.parts, "emoji": Part(start=3.0, end=2.0)}
    )
    assert parameters(told)["mix.emoji.end"] == 2.0


@pytest.mark.parametrize("turns", [pytest.param("one task a step", marks=pytest.mark.long), ALL])
def test_the_script_takes_the_same_turns(turns: str, document: Document, tmp_path: Path) -> None:
    drawing = edits.set_recipe(edits.set_mix(document, turns=turns), seed=1, callbacks={"clipping": {"norm": 0.5}})
    assert told(drawing, tmp_path) == pytest.approx(losses(drawing), abs=2e-5)


def test_a_trained_plan_is_asked_in_each_task(document: Document, tmp_path: Path) -> None:
    run = trainer(document)
    run.train()
    state = checkpoint(run, tmp_path / "step")
    (tmp_path / "step" / "state.json").write_text(json.dumps(state))
    model = Trained(document, tmp_path / "step")
    assert {"test · Squares", "validation · Emoji pairs"} <= set(model.splits)
    given = frozenset({"sentence"})
    assert pools_of(model, given) == ["test · Emoji pairs", "test · Squares"]
    kind, answers = retrieve(model, "test · Squares", sentence="a red square", count=3)
    assert kind == "pictures"
    assert all("square" in answer.sentence and answer.split == "test · Squares" for answer in answers)
    picture = answers[0].picture
    assert picture is not None
    assert looks(model, index=answers[0].index, split=answers[0].split)
    model.close()


def test_a_mix_of_one_source_changes_nothing() -> None:
    plain = trainer(tiny_clip(steps=2))
    mixed = trainer(edits.set_recipe(tiny_clip(steps=2), mix=Mix(turns=ALL, parts={"emoji": Part(start=0.0)})))
    for run in (plain, mixed):
        run.train()
    for one, other in zip(plain.experiment.parameters(), mixed.experiment.parameters()):
        assert torch.equal(one, other)
