"""Words on the screen: ``tr("{n} runs", n=3)`` in the person's language.

Sources are English; translations are JSON files ``resources/translations/<language>/*.json`` of source to translation,
merged. Titles and help of blocks, knobs, monitors and habits go through the same function, so one table serves all.
Never build the source of ``tr`` with an f-string: a test reads the sources from the code.
"""

from __future__ import annotations

import json
from importlib import resources

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
_table: dict[str, str] = {}
_language = "en"


def language() -> str:
    """The language in use: ``en`` or ``zh_CN``."""
    return _language


def use_language(name: str) -> None:
    """Switch; widgets made afterwards speak it (the window is rebuilt)."""
    global _language
    _language = name if name in LANGUAGES else "en"
    _table.clear()
    _table.update(load_table(_language))


def load_table(name: str) -> dict[str, str]:
    """All translations into one language."""
    table: dict[str, str] = {}
    folder = resources.files("resources") / "translations" / name
    if name != "en" and folder.is_dir():
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".json"):
                table.update(json.loads(file.read_text(encoding="utf-8")))
    return table


def tr(source: str, /, **values: object) -> str:
    """The sentence in the person's language, with ``{name}`` fields filled in."""
    text = _table.get(source, source)
    return text.format(**values) if values else text
