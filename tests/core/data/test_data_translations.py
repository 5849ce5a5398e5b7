from __future__ import annotations

import json
from pathlib import Path

import resources
from core.data.catalog import sources, transforms
from core.knobs import knobs_of


def test_every_word_of_sources_and_transforms_is_translated() -> None:
    folder = Path(next(iter(resources.__path__)), "translations", "zh_CN")
    table: dict[str, str] = {}
    for file in sorted(folder.glob("*.json")):
        table |= json.loads(file.read_text(encoding="utf-8"))
    missing = set()
    for _, cls in [*sources.items(), *transforms.items()]:
        said = [cls.title, (cls.__doc__ or "").strip().splitlines()[0]]
        said += [port.help for port in (*cls.takes.values(), *cls.gives.values())]
        for knob in knobs_of(cls.Config):
            said += [knob.title, knob.help, knob.unit, *knob.choices]
        missing |= {text for text in said if text and text not in table}
    assert not missing
