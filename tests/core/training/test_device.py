"""A device that is not here, or that holds no numbers, is refused in a sentence before anything is built."""

from __future__ import annotations

import pytest

from core.problems import Refused
from core.training.device import choose_device


@pytest.mark.parametrize("wish", ["meta", "cuda:99", "nonsense", "cpu:x"])
def test_what_cannot_compute_is_refused(wish: str) -> None:
    with pytest.raises(Refused, match="cannot be used here"):
        choose_device(wish)


def test_the_processor_is_always_there() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda")
