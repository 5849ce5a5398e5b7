"""A sweep of the gallery opens in the person's language: its axes, its configurations and the baseline among them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from core.graph import edits
from core.graph.configurations import grid_configurations
from core.graph.document import Document
from core.runs.verdict import bases_of, rows_of
from core.store.answers import TrialFacts
from studio.open.documents import examples, find_document, in_language
from widgets.look.language import use_language

SWEEPS = {example.key: example.document for example in examples() if example.document.sweep}
NAMES = re.compile(
    r"InfoNCE|SigLIP|TokenLearner|Q-Former|ToMe|Perceiver|SDPA|bfloat16|int8|k-means|FLIP|sigmoid|FSQ|VQGAN|VQ-VAE|VQ|LoRA|Whisper|flow matching"
)


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    use_language("zh_CN")
    yield
    use_language("en")


def bases(document: Document) -> list[int]:
    """For every configuration the place of the one that it is compared with."""
    assert document.sweep is not None
    configurations = grid_configurations(document.sweep)
    trials = [
        TrialFacts(number=n, configuration=configuration.as_json(), seed=0, state="finished", value=0.5)
        for n, configuration in enumerate(configurations)
    ]
    found = bases_of(rows_of(trials), document.sweep.baseline)
    names = [configuration.name for configuration in configurations]
    return [names.index(found[name].configuration.name) for name in names]


@pytest.mark.parametrize("key", SWEEPS)
def test_a_sweep_speaks_chinese_and_means_the_same(key: str) -> None:
    english, opened = SWEEPS[key], in_language(SWEEPS[key])
    assert english.sweep is not None
    assert opened.sweep is not None
    said = [opened.sweep.baseline]
    for axis in opened.sweep.axes:
        said += [axis.title, *(change.name for change in axis.changes)]
    assert [text for text in said if re.search(r"[A-Za-z]{3,}", NAMES.sub("", text))] == []
    before, after = grid_configurations(english.sweep), grid_configurations(opened.sweep)
    assert [(configuration.values, configuration.muted, configuration.bypassed) for configuration in after] == [
        (configuration.values, configuration.muted, configuration.bypassed) for configuration in before
    ]
    assert len({configuration.name for configuration in after}) == len(after)
    assert bases(opened) == bases(english)


def test_a_baseline_named_by_a_point_of_one_axis_or_of_all() -> None:
    opened = {key: in_language(document).sweep for key, document in SWEEPS.items()}
    assert {key: sweep.baseline for key, sweep in opened.items() if sweep and sweep.baseline} == {
        "whisper_frames_sweep": "每 5 帧堆叠", "spoken_digits_sweep": "对数梅尔，从零训练", "key_and_chords": "第 1 组",
        "temperature_sweep": "温度 τ 0.07", "token_compression_sweep": "平均池化", "cross_attention_memory_sweep": "朴素",
        "early_late_cost_sweep": "早期", "joint_sources_sweep": "两者", "code_book_sweep": "VQ，256 个条目",
        "noise_paths_sweep": "加噪路径 flow matching", "vqgan_sweep": "VQ-VAE：像素", "crops_sweep": "不裁剪", "connectors_sweep": "多层感知机",
        "adapters_sweep": "仅连接器",
        "space_time_cost_sweep": "联合",
    }  # fmt: skip


def test_an_example_that_nobody_changed_follows_the_windows_language(sit_down) -> None:
    use_language("en")
    person = sit_down(find_document("mini_clip"))
    person.window.use_language("zh_CN")
    document = person.session.document
    assert (document.name, document.nodes["pool"].title) == ("表情符号上的 mini-CLIP", "图像池化")
    assert not person.session.history.is_changed
    person.session.edit(edits.set_recipe(document, steps=7), "Steps")
    person.window.use_language("en")
    assert person.session.document.nodes["pool"].title == "图像池化", "a person's own is never changed"
