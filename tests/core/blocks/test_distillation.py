"""Distillation: its floor, its gradient's direction, and open_clip's form of it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core.blocks.objectives.distillation import Distillation, soft_loss
from studio.benches import open_clip_alone


def sides(count: int = 8) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    widths = {"left": 6, "right": 6, "teacher_left": 9, "teacher_right": 9}
    return {name: torch.randn(count, width, generator=generator) for name, width in widths.items()}


def test_teacher_equal_to_student_gives_the_targets_entropy() -> None:
    given = sides()
    given |= {"teacher_left": given["left"], "teacher_right": given["right"]}
    block = Distillation(Distillation.Config(temperature=0.1, teacher_temperature=0.1), given)
    target = block.teacher_logits(given["left"], given["right"])
    entropy = sum(torch.special.entr(side.softmax(-1)).sum(-1).mean() for side in (target, target.T)) / 2
    torch.testing.assert_close(block(**given)["loss"], entropy)


def test_the_loss_is_never_below_the_entropy_and_has_no_gradient_there() -> None:
    teacher = torch.randn(7, 7, generator=torch.Generator().manual_seed(3))
    student = teacher.clone().requires_grad_()
    loss = soft_loss(student, teacher)
    loss.backward()
    assert student.grad.abs().max() < 1e-7
    for seed in range(5):
        other = torch.randn(7, 7, generator=torch.Generator().manual_seed(seed + 10))
        assert soft_loss(other, teacher) > loss


def test_no_gradient_reaches_the_teacher() -> None:
    given = {name: x.requires_grad_() for name, x in sides().items()}
    Distillation(Distillation.Config(), given)(**given)["loss"].backward()
    assert given["left"].grad is not None
    assert given["teacher_left"].grad is None


@pytest.mark.long
def test_equals_open_clip() -> None:
    found = open_clip_alone.load()
    if found is None:
        pytest.skip("open_clip is not installed")
    given = {name: F.normalize(x, dim=-1) for name, x in sides(12).items()}
    block = Distillation(Distillation.Config(temperature=0.07, teacher_temperature=0.03), given)
    _, theirs = found[1].DistillClipLoss()(
        given["left"], given["right"], torch.tensor(1 / 0.07),
        given["teacher_left"], given["teacher_right"], torch.tensor(1 / 0.03),
    )  # fmt: skip
    torch.testing.assert_close(block(**given)["loss"], theirs, atol=1e-5, rtol=1e-5)
