"""What every block keeps to, one function each: it takes the block's class and raises AssertionError where it is not so.

The catalogue's own test and the tests that come with a person's block (``studio new-block``) are these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.blocks.attention.kernel import kinds
from core.blocks.attention.options import AttentionKnobs
from core.blocks.block import Block, Objective
from core.blocks.values import main_tensor
from core.compiler.bfloat16 import in_bfloat16
from core.compiler.contract import measures
from core.compiler.specs import spec_of
from core.knobs import configure, knobs_of

Kind = type[Block]
SEQUENCES = ("tokens", "text", "pictures", "spectrogram", "waveform")


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One thing a block keeps to, and which blocks it is asked of."""

    name: str
    holds: Callable[[Kind], None]
    is_asked: Callable[[Kind], bool] = lambda cls: True


def built(cls: Kind, knobs: Mapping[str, Any] | None = None) -> tuple[Block, dict[str, Any]]:
    """A small block with weights from seed 0, and what it is tried on."""
    torch.manual_seed(0)
    example = cls.example()
    return cls(configure(cls.Config, cls.tiny() if knobs is None else knobs), example), example


def as_trained(value: Any) -> Any:
    """As if a block before it were trained."""
    return pytree.tree_map(
        lambda x: x.clone().requires_grad_() if isinstance(x, Tensor) and x.is_floating_point() else x, value
    )


def declares_what_a_person_needs(cls: Kind) -> None:
    """A title, a sentence, ports, help for every knob, and a key that names its file."""
    spec = spec_of(cls.key, cls, "objective" if issubclass(cls, Objective) else "block")
    assert cls.title, "it has no title"
    assert spec.summary.endswith("."), "its docstring's first line is no sentence"
    assert spec.takes, "it takes nothing"
    assert spec.gives, "it gives nothing"
    assert all(knob.help for knob in spec.knobs), "a knob has no help"
    assert cls.key.split(".")[1] == cls.__module__.rsplit(".", 1)[1], "the key must be folder.file"


def gives_every_parameter_a_gradient(cls: Kind) -> None:
    """As if a block before it were trained."""
    block, example = built(cls)
    incoming = {name: as_trained(value) for name, value in example.items()}
    made = block.train()(**incoming)
    assert set(made) == set(block.gives), f"it gives {sorted(made)}, not {sorted(block.gives)}"
    total = torch.stack([_main(value).float().pow(2).sum() for value in made.values()]).sum()
    if isinstance(block, Objective) and block.opposed:  # what learns against it has a loss of its own
        opposing = block.opposing(**incoming)
        assert opposing is not None
        total = total + opposing
    if total.requires_grad:  # what only chooses gives no gradient and has no parameters
        total.backward()
    lacking = [name for name, p in block.named_parameters() if p.requires_grad and p.grad is None]
    assert not lacking, f"no gradient reaches {', '.join(lacking)}"


def has_on_meta_the_shapes_it_really_has(cls: Kind) -> None:
    """So that the canvas shows them before any weight exists."""
    block, example = built(cls)
    on_meta = {name: pytree.tree_map(_to_meta, value) for name, value in example.items()}
    with torch.device("meta"):
        ghost = cls(configure(cls.Config, cls.tiny()), on_meta)
        shadow = ghost(**on_meta)
    for name, value in block.train()(**example).items():
        assert _shapes(value) == _shapes(shadow[name]), f"{name}: {_shapes(shadow[name])}, really {_shapes(value)}"
    assert [p.shape for p in block.parameters()] == [p.shape for p in ghost.parameters()]


def comes_back_from_its_state(cls: Kind) -> None:
    """Loaded from a checkpoint it gives the same, bit for bit."""
    block, example = built(cls)
    torch.manual_seed(1)
    other = cls(configure(cls.Config, cls.tiny()), example)
    other.load_state_dict(block.state_dict())
    made = []
    for module in (block, other):
        torch.manual_seed(2)  # what draws, draws the same
        made.append(module.eval()(**example))
    for name in made[0]:
        assert torch.equal(_main(made[0][name]), _main(made[1][name])), f"{name} is another after loading"


def points_the_same_way_in_bfloat16(cls: Kind) -> None:
    """Gradients under autocast lie along those in float32."""
    block, example = built(cls)
    found: list[Tensor] = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with in_bfloat16("cpu", enabled=enabled):
            made = [_main(value) for value in block.eval()(**example).values()]
        parts = [
            (x.float() * torch.linspace(-1, 1, x.numel()).view(x.shape)).sum() for x in made if x.is_floating_point()
        ]
        total = torch.stack(parts).sum() if parts else torch.zeros(())
        if not total.requires_grad:
            return
        block.zero_grad()
        total.backward()
        gradients = [p.grad.flatten().clone() for p in block.parameters() if p.grad is not None]
        if not gradients:
            return
        found.append(torch.cat(gradients))
    assert torch.nn.functional.cosine_similarity(found[0], found[1], dim=0) > 0.97


def shows_attention_that_is_true(cls: Kind) -> None:
    """Rows sum to one, and map times values is what went on (``watched`` raises where it is not)."""
    block, example = built(cls)
    torch.manual_seed(2)
    plain = block.eval()(**example)
    torch.manual_seed(2)
    watched, maps = block.watched(**example)
    for name in plain:
        torch.testing.assert_close(_main(plain[name]), _main(watched[name]), atol=1e-4, rtol=1e-3)
    for rows in maps.values():
        assert rows.ndim == 4
        torch.testing.assert_close(rows.sum(-1), torch.ones_like(rows.sum(-1)), atol=1e-3, rtol=0)


def mixes_no_samples(cls: Kind) -> None:
    """Changing one sample leaves the other's output alone (the fault of attention without batch_first)."""
    block, example = built(cls)
    block.eval()
    shaken = {name: pytree.tree_map(_shaken, value) for name, value in example.items()}
    before, after = block(**example), block(**shaken)
    for name in before:
        if cls.gives[name].kind != "loss":  # one number for the whole batch
            torch.testing.assert_close(_main(before[name])[0], _main(after[name])[0], atol=1e-5, rtol=1e-5)


def ignores_padding(cls: Kind) -> None:
    """Neither NaN nor garbage in padding changes what is real, in values and in gradients; and no gradient goes there."""
    for training in (False, True):
        block, example = built(cls)
        _assert_padding_is_ignored(block.train(training), measures.padded(example))


def ignores_padding_of_packed_rows(cls: Kind) -> None:
    """The same where rows hold several documents and end unevenly."""
    for training in (False, True):
        block, example = built(cls)
        _assert_padding_is_ignored(block.train(training), measures.packed(measures.padded(example)))


def takes_a_pack_as_its_documents(cls: Kind) -> None:
    """In values and gradients, as if every document had a row of its own."""
    block, example = built(cls)
    block.eval()
    together = measures.packed(measures.padded(example))
    apart = {name: measures.by_itself(value) for name, value in together.items()}
    found, wanted = (measures.measured(block, values, measures.real_of_each) for values in (together, apart))
    measures.assert_same(wanted, found)


def ignores_other_rows(cls: Kind) -> None:
    """Neither NaN nor garbage; gradients of weights are compared for garbage alone: a NaN times no gradient is a NaN there."""
    block, example = built(cls)
    block.eval()
    before = measures.measured(block, example, measures.first_row)
    garbage = measures.measured(block, measures.with_other_rows(example, 3.0), measures.first_row)
    measures.assert_same(before, garbage, 1e-4)
    spoiled = measures.with_other_rows(example, float("nan"))
    after = measures.measured(block, spoiled, measures.first_row, parameters=False)
    measures.assert_same({name: value for name, value in before.items() if name in after}, after)


def is_the_whole_of_its_steps(cls: Kind, further: Mapping[str, Any] | None = None) -> None:
    """For whatever says that it is causal: each place, in values and gradients, is the last of what came until then."""
    assert cls.causal_when is not None
    torch.manual_seed(0)
    example = measures.without_padding(cls.example())
    block = cls(configure(cls.Config, {**cls.tiny(), **cls.causal_when, **(further or {})}), example).double().eval()
    whole, by_steps = measures.whole_and_by_steps(block, example)
    measures.assert_same(whole, by_steps, 1e-9)


def is_exact_in_float64(cls: Kind) -> None:
    """What says that it is exact rounds nothing to float32 on the way, and gives what it was given."""
    block, example = built(cls)
    one_step, two_steps = measures.slopes(block.double().eval(), measures.in_float64(example))
    exact = [name for name, port in block.gives.items() if port.kind not in ("number", "codes")]
    assert all(one_step[name].dtype == torch.float64 for name in exact if name in one_step)
    for name, value in one_step.items():
        torch.testing.assert_close(value, two_steps[name], rtol=1e-5, atol=1e-6, msg=partial("{}: {}".format, name))


def refuses_nonsense(cls: Kind) -> None:
    """Every knob takes its default and nothing that is no value."""
    for knob in knobs_of(cls.Config):
        assert knob.problem_with(knob.default) == "", f"{knob.name} does not take its own default"
        assert knob.problem_with(object()), f"{knob.name} takes anything"


def causal_settings(cls: Kind) -> list[dict[str, Any]]:
    """Further settings under which a causal block is tried: each kind of attention that it may have."""
    if not issubclass(cls.Config, AttentionKnobs):
        return [{}]
    return [{}, *({"attention": kind} for kind in kinds if kind != "linear")]


def holds_sequences(cls: Kind) -> bool:
    """Whether padding can come in."""
    return any(port.kind in SEQUENCES for port in cls.takes.values())


def is_alone(cls: Kind) -> bool:
    """Whether a sample's output hangs on that sample only."""
    return not issubclass(cls, Objective) and not cls.mixes_samples


def _is_causal_throughout(cls: Kind) -> None:
    for further in causal_settings(cls):
        is_the_whole_of_its_steps(cls, further)


def _reads_packs(cls: Kind) -> bool:
    return cls.reads_packs


def _is_model(cls: Kind) -> bool:
    return not issubclass(cls, Objective)


PROMISES = (
    Promise(name="declares what a person needs", holds=declares_what_a_person_needs),
    Promise(name="refuses nonsense", holds=refuses_nonsense),
    Promise(name="gives every parameter a gradient", holds=gives_every_parameter_a_gradient),
    Promise(name="has on meta the shapes it really has", holds=has_on_meta_the_shapes_it_really_has),
    Promise(name="comes back from its state", holds=comes_back_from_its_state),
    Promise(name="points the same way in bfloat16", holds=points_the_same_way_in_bfloat16, is_asked=_is_model),
    Promise(name="shows attention that is true", holds=shows_attention_that_is_true),
    Promise(name="mixes no samples", holds=mixes_no_samples, is_asked=is_alone),
    Promise(name="ignores padding", holds=ignores_padding, is_asked=holds_sequences),
    Promise(name="ignores padding of packed rows", holds=ignores_padding_of_packed_rows, is_asked=_reads_packs),
    Promise(name="takes a pack as its documents", holds=takes_a_pack_as_its_documents, is_asked=_reads_packs),
    Promise(name="ignores other rows", holds=ignores_other_rows, is_asked=is_alone),
    Promise(
        name="is the whole of its steps", holds=_is_causal_throughout, is_asked=lambda cls: cls.causal_when is not None
    ),
    Promise(name="is exact in float64", holds=is_exact_in_float64, is_asked=lambda cls: cls.exact),
)


def _assert_padding_is_ignored(block: Block, example: measures.Values) -> None:
    before = measures.measured(block, example, measures.real)
    for fill in (float("nan"), measures.GARBAGE):
        spoiled = measures.with_padding(example, fill)
        measures.assert_same(before, measures.measured(block, spoiled, measures.real))


def _main(value: Any) -> Tensor:
    tensor = main_tensor(value)
    assert tensor is not None, f"{type(value).__name__} holds no tensor"
    return tensor


def _to_meta(leaf: Any) -> Any:
    return leaf.to("meta") if isinstance(leaf, Tensor) else leaf


def _shapes(value: Any) -> list[tuple[int, ...]]:
    return [tuple(leaf.shape) for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]


def _shaken(leaf: Any) -> Any:
    if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
        return leaf
    leaf = leaf.clone()
    leaf[1] = leaf[1] * 0.5 + 0.1
    return leaf
