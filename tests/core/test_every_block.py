"""One test for the whole catalogue: a new block is tested without an edit here."""

from __future__ import annotations

import pytest
import torch
from torch.utils import _pytree as pytree

from core.blocks.attention.kernel import kinds
from core.blocks.attention.options import AttentionKnobs
from core.blocks.block import Block, Objective
from core.blocks.catalog import blocks
from core.blocks.values import main_tensor
from core.compiler.describe import vocabulary
from core.knobs import configure, knobs_of
from tests.core import contract

NEED_A_RUN = {"encoders.teacher"}  # tests/core/runs/test_teacher.py
KEYS = [key for key in blocks if key not in NEED_A_RUN]
OPTIONAL_PACKAGES = {"encoders.efficientnet_lite": "efficientnet_lite_pytorch"}


@pytest.fixture(autouse=True)
def _few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    contract.few_words(monkeypatch)


def build(key: str) -> tuple[Block, dict[str, object]]:
    if key in OPTIONAL_PACKAGES:
        pytest.importorskip(OPTIONAL_PACKAGES[key])
    cls = blocks[key]
    torch.manual_seed(0)
    example = cls.example()
    return cls(configure(cls.Config, cls.tiny()), example), example


def to_meta(value: object) -> object:
    return pytree.tree_map(lambda x: x.to("meta") if isinstance(x, torch.Tensor) else x, value)


def with_gradient(value: object) -> object:
    """As if a block before it were trained."""
    return pytree.tree_map(
        lambda x: x.clone().requires_grad_() if isinstance(x, torch.Tensor) and x.is_floating_point() else x, value
    )


@pytest.mark.parametrize("key", KEYS)
def test_declares_what_a_person_needs(key: str) -> None:
    spec = vocabulary()[key]
    assert spec.title
    assert spec.summary.endswith(".")
    assert spec.takes
    assert spec.gives
    assert all(knob.help for knob in spec.knobs)
    assert key.split(".")[1] == blocks[key].__module__.rsplit(".", 1)[1], "the key must be folder.file"


@pytest.mark.parametrize("key", KEYS)
def test_every_parameter_gets_a_gradient(key: str) -> None:
    block, example = build(key)
    incoming = {name: with_gradient(value) for name, value in example.items()}
    made = block.train()(**incoming)
    assert set(made) == set(block.gives)
    total = torch.stack([main_tensor(value).float().pow(2).sum() for value in made.values()]).sum()
    if isinstance(block, Objective) and block.opposed:  # what learns against it has a loss of its own
        total = total + block.opposing(**incoming)
    if total.requires_grad:  # what only chooses gives no gradient and has no parameters
        total.backward()
    lacking = [name for name, p in block.named_parameters() if p.requires_grad and p.grad is None]
    assert not lacking


@pytest.mark.parametrize("key", KEYS)
def test_shapes_on_meta_equal_the_real_ones(key: str) -> None:
    block, example = build(key)
    cls = blocks[key]
    on_meta = {name: to_meta(value) for name, value in example.items()}
    with torch.device("meta"):
        ghost = cls(configure(cls.Config, cls.tiny()), on_meta)
        shadow = ghost(**on_meta)
    real = block.train()(**example)
    for name, value in real.items():
        shapes = [tuple(x.shape) for x in pytree.tree_leaves(value) if isinstance(x, torch.Tensor)]
        assert shapes == [tuple(x.shape) for x in pytree.tree_leaves(shadow[name]) if isinstance(x, torch.Tensor)]
    assert [p.shape for p in block.parameters()] == [p.shape for p in ghost.parameters()]


@pytest.mark.parametrize("key", KEYS)
def test_state_round_trips(key: str) -> None:
    block, example = build(key)
    cls = blocks[key]
    torch.manual_seed(1)
    other = cls(configure(cls.Config, cls.tiny()), example)
    other.load_state_dict(block.state_dict())
    made = []
    for module in (block, other):
        torch.manual_seed(2)  # what draws, draws the same
        made.append(module.eval()(**example))
    first, second = made
    for name in first:
        assert torch.equal(main_tensor(first[name]), main_tensor(second[name]))


@pytest.mark.filterwarnings("ignore:Mismatch dtype")  # a norm in float32 is not fused
@pytest.mark.parametrize("key", [key for key in KEYS if not issubclass(blocks[key], Objective)])
def test_gradients_in_bfloat16_point_where_those_in_float32_do(key: str) -> None:
    block, example = build(key)
    found = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            made = [main_tensor(value) for value in block.eval()(**example).values()]
        total = sum(
            (x.float() * torch.linspace(-1, 1, x.numel()).view(x.shape)).sum() for x in made if x.is_floating_point()
        )
        if not isinstance(total, torch.Tensor) or not total.requires_grad:
            return
        block.zero_grad()
        total.backward()
        found.append(torch.cat([p.grad.flatten().clone() for p in block.parameters() if p.grad is not None]))
    assert torch.nn.functional.cosine_similarity(*found, dim=0) > 0.97


@pytest.mark.parametrize("key", KEYS)
def test_attention_rows_sum_to_one_and_reproduce_the_output(key: str) -> None:
    block, example = build(key)
    torch.manual_seed(2)
    plain = block.eval()(**example)
    torch.manual_seed(2)
    watched, maps = block.watched(**example)  # raises where map times values is not what the layer passed on
    for name in plain:
        torch.testing.assert_close(main_tensor(plain[name]), main_tensor(watched[name]), atol=1e-4, rtol=1e-3)
    for rows in maps.values():
        assert rows.ndim == 4
        torch.testing.assert_close(rows.sum(-1), torch.ones_like(rows.sum(-1)), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "key", [key for key in KEYS if not issubclass(blocks[key], Objective) and not blocks[key].mixes_samples]
)
def test_samples_do_not_mix(key: str) -> None:
    """Changing one sample leaves the other's output alone (the fault of attention without batch_first)."""
    block, example = build(key)
    block.eval()

    def shaken(value: object) -> object:
        def shake(x: object) -> object:
            if not isinstance(x, torch.Tensor) or not x.is_floating_point():
                return x
            x = x.clone()
            x[1] = x[1] * 0.5 + 0.1
            return x

        return pytree.tree_map(shake, value)

    before, after = block(**example), block(**{name: shaken(value) for name, value in example.items()})
    for name in before:
        if blocks[key].gives[name].kind == "loss":
            continue  # one number for the whole batch
        torch.testing.assert_close(main_tensor(before[name])[0], main_tensor(after[name])[0], atol=1e-5, rtol=1e-5)


HOLDS_TOKENS = [
    key
    for key in KEYS
    if any(
        port.kind in ("tokens", "text", "pictures", "spectrogram", "waveform") for port in blocks[key].takes.values()
    )
]
READS_PACKS = [key for key in KEYS if blocks[key].reads_packs]
ALONE = [key for key in KEYS if not issubclass(blocks[key], Objective) and not blocks[key].mixes_samples]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("key", HOLDS_TOKENS)
def test_nothing_in_padding_changes_what_is_real(key: str, training: bool) -> None:
    """Neither NaN nor garbage, in values and in gradients; and no gradient goes there."""
    block, example = build(key)
    block.train(training)
    example = contract.padded(example)
    before = contract.measured(block, example, contract.real)
    for fill in (float("nan"), contract.GARBAGE):
        contract.assert_same(before, contract.measured(block, contract.with_padding(example, fill), contract.real))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("key", READS_PACKS)
def test_nothing_in_padding_of_packed_rows_changes_what_is_real(key: str, training: bool) -> None:
    """The same where rows hold several documents and end unevenly."""
    block, example = build(key)
    block.train(training)
    example = contract.packed(contract.padded(example))
    before = contract.measured(block, example, contract.real)
    for fill in (float("nan"), contract.GARBAGE):
        contract.assert_same(before, contract.measured(block, contract.with_padding(example, fill), contract.real))


@pytest.mark.parametrize("key", READS_PACKS)
def test_a_pack_is_each_of_its_documents_alone(key: str) -> None:
    """In values and gradients, as if every document had a row of its own."""
    block, example = build(key)
    block.eval()
    together = contract.packed(contract.padded(example))
    apart = {name: contract.by_itself(value) for name, value in together.items()}
    found, wanted = (contract.measured(block, values, contract.real_of_each) for values in (together, apart))
    contract.assert_same(wanted, found)


@pytest.mark.parametrize("key", ALONE)
def test_nothing_in_other_rows_changes_a_sample(key: str) -> None:
    """Neither NaN nor garbage; gradients of weights are compared for garbage alone: a NaN times no gradient is a NaN there."""
    block, example = build(key)
    block.eval()
    before = contract.measured(block, example, contract.first_row)
    garbage = contract.measured(block, contract.with_other_rows(example, 3.0), contract.first_row)
    contract.assert_same(before, garbage, 1e-4)
    spoiled = contract.with_other_rows(example, float("nan"))
    after = contract.measured(block, spoiled, contract.first_row, parameters=False)
    contract.assert_same({name: value for name, value in before.items() if name in after}, after)


CAUSAL = [(key, {}) for key in KEYS if blocks[key].causal_when is not None]
CAUSAL += [
    (key, {"attention": kind})
    for key, _ in CAUSAL
    if issubclass(blocks[key].Config, AttentionKnobs)
    for kind in kinds
    if kind != "linear"
]


@pytest.mark.parametrize(("key", "further"), CAUSAL, ids=str)
def test_the_whole_is_what_comes_step_by_step(key: str, further: dict[str, object]) -> None:
    """For whatever says that it is causal: each place, in values and gradients, is the last of what came until then."""
    cls = blocks[key]
    assert cls.causal_when is not None
    torch.manual_seed(0)
    example = contract.without_padding(cls.example())
    block = cls(configure(cls.Config, {**cls.tiny(), **cls.causal_when, **further}), example).double().eval()
    whole, by_steps = contract.whole_and_by_steps(block, example)
    contract.assert_same(whole, by_steps, 1e-9)


@pytest.mark.parametrize("key", [key for key in KEYS if blocks[key].exact])
def test_float64_goes_through(key: str) -> None:
    """What says that it is exact rounds nothing to float32 on the way, and gives what it was given."""
    block, example = build(key)
    one_step, two_steps = contract.slopes(block.double().eval(), contract.in_float64(example))
    exact = [name for name, port in block.gives.items() if port.kind not in ("number", "codes")]
    assert all(one_step[name].dtype == torch.float64 for name in exact if name in one_step)
    for name, value in one_step.items():
        torch.testing.assert_close(
            value, two_steps[name], rtol=1e-5, atol=1e-6, msg=lambda text, n=name: f"{n}: {text}"
        )


@pytest.mark.parametrize("key", KEYS)
def test_knobs_refuse_nonsense(key: str) -> None:
    for knob in knobs_of(blocks[key].Config):
        assert knob.problem_with(knob.default) == ""
        assert knob.problem_with(object())
