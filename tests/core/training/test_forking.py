"""What a fork carries of a checkpoint: told before it starts, and the same when it does; with nothing changed, bit for bit."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.compiler.compile import compile
from core.compiler.describe import vocabulary
from core.graph import edits
from core.graph.document import Document, End
from core.graph.inheritance import Heirloom, Inheritance
from core.graph.recipe import Choice, Rule
from core.problems import Refused
from core.training.fitting import Kept, kept_at, words_kept
from core.training.forking import foreseen, inherit
from core.training.trainer import Trainer
from tests.core.training.running import checkpoint, same, trainer, weights
from tests.core.training.test_momentum import QUEUE, with_negatives
from tests.documents import siamese, tiny_clip

AT, STEPS = 4, 8


def drawn() -> Document:
    document = tiny_clip(steps=STEPS, callbacks={"ema": {"decay": 0.9}, "checkpointing": {"every": 100}})
    return with_negatives(document, QUEUE)


def left_by(document: Document, folder: Path) -> Kept:
    """The checkpoint of a run at a step."""
    run = trainer(document)
    run.tell("began")
    while run.position.step < AT:
        run._step()
    state = checkpoint(run, folder)
    run.feed.close()
    return kept_at(folder, deepcopy(state), document)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return left_by(drawn(), tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def whole() -> tuple[dict[str, torch.Tensor], list[tuple[int, float]]]:
    run = trainer(drawn())
    run.train()
    return everything(run), run.listener.scalars("loss")  # type: ignore[attr-defined]


def everything(run: Trainer) -> dict[str, torch.Tensor]:
    average = {f"ema/{name}": tensor for name, tensor in run.callback("ema").tensors().items()}
    return {**weights(run), **average, **run.groups.tensors()}


def forked(document: Document, kept: Kept) -> tuple[Trainer, Inheritance]:
    learned = kept.state["transforms"]
    words = {key: learned[key] for key in words_kept(kept.before, document, learned)}
    run = trainer(document)
    run.graphs.load_state(words)
    return run, inherit(run, kept)


def parts(document: Document, kept: Kept) -> dict[str, Heirloom]:
    """As it is foreseen, by node or by title; it is the same when it is done."""
    told = foreseen(compile(document), kept)
    run, done = forked(document, kept)
    run.feed.close()
    assert done == told
    assert (told.step, told.steps) == (AT, STEPS)
    return {part.node or part.title: part for part in told.parts}


def wider(document: Document, width: int = 32) -> Document:
    for key in ("projection", "projection_2"):
        document = edits.set_knob(document, key, "width", width)
    return document


def lost(found: dict[str, Heirloom]) -> dict[str, str]:
    return {key: part.fate for key, part in found.items() if part.fate != "whole"}


def test_the_same_drawing_is_carried_whole_and_goes_on_bit_for_bit(kept: Kept, whole: Any) -> None:
    run, told = forked(drawn(), kept)
    assert told.is_whole
    assert told.told == f"Forked at step {AT}. Everything is carried."
    assert {part.title for part in told.parts} >= {"Optimiser", "Weight averaging (EMA)", "Data", "Best score", "Queue"}
    assert run.position.step == AT
    run.train()
    assert run.listener.scalars("loss") == whole[1][AT:]  # type: ignore[attr-defined]
    assert same(everything(run), whole[0])


def test_what_is_drawn_elsewhere_or_said_twice_changes_nothing(kept: Kept, whole: Any) -> None:
    document = edits.move(drawn(), {"vit": (5.0, 9.0)})
    document = edits.set_rule(document, "vit", frozen=False)
    run, told = forked(document, kept)
    assert told.is_whole
    run.train()
    assert same(everything(run), whole[0])


@pytest.mark.parametrize("spoiled", ["optimizer", "callbacks", "weights"])
def test_each_file_is_needed_for_that(kept: Kept, whole: Any, tmp_path: Path, spoiled: str) -> None:
    for file in kept.folder.iterdir():
        tensors = load_file(file)
        chosen = file.name.startswith(spoiled)
        save_file(
            {n: t * 2 if chosen and t.is_floating_point() else t for n, t in tensors.items()}, tmp_path / file.name
        )
    run, _ = forked(drawn(), replace(kept, folder=tmp_path))
    run.train()
    assert not same(everything(run), whole[0])


def test_a_wider_projection_begins_anew_and_empties_the_queue(kept: Kept) -> None:
    found = parts(wider(drawn()), kept)
    assert found["vit"] == Heirloom(title="ViT", fate="whole", node="vit", carried=found["vit"].of, of=found["vit"].of)
    assert found["projection"].reason == "linear.weight was 16 × 24 and is 32 × 24."
    assert found["queue"].reason == "Its keys are of another number or width: it fills again."
    assert lost(found) == {
        "projection": "new", "projection_2": "new", "queue": "new", "Optimiser": "part",
        "Weight averaging (EMA)": "part", "Best score": "new",
    }  # fmt: skip
    run, _ = forked(wider(drawn()), kept)
    moments = run.groups.tensors()
    assert any(name.startswith("nodes.n_vit.") for name in moments)
    assert not any("projection" in name for name in moments)
    assert int(run.experiment.node("queue").filled) == 0  # type: ignore[arg-type]
    run.train()
    assert [step for step, _ in run.listener.scalars("loss")] == list(range(AT + 1, STEPS + 1))  # type: ignore[attr-defined]
    steps = {name: int(value) for name, value in run.groups.tensors().items() if name.endswith("/step")}
    assert steps["nodes.n_vit.cut.weight/step"] == STEPS
    assert steps["nodes.n_projection.linear.weight/step"] == STEPS - AT


def test_what_follows_the_weights_begins_as_they_do_where_it_has_no_past(kept: Kept) -> None:
    run, _ = forked(wider(drawn()), kept)
    run.tell("began")
    now, average = run.experiment.state_dict(), run.callback("ema").tensors()
    past = load_file(kept.folder / "callbacks.safetensors")
    assert torch.equal(average["nodes.n_projection.linear.weight"], now["nodes.n_projection.linear.weight"])
    assert torch.equal(average["nodes.n_vit.cut.weight"], past["ema/nodes.n_vit.cut.weight"])
    twins = {name: tensor for name, tensor in now.items() if name.startswith("twins.queue.")}
    pair = [t for n, t in twins.items() if n.endswith("linear.weight") and t.shape == (32, 24)]
    assert torch.equal(pair[0], now["nodes.n_projection.linear.weight"])
    assert torch.equal(
        twins["twins.queue.copies.0.cut.weight"],
        load_file(kept.folder / "weights.safetensors")["twins.queue.copies.0.cut.weight"],
    )
    run.feed.close()


def test_a_longer_queue_begins_empty_not_with_the_count_of_the_old_one(kept: Kept) -> None:
    longer = edits.set_knob(drawn(), "queue", "size", 200)
    assert lost(parts(longer, kept)) == {"queue": "new", "Best score": "new"}
    run, _ = forked(longer, kept)
    assert int(run.experiment.node("queue").filled) == 0  # type: ignore[arg-type]
    run.feed.close()


def test_a_deeper_tower_is_carried_in_part(kept: Kept) -> None:
    found = parts(edits.set_knob(drawn(), "vit", "depth", 2), kept)
    vit = found["vit"]
    assert (vit.fate, vit.carried) == (
        "part",
        next(p.of for p in foreseen(compile(drawn()), kept).parts if p.node == "vit"),
    )
    assert "tensors are new; the first is stack" in vit.reason
    assert found["queue"].reason == "What makes its keys has changed: it fills again."
    assert found["Data"].fate == "whole"


def test_an_added_block_is_new_and_a_copy_finds_its_own_past(kept: Kept) -> None:
    document = edits.insert_on_wire(
        with_block(drawn(), "connectors.mlp_projection", width=24, hidden=24), "mlp_projection", "pool.embedding>projection.embedding",
        vocabulary(),
    )  # fmt: skip
    found = parts(document, kept)
    assert found["mlp_projection"].reason == "It is new in the graph."
    assert lost(found).keys() == {"mlp_projection", "queue", "Optimiser", "Weight averaging (EMA)", "Best score"}
    run, _ = forked(document, kept)
    now, past = run.experiment.state_dict(), load_file(kept.folder / "weights.safetensors")
    twin = run.experiment.twins["queue"]
    for number, key in enumerate(twin._owners):  # type: ignore[arg-type, union-attr]
        online = {name: t for name, t in now.items() if name.startswith(f"nodes.n_{key}.")}
        for name, tensor in online.items():
            rest = name.removeprefix(f"nodes.n_{key}.")
            copied = now[f"twins.queue.copies.{number}.{rest}"]
            if key == "mlp_projection":
                assert torch.equal(copied, tensor)
            else:
                before = [
                    n
                    for n in past
                    if n.startswith("twins.") and n.endswith(f".{rest}") and torch.equal(past[n], copied)
                ]
                assert before
                assert torch.equal(past[name], tensor)
    run.feed.close()


def with_block(document: Document, block: str, **knobs: Any) -> Document:
    return edits.add_node(document, block, 0.0, 0.0, knobs)[0]


def test_a_removed_block_is_left_behind(kept: Kept) -> None:
    shorter = edits.set_knob(drawn(), "projection_2", "width", 24)
    shorter = edits.remove_nodes(shorter, ["projection"], vocabulary())
    shorter = edits.connect(shorter, End(node="pool", port="embedding"), End(node="queue", port="left"))
    shorter = edits.connect(shorter, End(node="pool", port="embedding"), End(node="info_nce", port="left"))
    found = parts(shorter, kept)
    assert (found["projection"].fate, found["projection"].reason) == ("left", "It is no longer in the graph.")
    assert found["projection"].of == 16 * 24


def test_another_objective_keeps_the_towers_and_their_moments(kept: Kept) -> None:
    document = tiny_clip(steps=STEPS, objective="siglip", callbacks=drawn().recipe.callbacks)
    found = parts(document, kept)
    assert found["siglip"].fate == "new"
    assert {found[key].fate for key in ("info_nce", "queue")} == {"left"}
    assert {found[key].fate for key in ("vit", "text_transformer", "projection", "Data", "tokenizer")} == {"whole"}
    run, _ = forked(document, kept)
    assert "nodes.n_vit.cut.weight/exp_avg" in run.groups.tensors()
    run.feed.close()


def test_another_optimiser_begins_its_moments_anew_and_says_so(kept: Kept) -> None:
    document = edits.set_recipe(drawn(), optimizer=Choice(key="sgd"))
    found = parts(document, kept)
    assert lost(found) == {"Optimiser": "new"}
    assert found["Optimiser"].reason == "The moments of AdamW say nothing to SGD: they begin anew."
    run, _ = forked(document, kept)
    assert run.groups.tensors() == {}
    run.feed.close()


def test_a_queue_switched_on_begins_as_the_carried_weights(tmp_path: Path) -> None:
    before = tiny_clip(steps=STEPS)
    kept = left_by(before, tmp_path)
    document = edits.switch(with_negatives(before, QUEUE), "callbacks", "ema", True)
    found = parts(document, kept)
    assert lost(found) == {"queue": "new", "Weight averaging (EMA)": "new"}
    assert found["Weight averaging (EMA)"].reason == "It was off: it begins as the weights that are carried."
    run, _ = forked(document, kept)
    now, past = run.experiment.state_dict(), load_file(kept.folder / "weights.safetensors")
    assert torch.equal(now["twins.queue.copies.0.cut.weight"], past["nodes.n_vit.cut.weight"])
    run.feed.close()


def test_a_frozen_tower_and_an_average_switched_off(kept: Kept) -> None:
    document = edits.switch(edits.set_rule(drawn(), "vit", frozen=True), "callbacks", "ema", False)
    found = parts(document, kept)
    assert lost(found) == {"Weight averaging (EMA)": "left"}
    run, _ = forked(document, kept)
    run.train()
    past = load_file(kept.folder / "weights.safetensors")
    assert torch.equal(weights(run)["nodes.n_vit.cut.weight"], past["nodes.n_vit.cut.weight"])


def test_other_data_begins_its_epoch_and_keeps_the_words(kept: Kept) -> None:
    document = edits.set_knob(drawn(), "emoji", "second_artist", "automatic")
    found = parts(document, kept)
    assert lost(found).keys() == {"Data", "Best score"}
    assert found["tokenizer"].fate == "whole"
    run, _ = forked(document, kept)
    place = run.position.tasks["emoji"]
    assert (run.position.step, place.epoch, place.batch) == (AT, 0, 0)
    assert run.graphs.state() == kept.state["transforms"]
    run.feed.close()


def test_other_words_are_learned_anew(kept: Kept) -> None:
    found = parts(edits.set_knob(drawn(), "tokenizer", "vocabulary", 320), kept)
    assert found["tokenizer"].fate == "new"
    assert found["text_transformer"].fate == "part"


@pytest.mark.parametrize("size", [8, 64])
def test_batches_of_another_size_go_on_in_the_same_epoch(kept: Kept, size: int) -> None:
    first, _ = forked(drawn(), kept)
    batches = first.feed.batches_in(2)
    first.feed.close()
    place = {"epoch": 2, "batch": batches - 1, "batches": batches, "turns": AT, "asked": AT}
    late = replace(kept, state={**kept.state, "position": {**kept.state["position"], "tasks": {"emoji": place}}})
    run, told = forked(edits.set_recipe(drawn(), batch_size=size), late)
    assert told.is_whole
    run._find_its_place()
    now = run.position.tasks["emoji"]
    assert now.batches == run.feed.batches_in(2) != batches
    assert 3 - 1 / batches - 1 / now.batches < now.epochs < 3
    assert run.train() == "finished"


def test_weights_that_are_shared_no_longer_begin_as_they_were_in_both_places(tmp_path: Path) -> None:
    before = siamese(steps=STEPS)
    kept = left_by(before, tmp_path)
    apart = edits.own_weights(before, "vit_2")
    run, told = forked(apart, kept)
    assert not [part for part in told.parts if part.node == "vit_2" and part.fate != "whole"]
    past = load_file(kept.folder / "weights.safetensors")
    now, moments = run.experiment.state_dict(), run.groups.tensors()
    for key in ("vit", "vit_2"):
        assert torch.equal(now[f"nodes.n_{key}.cut.weight"], past["nodes.n_vit.cut.weight"])
        assert f"nodes.n_{key}.cut.weight/exp_avg" in moments
    run.feed.close()


def test_a_rate_that_a_person_asked_for_holds_until_another_is_drawn(kept: Kept) -> None:
    kept = replace(kept, state={**kept.state, "rates": {"": 0.5, "vit": 0.25, "gone": 1.0}})
    run, _ = forked(wider(drawn()), kept)
    assert run.groups.overrides == {"": 0.5, "vit": 0.25}
    run.feed.close()
    run, _ = forked(edits.set_recipe(wider(drawn()), rules={"vit": Rule(learning_rate=0.1)}), kept)
    assert run.groups.overrides == {}
    run.feed.close()


def test_a_damaged_checkpoint_is_a_sentence(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is damaged"):
        kept_at(tmp_path, kept.state, kept.before)
