"""YAML of others as plain values: no tag makes an object, and what has one is taken for what it is written as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from core.problems import refuse

MOST_BYTES = 1 << 20


class _Plain(yaml.SafeLoader):
    """Knows no kinds but YAML's own."""


def _as_written(loader: _Plain, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


_Plain.add_multi_constructor("", _as_written)


def mapping_in(path: Path) -> dict[str, Any]:
    """What a file says, by name. Raises Refused where it is no such file."""
    if path.stat().st_size > MOST_BYTES:
        raise refuse(f"{path} is larger than {MOST_BYTES >> 20} MB.")
    try:
        loader = _Plain(path.read_text(encoding="utf-8", errors="replace"))
        try:
            found = loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise refuse(f"{path} is no YAML file: {type(error).__name__}.") from error
    return {str(name): value for name, value in found.items()} if isinstance(found, dict) else {}
