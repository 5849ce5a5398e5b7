"""Quantities as people read them, with the same words everywhere: 2.1 M, 38 MFLOPs, 9.6 MiB, 61 s."""

from __future__ import annotations

from widgets.look.language import tr


def count(number: float) -> str:
    """A plain count in three figures: ``74 k``, ``2.1 M``; up to 9,999 as it is, with a comma."""
    return f"{number:,.0f}" if abs(number) < 10_000 else _scaled(number, ("", " k", " M", " G", " T", " P"))


def flops(number: float) -> str:
    """Floating-point operations: ``38 MFLOPs``."""
    return _scaled(number, (" FLOPs", " kFLOPs", " MFLOPs", " GFLOPs", " TFLOPs", " PFLOPs"))


def mebibytes(amount: float) -> str:
    """Memory given in mebibytes: ``9.6 MiB``, ``1.2 GiB``."""
    if amount < 1:
        return f"{amount * 1024:.0f} KiB"
    return _scaled(amount, (" MiB", " GiB", " TiB", " PiB"), step=1024)


def duration(seconds: float) -> str:
    """A time span: ``0.4 s``, ``61 s``, ``4 min``, ``2 h 10 min``."""
    if seconds < 90:
        return tr("{s} s", s=f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}")
    minutes = round(seconds / 60)
    return tr("{m} min", m=minutes) if minutes < 90 else tr("{h} h {m} min", h=minutes // 60, m=minutes % 60)


def number(value: float) -> str:
    """A setting's value without noise: ``0.001``, ``64``, ``1e-05``."""
    return f"{value:.6g}"


def _scaled(value: float, units: tuple[str, ...], step: int = 1000) -> str:
    size = float(value)
    for unit in units[:-1]:
        if abs(size) < step * 0.9995:
            return _figures(size) + unit
        size /= step
    return _figures(size) + units[-1]


def _figures(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if abs(value) < 9.95 else f"{value:.0f}"
