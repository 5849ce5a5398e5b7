"""A planted shortcut is flagged and a graph that needs both modalities is not; each change leaves what it should and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.blocks.objectives.classification import Classification
from core.blocks.values import Frames, Text, Waveform
from core.graph.document import End
from core.inference.changes import Change, changed, possible
from core.inference.counterfactual import Counterfactuals, Measured, measure, of_tables, report, table_rows
from core.problems import Refused

IMAGE, TEXT, CLASSES, VECTOR = (End(node="data", port=port) for port in ("image", "text", "classes", "vector"))
COUNT = 240


def samples() -> dict[End, Any]:
    """A brightness and a word, each 0 or 1 by chance; images with a little noise."""
    generator = torch.Generator().manual_seed(0)
    bright_B, word_B = (torch.randint(2, (COUNT,), generator=generator) for _ in range(2))
    image = bright_B[:, None, None, None] * 0.8 + 0.1 * torch.rand(COUNT, 3, 8, 8, generator=generator)
    ids = torch.stack([torch.ones(COUNT), 10 + word_B, torch.full((COUNT,), 2)], 1).long()
    return {IMAGE: image, TEXT: Text(ids_BL=ids, mask_BL=torch.ones(COUNT, 3, dtype=torch.bool), vocabulary=20)}


def planted(reads: str) -> Counterfactuals:
    """A perfect classifier: of the word alone although the image is there (``leak``), or of whether the two are alike (``both``)."""
    data = samples()
    said_B = (data[TEXT].ids_BL == 11).any(1)
    shines_B = data[IMAGE].mean((1, 2, 3)) > 0.45
    data[CLASSES] = (said_B if reads == "leak" else said_B ^ shines_B).long()
    node = Classification(Classification.Config(), {"embedding": torch.zeros(2, 2), "classes": torch.zeros(2).long()})

    class Planted:
        def run(self, batch: Any, wanted: Any) -> dict[End, Any]:
            word = (batch[TEXT].ids_BL == 11).any(1)
            bright = batch[IMAGE].mean((1, 2, 3)) > 0.45
            told = word if reads == "leak" else word ^ bright
            return {VECTOR: told}

        def node(self, key: str) -> Any:
            return node

    def split(*_: Any, **__: Any) -> Any:
        yield data, list(range(COUNT))

    node.answers = lambda embedding, classes: {"told": embedding.long(), "true": classes}  # type: ignore[method-assign, assignment]
    node.held_out_scores = lambda answers: {  # type: ignore[method-assign]
        "accuracy": float((answers["told"] == answers["true"]).double().mean()), "chance accuracy": 0.5,
    }  # fmt: skip
    plan = SimpleNamespace(
        inputs={"head": {"embedding": VECTOR, "classes": CLASSES}}, pair=lambda key: None, batch_nodes=(), specs={}
    )
    feed = SimpleNamespace(
        fixed_examples=lambda count: {end: _first(value, count) for end, value in data.items()}, split=split
    )
    trained: Any = SimpleNamespace(plan=plan, experiment=Planted(), feed=lambda task: feed)
    measured: dict[tuple[str, str], Measured] = {}
    for modality, how in [
        ("", ""),
        *((name, how) for name in ("image", "text") for how in ("drop", "swap", "shuffle")),
    ]:
        change = Change(modality=modality, how=how, seed=3) if how else None  # type: ignore[arg-type]
        measured[modality, how] = measure(trained, None, "head", "test", change, 1000)  # type: ignore[arg-type]
    return report("head", "test", ("image", "text"), measured, 0)


def _first(value: Any, count: int) -> Any:
    return (
        Text(ids_BL=value.ids_BL[:count], mask_BL=value.mask_BL[:count], vocabulary=20)
        if isinstance(value, Text)
        else value[:count]
    )


def test_an_answer_that_is_copied_into_the_text_is_flagged() -> None:
    found = planted("leak")
    assert found.base.value == 1.0
    (flag,) = found.flags
    assert flag.what == (
        "Shortcut? Without image 100 % of the score of head above chance survive: the answer can be read from text alone."
    )
    by = {(row.modality, row.how): row for row in found.rows}
    assert by["text", "drop"].survives.high < 0.3
    assert by["text", "swap"].survives.high < 0.3
    assert by["image", "swap"].survives.low == 1.0
    assert len(table_rows([found])) == 6


def test_a_graph_that_needs_both_is_not_flagged() -> None:
    found = planted("both")
    assert found.base.value == 1.0
    assert not found.flags
    by = {(row.modality, row.how): row for row in found.rows}
    for modality in ("image", "text"):
        assert by[modality, "drop"].survives.high < 0.3
        assert by[modality, "swap"].survives.high < 0.3
    assert by["image", "shuffle"].survives.value == 1.0, "brightness has no order"
    assert any("image shuffled" in note.what for note in found.notes)


def test_recall_counts_equal_captions_as_equal_and_its_chance_is_exact() -> None:
    table = torch.eye(60)
    one = of_tables(table, table, [str(n) for n in range(60)])
    assert (one.metric, one.of(np.arange(60))) == ("R@10", 1.0)
    assert one.chance == pytest.approx(10 / 60)
    constant = of_tables(torch.zeros(60, 60), torch.zeros(60, 60), [str(n) for n in range(60)])
    assert constant.of(np.arange(60)) == 0.0, "a constant score is no discovery"
    twins = of_tables(torch.zeros(2, 2), torch.zeros(2, 2), ["a", "a"])
    assert twins.of(np.arange(2)) == 1.0


def test_what_is_dropped_is_the_same_for_all_and_masks_take_their_share() -> None:
    data = samples()
    typical = {end: _first(value, 32) for end, value in data.items()}
    gone = changed(data, Change(modality="image", how="drop"), typical)
    assert torch.equal(gone[IMAGE], typical[IMAGE].mean(0, keepdim=True).expand_as(gone[IMAGE]))
    assert gone[TEXT] is data[TEXT]
    words = changed(data, Change(modality="text", how="drop"), typical)[TEXT]
    assert len(words.ids_BL.unique(dim=0)) == len(words.mask_BL.unique(dim=0)) == 1
    half = changed(data, Change(modality="image", how="mask", amount=0.5), typical)[IMAGE]
    assert float((half == data[IMAGE]).float().mean()) == pytest.approx(0.5)
    again = changed(data, Change(modality="image", how="mask", amount=0.5), typical)[IMAGE]
    other = changed(data, Change(modality="image", how="mask", amount=0.5, seed=1), typical)[IMAGE]
    assert torch.equal(half, again)
    assert not torch.equal(half, other)


def test_swapped_samples_keep_none_of_their_own_and_shuffled_parts_all() -> None:
    data = {IMAGE: torch.arange(5.0)[:, None, None, None].expand(5, 3, 8, 8)}
    swapped = changed(data, Change(modality="image", how="swap", seed=5), data)[IMAGE]
    assert (swapped[:, 0, 0, 0] != torch.arange(5.0)).all()
    assert sorted(swapped[:, 0, 0, 0].tolist()) == [0, 1, 2, 3, 4]
    image = {IMAGE: torch.rand(2, 3, 16, 16)}
    mixed = changed(image, Change(modality="image", how="shuffle"), image)[IMAGE]
    assert not torch.equal(mixed, image[IMAGE])
    assert torch.allclose(mixed.flatten(2).sort(-1).values, image[IMAGE].flatten(2).sort(-1).values)
    text = Text(ids_BL=torch.arange(1, 9)[None], mask_BL=torch.tensor([[True] * 7 + [False]]), vocabulary=9)
    words = changed({TEXT: text}, Change(modality="text", how="shuffle", seed=1), {TEXT: text})[TEXT].ids_BL[0]
    assert words[[0, 6, 7]].tolist() == [1, 7, 8], "the signs and the padding stay"
    assert sorted(words.tolist()) == list(range(1, 9))
    assert words.tolist() != list(range(1, 9))


def test_only_what_has_time_is_shifted() -> None:
    sound, clip = End(node="data", port="sound"), End(node="data", port="clip")
    wave = Waveform(samples_BS=torch.arange(1.0, 9)[None], lengths_B=torch.tensor([8]), hertz=4)
    frames = Frames(
        x_BTCHW=torch.arange(4.0)[None, :, None, None, None].expand(1, 4, 3, 2, 2), starts_BT=torch.arange(4).double()[None] / 2,
        durations_BT=torch.full((1, 4), 0.5, dtype=torch.float64),
    )  # fmt: skip
    data = {sound: wave, clip: frames}
    later = changed(data, Change(modality="audio", how="shift", amount=0.5), data)[sound].samples_BS[0]
    assert later.tolist() == [0, 0, 1, 2, 3, 4, 5, 6]
    earlier = changed(data, Change(modality="audio", how="shift", amount=-0.5), data)[sound].samples_BS[0]
    assert earlier.tolist() == [3, 4, 5, 6, 7, 8, 0, 0]
    held = changed(data, Change(modality="video", how="shift", amount=0.5), data)[clip].x_BTCHW[0, :, 0, 0, 0]
    assert held.tolist() == [0, 0, 1, 2]
    assert "shift" in possible(data, "audio")
    assert "shift" not in possible(samples(), "image")
    with pytest.raises(Refused):
        changed(samples(), Change(modality="image", how="shift"), samples())
    with pytest.raises(Refused, match="no audio"):
        changed(samples(), Change(modality="audio", how="drop"), samples())
