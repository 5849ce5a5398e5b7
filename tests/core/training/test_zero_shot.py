"""Zero-shot classes are means of normalised prompts; scores beside chance; said in a run; the same for a trained plan."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from core.compiler.answers.asking import asked, class_vectors, prompts_of
from core.graph.document import End
from core.inference.classify import classify
from core.inference.trained import Trained
from core.problems import Refused
from core.telemetry.events import LogLine
from core.training.callbacks.evaluation import embed
from core.training.callbacks.zero_shot import class_scores
from core.training.trainer import Trainer
from studio.benches import open_clip_alone
from tests.core.training.running import checkpoint, trainer
from tests.documents import tiny_clip

NAMES = ("cat", "red heart", "face with tears of joy", "clock")
PROMPTS = ("{}", "a picture of {}", "the {} emoji")


@pytest.fixture(scope="module")
def run() -> Trainer:
    made = trainer(
        tiny_clip(steps=3, batch_size=64, callbacks={"evaluation": {"every": 1000, "most": 200}, "zero_shot": {}})
    )
    assert made.train() == "finished"
    made.experiment.eval()
    return made


def text_end(run: Trainer) -> Any:
    sides = run.plan.sides("info_nce")
    assert sides is not None
    return sides[1]


def embedded(run: Trainer, sentences: list[str]) -> torch.Tensor:
    """One sentence at a time, normalised."""
    rows = [asked(run.graph, [{"sentence": sentence}], run.device) for sentence in sentences]
    with torch.no_grad():
        made = [run.experiment.run(batch, [text_end(run).node])[text_end(run)][0] for batch in rows]
    return F.normalize(torch.stack(made), dim=-1)


def test_a_class_is_the_mean_of_its_normalised_prompts(run: Trainer) -> None:
    found = class_vectors(run.experiment, run.graph, text_end(run), NAMES, PROMPTS, run.device)
    by_hand = [embedded(run, [prompt.replace("{}", name) for prompt in PROMPTS]).mean(0) for name in NAMES]
    expected = torch.stack([mean / mean.norm() for mean in by_hand])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found, embedded(run, list(NAMES)), atol=1e-3), "more than the bare name"


@pytest.mark.long
def test_equals_open_clips_zero_shot_classifier(run: Trainer) -> None:
    if open_clip_alone.load() is None:
        pytest.skip("open_clip is not installed")
    theirs = importlib.import_module("open_clip.zero_shot_classifier")

    class Words(list[str]):
        def to(self, device: object) -> Words:
            return self

    class Model:
        def encode_text(self, sentences: list[str], normalize: bool) -> torch.Tensor:
            assert normalize
            return embedded(run, sentences)

    expected = theirs.build_zero_shot_classifier(Model(), Words, NAMES, PROMPTS, num_classes_per_batch=3)
    found = class_vectors(run.experiment, run.graph, text_end(run), NAMES, PROMPTS, run.device)
    torch.testing.assert_close(found.T, expected, atol=1e-5, rtol=1e-5)


def test_a_perfect_table_a_constant_one_and_chance() -> None:
    right = [n % 20 for n in range(60)]
    perfect = class_scores(F.one_hot(torch.tensor(right), 20).float(), right)
    assert (perfect["R@1"], perfect["mean rank"]) == (1.0, 1.0)
    assert [perfect[f"chance R@{k}"] for k in (1, 5, 10)] == pytest.approx([1 / 20, 5 / 20, 10 / 20])
    assert class_scores(torch.zeros(60, 20), right)["R@10"] == 0.0


def test_a_run_says_what_its_own_vectors_give(run: Trainer) -> None:
    said = {
        name: run.listener.scalars(f"retrieval/test/image_to_class/{name}") for name in ("R@1", "R@5", "chance R@1")
    }  # type: ignore[attr-defined]
    assert all(len(points) == 1 for points in said.values())
    source = run.feed.source
    names = sorted({source.class_names(index)[1] for split in run.feed.splits.values() for index in split} - {""})
    assert len(names) > 50
    assert "animal mammal" in names
    assert said["chance R@1"][0][1] == pytest.approx(1 / len(names))
    with torch.no_grad():
        picture_ND, _, indices = embed(run, "info_nce", "test", 200)
    class_KD = class_vectors(run.experiment, run.graph, text_end(run), names, ("{}", "a picture of {}"), run.device)
    assert all(source.class_names(index)[1] for index in indices)
    right = torch.tensor([names.index(source.class_names(index)[1]) for index in indices])
    table = picture_ND @ class_KD.T
    own = table[torch.arange(len(right)), right]
    others = table.scatter(1, right[:, None], -2.0).topk(5).values  # the best wrong ones; equal ones count as better
    assert said["R@1"][0][1] == pytest.approx(float((own > others[:, 0]).double().mean()), abs=1e-6)
    assert said["R@5"][0][1] == pytest.approx(float((own > others[:, 4]).double().mean()), abs=1e-6)


def test_asking_leaves_the_run_as_it_was() -> None:
    callbacks = {"evaluation": {"every": 1, "most": 64}, "ema": {}}
    with_it, without = (
        trainer(tiny_clip(steps=3, callbacks={**callbacks, **more})) for more in ({"zero_shot": {}}, {})
    )
    for each in (with_it, without):
        each.train()
    one, other = (each.experiment.state_dict() for each in (with_it, without))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_data_without_classes_is_told() -> None:
    run = trainer(tiny_clip(steps=1, callbacks={"evaluation": {}, "zero_shot": {}}))
    run.feed.source.class_names = lambda index: ()  # type: ignore[method-assign]
    run.train()
    assert any("does not say which classes" in line.text for line in run.listener.of(LogLine))  # type: ignore[attr-defined]
    assert not run.listener.scalars("retrieval/test/image_to_class/R@1")  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", " ; ", "a picture", "{}; a picture"])
def test_a_prompt_without_a_place_for_the_name_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="place for a class's name"):
        prompts_of(text)


def test_a_trained_plan_names_the_class_of_a_picture(run: Trainer, tmp_path: Path) -> None:
    state = checkpoint(run, tmp_path / "step")
    (tmp_path / "step" / "state.json").write_text(json.dumps(state))
    model = Trained(run.plan.document, tmp_path / "step")
    Image.new("RGB", (20, 20), (200, 30, 30)).save(tmp_path / "red.png")
    ranked = classify(model, tmp_path / "red.png", NAMES, PROMPTS)
    assert sorted(name for name, _ in ranked) == sorted(NAMES)
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)
    class_KD = class_vectors(run.experiment, run.graph, text_end(run), NAMES, PROMPTS, run.device)
    vectors = dict(zip(NAMES, class_KD))
    with torch.no_grad():
        batch = model.batch({"image": model.picture(tmp_path / "red.png", run.task)}, run.task)
        picture = model.experiment.run(batch, ["projection"])[End(node="projection", port="embedding")][0]
    for name, score in ranked:
        assert score == pytest.approx(float(vectors[name] @ picture), abs=1e-5)
    with pytest.raises(Refused, match="no class"):
        classify(model, tmp_path / "red.png", ())
    model.close()
