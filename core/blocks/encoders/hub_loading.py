"""The one place where anything is loaded through transformers: safetensors only, never code from a hub, local unless asked.

Opening or checking an experiment never touches the network: on meta tensors only a configuration that lies on this machine
is read. Weights may be fetched when a run is built and the block was told that it may ask (``local_only`` off), or by
``python -m studio fetch``. ``HF_HUB_OFFLINE`` of the environment does not change that.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from core.pretrained import locate
from core.problems import refuse
from core.torchaudio_import import prepare_torchaudio

MOST_BYTES = 16 << 20  # of a config.json
MOST_COUNT = 1_000_000
_COUNTED = re.compile(r'"([a-z_]*(?:labels|layers?|blocks|stages|depths?))"\s*:\s*\+?(\d+)(?![.\deE])')
FETCHED = ("*.json", "*.safetensors", "*.txt", "*.model")  # never *.bin, *.pt, *.py


def transformers_module() -> Any:
    """transformers, imported once (it takes seconds), offline and quiet, whoever imported it first; a person's own
    TRANSFORMERS_VERBOSITY holds."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    is_chosen = "TRANSFORMERS_VERBOSITY" in os.environ
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    prepare_torchaudio()
    library = importlib.import_module("transformers")
    if not is_chosen:
        library.logging.set_verbosity_error()
    _set_offline(True)
    return library


def _set_offline(offline: bool) -> None:
    """The hub's library reads its environment when it is first imported, and this ever after."""
    setattr(importlib.import_module("huggingface_hub.constants"), "HF_HUB_OFFLINE", offline)  # noqa: B010


@contextmanager
def _online() -> Iterator[None]:
    _set_offline(False)
    try:
        yield
    finally:
        _set_offline(True)


def only_shapes() -> bool:
    """Whether modules are built on meta tensors now: nothing but their sizes is wanted."""
    return torch.empty(0).device.type == "meta"


def config_from(cls: Any, source: str, *, may_ask: bool = False) -> Any:
    """A configuration by its class. Raises OSError or ValueError where it is not there or not one."""
    return _loaded(cls, source, may_ask and not only_shapes(), {})


def weights_from(cls: Any, source: str, *, may_ask: bool = False, **more: Any) -> tuple[Any, Mapping[str, Any]]:
    """A model by its class, and what was missing. Raises OSError or ValueError where it is not there or not one."""
    return _loaded(cls, source, may_ask, {"use_safetensors": True, "output_loading_info": True, **more})  # type: ignore[no-any-return]


def _loaded(cls: Any, source: str, may_ask: bool, more: Mapping[str, Any]) -> Any:
    words = {"local_files_only": not may_ask, "trust_remote_code": False, **more}
    place = locate(source)
    _want_modest(Path(place, "config.json"))
    try:
        if not may_ask:
            return cls.from_pretrained(place, **words)
        with _online():
            return cls.from_pretrained(place, **words)
    except json.JSONDecodeError as error:
        raise ValueError(f"its config.json is not valid JSON: {error}") from error
    except (OSError, ValueError):
        raise
    except Exception as error:  # a damaged config.json or tensor file, in the words of whichever library met it
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _want_modest(config: Path) -> None:
    """Raise ValueError for a ``config.json`` that alone would fill the memory: transformers makes a list of every count
    of labels and layers before anything is built.
    """
    if not config.is_file():
        return
    if config.stat().st_size > MOST_BYTES:
        raise ValueError(f"its config.json is larger than {MOST_BYTES >> 20} MiB")
    with config.open(encoding="utf-8", errors="replace") as text:
        for name, count in _COUNTED.findall(text.read()):
            if len(count) > len(str(MOST_COUNT)) or int(count) > MOST_COUNT:
                raise ValueError(f"its config.json asks for {name} = {count[:20]}; {MOST_COUNT:,} is the most")


def fetch(source: str) -> str:
    """Bring a hub's model into the local cache: configuration, tokenizer and safetensors. Gives the folder. Raises Refused."""
    transformers_module()
    hub = importlib.import_module("huggingface_hub")
    try:
        with _online():
            return str(hub.snapshot_download(source, allow_patterns=list(FETCHED)))
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise refuse(
            f"{source} could not be fetched: {first}", hint="Check the id and the network connection."
        ) from error
