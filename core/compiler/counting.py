"""FLOPs of what runs on meta tensors, counted as torch counts them, and an operation that was seen before is not worked out again.

PyTorch works out most shapes on meta in Python, up to four milliseconds for a norm, and a tower asks for the same ones in
every layer. What an operation gives follows from its arguments' shapes, strides and types: it is kept by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

MOST_KEPT = 20_000
PLAIN = (int, float, bool, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format)


@dataclass(frozen=True, slots=True)
class _Made:
    """One tensor that an operation gives."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    def again(self) -> Tensor:
        """A new one."""
        return torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device="meta")


@dataclass(frozen=True, slots=True)
class _Known:
    """What an operation gives, and its FLOPs."""

    gives: tuple[_Made | None, ...] | _Made
    flops: int

    def again(self) -> Any:
        """The same once more, in new memory."""
        if isinstance(self.gives, _Made):
            return self.gives.again()
        return tuple(None if made is None else made.again() for made in self.gives)


_known: dict[Any, _Known] = {}
_makes_new: dict[Any, bool] = {}  # operations whose results share no memory with what comes in


class Counting(TorchDispatchMode):
    """Counts FLOPs inside; the figures are those of ``torch.utils.flop_counter.FlopCounterMode``."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """One operation, below autograd."""
        kwargs = kwargs or {}
        key = _key(func, args, kwargs)
        known = None if key is None else _known.get(key)
        if known is not None:
            self.flops += known.flops
            return known.again()
        if func._overloadpacket not in flop_registry and func is not torch.ops.prim.device.default:
            with self:
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                return out
        out = func(*args, **kwargs)
        formula = flop_registry.get(func._overloadpacket)
        flops = 0 if formula is None else int(formula(*args, **kwargs, out_val=out))
        self.flops += flops
        if key is not None:
            _keep(key, out, flops)
        return out


def _key(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """By what it is known; None where what it gives does not follow from shapes alone."""
    if not _new(func):
        return None
    parts: list[Any] = [func, torch.get_default_dtype()]
    if not all(_add(parts, value) for value in args):
        return None
    for name, value in kwargs.items():
        parts.append(name)
        if not _add(parts, value):
            return None
    return tuple(parts)


def _add(parts: list[Any], value: Any) -> bool:
    """Put an argument into a key; False where it cannot be."""
    if isinstance(value, Tensor):
        if type(value) not in (Tensor, torch.nn.Parameter) or value.device.type != "meta" or value.is_sparse:
            return False
        parts += ("tensor", value.shape, value.stride(), value.dtype)
        return True
    if isinstance(value, list | tuple):
        parts.append(("list", len(value)))
        return all(_add(parts, each) for each in value)
    parts += (type(value), value)  # 1, 1.0 and True are three
    return isinstance(value, PLAIN)


def _new(func: Any) -> bool:
    """Whether an operation gives new memory only, and changes nothing."""
    found = _makes_new.get(func)
    if found is None:
        schema = func._schema
        shares = any(part.alias_info is not None for part in (*schema.arguments, *schema.returns))
        composite = torch._C._dispatch_has_kernel_for_dispatch_key(
            func.name(), torch._C.DispatchKey.CompositeImplicitAutograd
        )  # may give what came in
        tensors = bool(schema.returns) and all(
            str(part.type) in ("Tensor", "Optional[Tensor]") for part in schema.returns
        )
        found = _makes_new[func] = tensors and not shares and not composite
    return found


def _keep(key: Any, out: Any, flops: int) -> None:
    """Know what an operation gave."""
    gives: list[_Made | None] = []
    for tensor in out if isinstance(out, tuple | list) else (out,):
        if tensor is None:
            gives.append(None)
        elif type(tensor) is not Tensor or tensor.device.type != "meta" or tensor.storage_offset():
            return
        else:
            made = _Made(tuple(tensor.shape), tensor.stride(), tensor.dtype)
            if made.again().untyped_storage().nbytes() != tensor.untyped_storage().nbytes():
                return  # part of something larger: the bytes that are saved would be fewer
            gives.append(made)
    if len(_known) >= MOST_KEPT:
        _known.clear()
    _known[key] = _Known(tuple(gives) if isinstance(out, tuple | list) else gives[0], flops)  # type: ignore[arg-type]
