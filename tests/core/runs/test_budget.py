"""A measurement takes the run's own steps; what a run took stands beside what was foretold, and the next prediction learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.graph.budget.learning import audit
from core.graph.budget.measured import Measured
from core.graph.budget.predicting import predict
from core.graph.document import Document
from core.graph.edits import add_node, set_knob, set_mix, set_recipe, set_rule, share_blocks
from core.problems import Refused
from core.runs.budget import kept
from core.runs.budget.asking import Cancelled, Measurement
from core.store.database import Store
from core.store.library import Library
from core.training.budget.measuring import measure
from core.training.budget.nodes import Watcher
from tests.core.runs.running import started
from tests.documents import tiny_clip

SAYS = {"evaluation": {"every": 3, "most": 16}, "checkpointing": {"every": 2}}
DRAWN = tiny_clip(steps=6, batch_size=8, callbacks=SAYS, diagnostics={"gradients": {"every": 2}})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setattr(kept, "data_folder", lambda: tmp_path / "data")
    return tmp_path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    phases: list[str] = []
    measured = measure(DRAWN, tmp_path_factory.mktemp("measured"), phases.append, seconds=0.05)
    assert list(dict.fromkeys(phases)) == [
        "opening", "steps", "looks", "evaluation", "checkpoint", "blocks",
    ]  # fmt: skip
    return measured


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(24, 40), nn.Linear(40, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"out": self.second(F.gelu(self.first(x)))}


class Looking(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(24, 72, bias=False), nn.Linear(24, 24, bias=False)

    def forward(self, x_BND: Tensor) -> dict[str, Tensor]:
        B, N, D = x_BND.shape
        q, k, v = (part.view(B, N, 4, 6).transpose(1, 2) for part in self.qkv(x_BND).chunk(3, dim=-1))
        made = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, D)
        return {"out": self.out(made)}


def saved_by(module: nn.Module, x: Tensor) -> tuple[int, Watcher]:
    watcher = Watcher({("node",): module}, torch.device("cpu"))
    with watcher.watching():
        made = module(x)["out"]
    made.sum().backward()
    return sum(watcher.saved["node"].values()), watcher


def test_a_perceptron_keeps_its_input_what_is_activated_and_what_comes_of_it() -> None:
    saved, watcher = saved_by(Perceptron(), torch.randn(50, 24))
    assert saved == 4 * 50 * (24 + 40 + 40)
    assert watcher.forward["node"] > 0
    assert watcher.backward["node"] > 0


def test_attention_keeps_no_map_where_it_is_fused() -> None:
    """Input, queries with keys and values (one storage), what comes out of it, its log sums; never tokens by tokens."""
    B, N, D, H = 3, 32, 24, 4
    saved, _ = saved_by(Looking(), torch.randn(B, N, D))
    assert saved == 4 * (B * N * D + 3 * B * N * D + B * N * D + B * H * N)


def test_a_storage_that_two_blocks_keep_is_counted_once() -> None:
    first, second = Perceptron(), Perceptron()
    watcher, x = Watcher({("a",): first, ("b",): second}, torch.device("cpu")), torch.randn(50, 24)
    with watcher.watching():
        (first(x)["out"] + second(x)["out"]).sum().backward()
    assert sum(watcher.saved["a"].values()) == 4 * 50 * (24 + 40 + 40)
    assert sum(watcher.saved["b"].values()) == 4 * 50 * (40 + 40)


def test_steps_evaluation_looks_and_checkpoint_are_measured(found: Measured) -> None:
    assert sum(one.weight for one in found.steps) == pytest.approx(1)
    assert all(one.compute.processor > 0 and one.data.processor > 0 for one in found.steps)
    assert found.peak_mebibytes >= found.training_mebibytes
    assert found.evaluation.processor > 0
    assert found.evaluation_share == 1
    assert found.checkpoint_bytes > 0
    assert [one.key for one in found.periodic] == ["gradients"]
    blocks = {one.node: one for one in found.nodes}
    assert {"vit", "text_transformer", "info_nce"} <= set(blocks)
    assert blocks["vit"].saved_bytes > blocks["projection"].saved_bytes > 0
    assert blocks["vit"].backward > 0
    assert Measured.from_json(found.as_json()) == found
    assert predict(found, DRAWN.recipe).whole.seconds > 0


def test_what_is_frozen_keeps_less_and_has_no_way_back(found: Measured, tmp_path: Path) -> None:
    frozen = measure(set_rule(DRAWN, "vit", frozen=True), tmp_path, lambda _: None, seconds=0.0)
    before, after = ({one.node: one for one in each.nodes}["vit"] for each in (found, frozen))
    assert after.saved_bytes < before.saved_bytes
    assert after.backward == 0


def test_a_drawing_that_cannot_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="fewer than one batch"):
        measure(set_recipe(DRAWN, batch_size=60_000), tmp_path, lambda _: None)


def test_a_run_stands_beside_its_prediction_and_the_next_one_learns(here: Path, found: Measured, store: Store) -> None:
    def trained(document: Document) -> dict[str, tuple[float, float]]:
        run = started(store, document)
        run.join(60)
        facts = Library(store).facts(run.uid)
        assert facts.status == "finished"
        return audit(facts.last)

    assert trained(DRAWN) == {}  # nothing was measured of it
    kept.keep(found)
    assert kept.kept_for(DRAWN) == found
    assert kept.kept_for(set_knob(DRAWN, "vit", "width", 12)) is None
    pairs = trained(set_recipe(DRAWN, seed=4))
    foretold = predict(found, DRAWN.recipe)
    assert pairs["seconds"][0] == pytest.approx(foretold.whole.seconds)
    assert pairs["disk mebibytes"][0] == pytest.approx(foretold.checkpoint_mebibytes)
    assert 0.6 < pairs["disk mebibytes"][1] / foretold.checkpoint_mebibytes < 1.05  # the best may be among the last
    assert kept.ratios().by_kind["seconds"] == pytest.approx([pairs["seconds"][1] / pairs["seconds"][0]], rel=1e-3)
    kept.forget_ratios()
    assert kept.ratios().by_kind == {}


def test_damage_is_no_prediction(here: Path, found: Measured) -> None:
    kept.keep(found)
    (kept.folder() / f"{found.key}.json").write_text("{", encoding="utf-8")
    (kept.folder() / kept.RATIOS).write_text("[", encoding="utf-8")
    assert kept.kept_for(DRAWN) is None
    assert kept.ratios().by_kind == {}


def test_a_measurement_is_cancelled_at_once(here: Path) -> None:
    asked = Measurement(DRAWN)
    asked.cancel()
    with pytest.raises(Cancelled):
        asked.result()
    assert kept.kept_for(DRAWN) is None


@pytest.mark.long
def test_it_is_measured_in_a_process_of_its_own(here: Path) -> None:
    """Its peak is then its own, and a refusal comes back as one."""
    phases: list[str] = []
    measured = Measurement(DRAWN).result(phases.append)
    assert measured.base_mebibytes < measured.training_mebibytes
    assert kept.kept_for(DRAWN) == measured
    assert phases[0] == "opening"
    with pytest.raises(Refused, match="fewer than one batch"):
        Measurement(set_recipe(DRAWN, batch_size=60_000)).result()


def test_tasks_that_take_turns_are_each_measured(tmp_path: Path) -> None:
    """Of two sources through shared blocks: steps of both, weighed by their shares, and blocks of both."""
    drawn, second = add_node(DRAWN, "sources.emoji", 0, 300, {"image_size": 16, "second_artist": "none"})
    drawn = share_blocks(drawn, second, "emoji", ("image", "sentence"))
    found = measure(
        set_mix(set_recipe(drawn, steps=40, callbacks={}), "emoji", start=3.0), tmp_path, lambda _: None, seconds=0.0
    )
    weights = {source: sum(one.weight for one in found.steps if source in one.sources) for source in found.batches}
    assert weights == {"emoji": pytest.approx(0.75), second: pytest.approx(0.25)}
    assert all(one.forward > 0 for one in found.nodes)
