"""What blocks, training options and diagnostics measure has a name in the person's language wherever it stands."""

from __future__ import annotations

import re

import pytest

from tests.figure_names import figure_names
from widgets.library.columns import metric_title as column_title
from widgets.look.figures import figure_name
from widgets.look.language import use_language
from widgets.look.sides import metric_words
from widgets.monitors.metric_names import metric_title

NAMES = {
    name: file for name, file in figure_names().items() if not file.endswith("telemetry/device.py") and "{" not in name
}
OWN = r"R@\d+|mAP|[rg]?FID|KID|PSNR|SSIM|FLOPs|GPU|CLIP|KL|chrF|Spearman"  # as they are written in every language


@pytest.fixture(autouse=True)
def _chinese():
    use_language("zh_CN")
    yield
    use_language("en")


def left_in_english(words: str) -> list[str]:
    return re.findall("[A-Za-z]{2,}", re.sub(OWN, "", words))


def test_names_are_found() -> None:
    assert {"chance error", "effective rank", "kept keys found", "exact match", "chance CLIP score"} <= set(NAMES)
    assert len(NAMES) > 50


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_figure_is_named_in_chinese(name: str) -> None:
    parts = [part if part.strip() != "whole-clip" else "whole-clip mAP" for part in name.strip().split("/")]
    series = "/".join(parts) if len(parts) > 1 else f"score/test/block/{parts[0]}"
    for words in (
        figure_name(parts[-1]),
        metric_title(series, {"block": "块"}),
        column_title(f"score/test/x/{parts[-1]}"),
    ):
        assert not left_in_english(words.replace("block", "")), (name, words, NAMES[name])


def test_what_guessing_gives_is_said_of_any_figure() -> None:
    assert metric_words("score/test/x/chance error").endswith("预测误差（随机水平）")
    assert figure_name("training FID") == "FID（训练图像）"
    use_language("en")
    assert figure_name("chance exact match") == "exact match (chance level)"
    assert metric_title("accuracy/x", {"x": "InfoNCE"}) == "accuracy in the batch · InfoNCE"
    assert metric_words("score/test/x/accuracy").endswith("accuracy")
