"""A wrong caption of the same words: what it adds to InfoNCE, and what is said of two captions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core.blocks.objectives.hard_captions import HardCaptions
from core.blocks.objectives.info_nce import InfoNCE


def sides(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(6, 8, generator=generator, dtype=torch.float64) for name in ("left", "right", "hard")}


def test_with_captions_that_are_never_near_it_is_info_nce() -> None:
    """A hard caption straight behind every left side weighs exp(-2 s): with a scale of 1,000 that is nothing."""
    left = F.normalize(torch.ones(6, 8, dtype=torch.float64) + 0.1 * sides()["left"], dim=-1)
    given = {"left": left, "right": sides()["right"]}
    knobs = {"temperature": 0.001, "learned": False}
    plain = InfoNCE(InfoNCE.Config(**knobs), given).double()(**given)["loss"]
    hard = HardCaptions(HardCaptions.Config(**knobs), {**given, "hard": -left}).double()
    torch.testing.assert_close(hard(**given, hard=-left)["loss"], plain)


def test_the_loss_is_cross_entropy_over_twice_the_captions() -> None:
    given = sides()
    made = HardCaptions(HardCaptions.Config(temperature=0.1, learned=False), given).double()
    left, right, hard = (F.normalize(given[name], dim=-1) for name in ("left", "right", "hard"))
    there = torch.stack(
        [-torch.log_softmax(torch.cat([right, hard]) @ one / 0.1, 0)[place] for place, one in enumerate(left)]
    )
    back = torch.stack([-torch.log_softmax(left @ one / 0.1, 0)[place] for place, one in enumerate(right)])
    torch.testing.assert_close(made(**given)["loss"], (there.mean() + back.mean()) / 2)


def test_who_reads_a_bag_of_words_says_one_of_two() -> None:
    given = sides()
    made = HardCaptions(HardCaptions.Config(), given)
    blind = made.held_out_scores(made.answers(given["left"], given["right"], given["right"]))
    assert blind == {"accuracy": 0.5, "chance accuracy": 0.5}
    knows = made.held_out_scores(made.answers(given["left"], given["left"], given["hard"]))
    assert knows["accuracy"] == 1.0
    lost = torch.full_like(given["left"], float("nan"))
    assert made.held_out_scores(made.answers(lost, given["right"], given["hard"]))["accuracy"] == 0.0


def test_hard_captions_of_another_width_are_refused() -> None:
    given = sides()
    with pytest.raises(ValueError, match="hard D is 4"):
        HardCaptions(HardCaptions.Config(), {**given, "hard": given["hard"][:, :4]})
