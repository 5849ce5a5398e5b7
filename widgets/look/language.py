"""Words on the screen: ``tr("{n} runs", n=3)`` in the person's language.

Sources are English; translations are JSON files ``resources/translations/<language>/*.json`` of source to translation,
merged. Titles and help of blocks, knobs, monitors and callbacks go through the same function, so one table serves all.
Never build the source of ``tr`` with an f-string: a test reads the sources from the code.

A word that means one thing here and another there is said with its context: ``tr("hidden", "port")`` looks for
``port/hidden`` first. The English table ``translations/en`` holds what is shown in place of a name of the file format.

What core says with values in it (a Problem, a line of the log) reaches the screen as a finished English sentence;
``said`` recognises it by the templates of the same tables, such as ``{a} is not there.``
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from string import Formatter

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
_table: dict[str, str] = {}
_language = "en"

MOST_CHARACTERS = 2000  # of a sentence that is recognised
MOST_FIELDS = 12  # of a template
MOST_WORDS = 6  # of a word of several words, such as the name of a kind of folder
FEWEST_LETTERS = 4  # of a template with several fields that may be a whole sentence
MOST_PARTS = 8  # sentences in one text
DEEPEST = 3  # sentences inside values of sentences


def language() -> str:
    """The language in use: ``en`` or ``zh_CN``."""
    return _language


def use_language(name: str) -> None:
    """Switch; widgets made afterwards speak it (the window is rebuilt)."""
    global _language
    _language = name if name in LANGUAGES else "en"
    _table.clear()
    _table.update(load_table(_language))
    _templates.cache_clear()
    _recognised.cache_clear()


def load_table(name: str) -> dict[str, str]:
    """All translations into one language; into English, of names that the file format keeps."""
    table: dict[str, str] = {}
    folder = resources.files("resources") / "translations" / name
    if folder.is_dir():
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".json"):
                table.update(json.loads(file.read_text(encoding="utf-8")))
    return table


def tr(source: str, context: str = "", /, **values: object) -> str:
    """The sentence in the person's language, with ``{name}`` fields filled in; where there is one, that of its context."""
    text = _table.get(f"{context}/{source}") if context else None
    if text is None:
        text = _table.get(source, source)
    return filled(text, values) if values else text


def in_a_row(*sentences: str) -> str:
    """Sentences one behind the other: with a space between, but for behind a Chinese mark, which has its own."""
    made = ""
    for sentence in filter(None, sentences):
        made += f" {sentence}" if made and made[-1] not in "。！？：；，" else sentence
    return made


def filled(text: str, values: Mapping[str, object]) -> str:
    """A template with its fields filled in; between a Latin value and a Chinese character there is a space."""
    made = ""
    for literal, name, form, _ in Formatter().parse(text):
        made += _spaced(made, literal)
        if name is not None:
            made += _spaced(made, format(values[name], form or ""))
    return made


def _spaced(before: str, after: str) -> str:
    """What follows, behind a space where a Chinese character and a Latin one would touch."""
    if before and after and {_script(before[-1]), _script(after[0])} == {"chinese", "latin"}:
        return f" {after}"
    return after


def _script(character: str) -> str:
    if "\u4e00" <= character <= "\u9fff":
        return "chinese"
    return "latin" if character.isascii() and (character.isalnum() or character in "%_$") else ""


def said(sentence: str) -> str:
    """A finished sentence of core in the person's language; as it is where no table knows it. Never raises.

    Where several templates fit, the one with the most letters of its own is taken. Several sentences in one text, lines,
    and a place in front (``vit.image: ...``) are recognised; so are values that are sentences or words themselves.
    """
    if _language == "en" or not sentence or len(sentence) > MOST_CHARACTERS:
        return sentence
    return _recognised(sentence, 0)[0]


@dataclass(frozen=True)
class _Template:
    """Literal parts around the fields ``{a}``, ``{b}``, ...; their letters; and the translation."""

    literals: tuple[str, ...]
    translation: str

    @property
    def weight(self) -> int:
        """Letters of its own."""
        return sum(map(len, self.literals))

    def values_in(self, sentence: str) -> dict[str, str] | None:
        """What stands in the fields, each as short as can be; None where the sentence is another one.

        The literal parts are looked for one after the other, so the time grows with the sentence's length only.
        """
        first, *between, last = self.literals
        end = len(sentence) - len(last)
        if not (sentence.startswith(first) and sentence.endswith(last)):
            return None
        found, at = [], len(first)
        for literal in between:
            place = _end_of_words(sentence, at, end) if literal == " " else sentence.find(literal, at, end)
            if place < 0:
                return None
            found.append(sentence[at:place])
            at = place + len(literal)
        if at > end:
            return None
        return {_letter(number): value for number, value in enumerate([*found, sentence[at:end]])}


def _end_of_words(sentence: str, at: int, end: int) -> int:
    """The blank behind the longest run of words that a table knows (``folder of pictures``), else the first blank; -1: none."""
    first = place = sentence.find(" ", at, end)
    best = first
    for _ in range(MOST_WORDS):
        if place < 0:
            break
        best = place if sentence[at:place] in _table else best
        place = sentence.find(" ", place + 1, end)
    return best


def _letter(number: int) -> str:
    return chr(ord("a") + number)


@cache
def _templates() -> dict[str, list[_Template]]:
    """Those of the language in use by a word that only such sentences have; by the empty word, those without one."""
    made = (_template(source, translation) for source, translation in _table.items() if "{" in source)
    by_word: dict[str, list[_Template]] = {}
    for each in (each for each in made if each is not None):
        whole = re.findall(r"(?<![A-Za-z\0])[A-Za-z]+(?![A-Za-z\0])", "\0".join(each.literals))
        by_word.setdefault(max(whole, key=len, default=""), []).append(each)
    return by_word


def _templates_for(text: str) -> list[_Template]:
    """Those that may fit, the most specific first."""
    by_word = _templates()
    found = [each for word in {"", *re.findall("[A-Za-z]+", text)} for each in by_word.get(word, ())]
    return sorted(found, key=lambda each: -each.weight)


def _template(source: str, translation: str) -> _Template | None:
    """A source whose fields are ``{a}``, ``{b}``, ... in order; None for another, and where the translation has not the same."""
    try:
        pieces = list(Formatter().parse(source))
        translated = {name for _, name, _, _ in Formatter().parse(translation) if name is not None}
    except ValueError:
        return None
    names = [name for _, name, _, _ in pieces if name is not None]
    if (
        not 0 < len(names) <= MOST_FIELDS
        or names != [_letter(number) for number in range(len(names))]
        or translated != set(names)
    ):
        return None
    literals, rest = [], ""
    for literal, name, _, _ in pieces:
        rest += literal
        if name is not None:
            literals.append(rest)
            rest = ""
    return _Template((*literals, rest), translation)


@lru_cache(maxsize=4096)
def _recognised(text: str, depth: int) -> tuple[str, int]:
    """The text in the language in use, and how many of its letters a table knew."""
    if text in _table:
        return _table[text], len(text)
    number, _, unit = text.partition(" ")
    if depth and unit in _table and re.fullmatch(r"[-+.,\de]+", number):
        return f"{number} {_table[unit]}", len(text)
    if depth > DEEPEST:
        return text, 0
    if "\n" in text:
        lines = [_recognised(line, depth + 1) for line in text.split("\n")]
        return "\n".join(line for line, _ in lines), sum(known for _, known in lines)
    best = _by_template(text, depth)
    for other in (_behind_a_place(text, depth), _one_after_another(text, depth)):
        best = other if other[1] > best[1] else best
    return best


def _by_template(text: str, depth: int) -> tuple[str, int]:
    for template in _templates_for(text):
        if not depth and template.weight <= FEWEST_LETTERS and len(template.literals) > 2:
            continue  # "{a} at {b}": part of a sentence; a whole one would be taken apart anywhere
        values = template.values_in(text)
        if values is not None:
            shown = {name: _recognised(value, depth + 1)[0] for name, value in values.items()}
            return filled(template.translation, shown), template.weight
    return text, 0


def _behind_a_place(text: str, depth: int) -> tuple[str, int]:
    """``vit.image: sentence``, as problems are said where there is one line for all."""
    place = re.match(r"[\w.-]{1,80}: ", text)
    if place is None:
        return text, 0
    rest, known = _recognised(text[place.end() :], depth + 1)
    return place.group() + rest, known


def _one_after_another(text: str, depth: int) -> tuple[str, int]:
    """A sentence and its hint: where both parts are known, and know more of it than one template does."""
    best = text, 0
    ends = [found.end() for found in re.finditer(r"[.?!] ", text)][:MOST_PARTS]
    for end in ends:
        left, of_left = _table.get(text[: end - 1]), end - 1
        if left is None:
            left, of_left = _by_template(text[: end - 1], depth)
        if of_left:
            right, of_right = _recognised(text[end:], depth + 1)
            if of_right and of_left + of_right > best[1]:
                best = in_a_row(left, right), of_left + of_right
    return best
