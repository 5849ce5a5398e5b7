"""One test for the whole catalogue: a new block is tested without an edit here. What is asked: core.compiler.contract.checks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.blocks.block import Block, Objective
from core.blocks.catalog import blocks
from core.blocks.encoders import ai_sfx, open_clip_text
from core.blocks.encoders.open_clip_sizes import SIZES
from core.compiler.contract import checks

NEED_A_RUN = {"encoders.teacher"}  # tests/core/runs/test_teacher.py
KEYS = [key for key in blocks if key not in NEED_A_RUN]
OPTIONAL_PACKAGES = {"encoders.efficientnet_lite": "efficientnet_lite_pytorch"}


def small_published(patch: pytest.MonkeyPatch) -> None:
    """Published towers with few subwords and narrow layers: what a block keeps to does not depend on how many there are."""
    patch.setattr(open_clip_text, "VOCABULARY", 400)
    patch.setattr(ai_sfx, "CHANNELS", (1, 8, 16, 32, 64))
    smallest = SIZES["ViT-B/32"]
    narrow = replace(smallest.vision, width=96, hidden=192, heads=3)
    patch.setitem(SIZES, "ViT-B/32", replace(smallest, vision=narrow))


def build(key: str) -> tuple[Block, dict[str, object]]:
    if key in OPTIONAL_PACKAGES:
        pytest.importorskip(OPTIONAL_PACKAGES[key])
    return checks.built(blocks[key])


@pytest.fixture(autouse=True)
def _small_published(monkeypatch: pytest.MonkeyPatch) -> None:
    small_published(monkeypatch)


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest) -> None:
    key = request.node.callspec.params["key"]
    if key in OPTIONAL_PACKAGES and "declares" not in request.node.name and "nonsense" not in request.node.name:
        pytest.importorskip(OPTIONAL_PACKAGES[key])


@pytest.mark.parametrize("key", KEYS)
def test_declares_what_a_person_needs(key: str) -> None:
    checks.declares_what_a_person_needs(blocks[key])


@pytest.mark.parametrize("key", KEYS)
def test_every_parameter_gets_a_gradient(key: str) -> None:
    checks.gives_every_parameter_a_gradient(blocks[key])


@pytest.mark.parametrize("key", KEYS)
def test_shapes_on_meta_equal_the_real_ones(key: str) -> None:
    checks.has_on_meta_the_shapes_it_really_has(blocks[key])


@pytest.mark.parametrize("key", KEYS)
def test_state_round_trips(key: str) -> None:
    checks.comes_back_from_its_state(blocks[key])


@pytest.mark.filterwarnings("ignore:Mismatch dtype")  # a norm in float32 is not fused
@pytest.mark.parametrize("key", [key for key in KEYS if not issubclass(blocks[key], Objective)])
def test_gradients_in_bfloat16_point_where_those_in_float32_do(key: str) -> None:
    checks.points_the_same_way_in_bfloat16(blocks[key])


@pytest.mark.parametrize("key", KEYS)
def test_attention_rows_sum_to_one_and_reproduce_the_output(key: str) -> None:
    checks.shows_attention_that_is_true(blocks[key])


HOLDS_TOKENS = [key for key in KEYS if checks.holds_sequences(blocks[key])]
READS_PACKS = [key for key in KEYS if blocks[key].reads_packs]
ALONE = [key for key in KEYS if checks.is_alone(blocks[key])]


@pytest.mark.parametrize("key", ALONE)
def test_samples_do_not_mix(key: str) -> None:
    checks.mixes_no_samples(blocks[key])


@pytest.mark.parametrize("key", HOLDS_TOKENS)
def test_nothing_in_padding_changes_what_is_real(key: str) -> None:
    checks.ignores_padding(blocks[key])


@pytest.mark.parametrize("key", READS_PACKS)
def test_nothing_in_padding_of_packed_rows_changes_what_is_real(key: str) -> None:
    checks.ignores_padding_of_packed_rows(blocks[key])


@pytest.mark.parametrize("key", READS_PACKS)
def test_a_pack_is_each_of_its_documents_alone(key: str) -> None:
    checks.takes_a_pack_as_its_documents(blocks[key])


@pytest.mark.parametrize("key", ALONE)
def test_nothing_in_other_rows_changes_a_sample(key: str) -> None:
    checks.ignores_other_rows(blocks[key])


CAUSAL = [
    (key, further)
    for key in KEYS
    if blocks[key].causal_when is not None
    for further in checks.causal_settings(blocks[key])
]


@pytest.mark.parametrize(("key", "further"), CAUSAL, ids=str)
def test_the_whole_is_what_comes_step_by_step(key: str, further: dict[str, object]) -> None:
    checks.is_the_whole_of_its_steps(blocks[key], further)


@pytest.mark.parametrize("key", [key for key in KEYS if blocks[key].exact])
def test_float64_goes_through(key: str) -> None:
    checks.is_exact_in_float64(blocks[key])


@pytest.mark.parametrize("key", KEYS)
def test_knobs_refuse_nonsense(key: str) -> None:
    checks.refuses_nonsense(blocks[key])
