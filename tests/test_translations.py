"""Every word of the window has its Chinese: what code says through ``tr``, what catalogues declare, what examples tell.

The words are read from the code and the catalogues, so a new block, knob, monitor or command is held with no test edited.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

import resources
from core.advice.proposal import ORDER as SURE
from core.data.splitting import SHARES
from core.graph.cheaper.plan import plans
from core.graph.document import Document
from core.graph.paths import mix_knobs
from core.graph.ports import KINDS, MODALITIES
from core.graph.recipe import Part, Recipe
from core.graph.subgraphs.definitions import ENTRY, EXIT, block_of
from core.graph.subgraphs.levels import level
from core.graph.subgraphs.specs import words_of
from core.graph.vocabulary import Vocabulary
from core.inference.scoring import CLASS, COSINE, MATCH, PAIR
from core.knobs import Knob, knobs_of
from core.runs.declared import declared_vocabulary
from core.telemetry.device import QUANTITIES
from core.torchaudio_import import Found as TorchaudioFound
from studio.actions.action import actions
from studio.asking.budgeting import PHASES
from studio.open.documents import OTHERS, examples, families
from studio.telling.health import OPTIONAL
from studio.window.dialogs import MOUSE
from studio.window.menus import MENUS
from studio.window.pages import Pages
from tests import code
from tests.code import ROOT
from tests.said_sentences import nouns, said_sentences
from tests.subgraphs import two_copies
from widgets.budget.sheet import PARTS
from widgets.data_panel import SPLITS
from widgets.inspection import desk, faithful
from widgets.inspection.values import ROWS, WAYS
from widgets.library.columns import STATUS_WORDS
from widgets.look.language import load_table
from widgets.monitors.catalog import monitors
from widgets.monitors.curves.device import UNITS
from widgets.monitors.monitor import Monitor
from widgets.monitors.pairs import retrieval
from widgets.sweeps.words import METRICS

TABLES = Path(next(iter(resources.__path__)), "translations", "zh_CN")
ROOMS = ("core", "studio", "widgets")
PROBLEMS = {"Problem": ("what", "hint"), "Fix": ("text",), "refuse": ("what", "hint")}

SHOWS = frozenset({
    "QLabel", "QPushButton", "QToolButton", "QCheckBox", "QAction", "QMenu", "QGroupBox", "setText", "setToolTip", "setWindowTitle",
    "setPlaceholderText", "setAccessibleName", "setAccessibleDescription", "addTab", "setTitle", "show_message", "say",
})  # fmt: skip
NAMES = ("Crossmodal Studio", "arXiv ")
OTHER_SPLITS = ("style", "seen", "held out")  # a second artist's drawings; what diagnostics and callbacks exhibit

# Proper names and terms that a Chinese paper writes in Latin letters, too.
SAME_IN_CHINESE = frozenset({
    "AdamW", "AiSFX", "CREPE", "YIN", "SlowFast", "BERT", "CTC", "DAC", "EnCodec", "GELU", "Mimi", "NT-Xent", "ReLU", "CLIP", "EfficientNet-Lite0", "ImageNet", "InfoNCE", "OpenMoji", "ResNet", "SGD", "SigLIP", "Twemoji",
    "ViT", "MiB", "R@1", "R@5", "R@10", "SimVQ", "TFLOPs", "Twemoji, CC BY 4.0", "bert", "resnet", "vit", "中文 / English", "Alpha", "EVA-02", "ConvNeXt V2", "Grad-CAM", "logits", "Flamingo", "Hz", "IDEFICS", "HuBERT", "LAMB", "NaViT", "Wav2Vec2", "WavLM", "bfloat16", "int8", "sigmoid",
    "ViT-B/16", "ViT-B/32", "ViT-H/14", "ViT-L/14", "ViT-L/14 336", "ViT-bigG/14", "ViT-g/14",
})  # fmt: skip


def spoken_in(file: str, name: str) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Every call of ``name`` with its first argument."""
    for call in code.calls(ROOT / file):
        if isinstance(call.func, ast.Name) and call.func.id == name and call.args:
            yield call, call.args[0]


def literals(expression: ast.expr | None) -> list[str]:
    """The string an expression is, or the two between which it chooses."""
    if isinstance(expression, ast.IfExp):
        return literals(expression.body) + literals(expression.orelse)
    return [expression.value] if isinstance(expression, ast.Constant) and isinstance(expression.value, str) else []


def said_by(file: str, name: str) -> Iterator[str]:
    """Strings written out in a function, its docstring aside."""
    for function in code.nodes(ROOT / file):
        if isinstance(function, ast.FunctionDef) and function.name == name:
            lines = function.body[1:] if ast.get_docstring(function) else function.body
            nodes = [node for line in lines for node in ast.walk(line)]
            pieces = {id(piece) for node in nodes if isinstance(node, ast.JoinedStr) for piece in node.values}
            for node in nodes:
                if isinstance(node, ast.Constant) and id(node) not in pieces:
                    yield from literals(node)


@cache
def trees() -> dict[str, ast.Module]:
    """Every source file, parsed."""
    return {str(file.relative_to(ROOT)): code.tree(file) for file in code.files(*ROOMS)}


def words_of_code() -> Iterator[tuple[str, str]]:
    """Literals handed to ``tr``."""
    for file in trees():
        for _, argument in spoken_in(file, "tr"):
            for text in literals(argument):
                yield text, file


def words_of_problems() -> Iterator[tuple[str, str]]:
    """Sentences of Problems that are written out; those with values in them are templates (``tests.said_sentences``)."""
    for file, name in ((file, name) for file in trees() if file.startswith("core/") for name in PROBLEMS):
        for call in code.calls(ROOT / file):
            if not (isinstance(call.func, ast.Name) and call.func.id == name):
                continue
            said = [keyword.value for keyword in call.keywords if keyword.arg in PROBLEMS[name]]
            said += call.args[:1] if name == "refuse" else []
            for text in (text for expression in said for text in literals(expression)):
                yield text, file


def words_of_sentences() -> Iterator[tuple[str, str]]:
    """What core and studio say with values in it, as templates; sentences of exceptions and of the log; words put into them."""
    yield from said_sentences(trees())
    yield from nouns(trees())


def words_of_details() -> Iterator[tuple[str, str]]:
    """Words of the short line under a node's title, between ``·``; letters with figures (``w192 d6``) are no words."""
    for file in (file for file in trees() if file.startswith("core/blocks/")):
        for part in (part.strip() for text in said_by(file, "detail") for part in text.split("·")):
            if re.fullmatch(r"[A-Za-z ]{3,}", part):
                yield part, f"{file}, detail"


def words_of_knobs(knobs: Iterable[Knob], place: str) -> Iterator[tuple[str, str]]:
    for knob in knobs:
        for text in (knob.title, knob.help, knob.unit, *knob.choices):
            yield text, f"{place}, knob {knob.name}"


def in_context(context: str, word: str) -> str:
    """The source by which ``tr(word, context)`` finds its translation."""
    key = f"{context}/{word}"
    return key if key in chinese() else word


def words_of_catalogues() -> Iterator[tuple[str, str]]:
    """Blocks, sources, transforms, callbacks, diagnostics, optimisers, schedules, the recipe."""
    words = vocabulary()
    for spec in words.values():
        yield from ((text, spec.key) for text in (spec.title, spec.summary, spec.family, spec.modality))
        for port in (*spec.takes, *spec.gives):
            shown = (in_context("port", port.name), port.help, in_context("kind", port.kind))
            yield from ((text, f"{spec.key}, port") for text in shown)
        yield from words_of_knobs(spec.knobs, spec.key)
    for option in words.options:
        yield from ((text, option.key) for text in (option.title, option.summary))
        yield from words_of_knobs(option.knobs, option.key)
    yield from words_of_knobs((*knobs_of(Recipe), *mix_knobs(Document(), words), *knobs_of(Part)), "recipe")
    inside = level(two_copies(), ("tower",))
    of_inside, of_all = words_of(inside, words), words_of(two_copies(), words)
    for spec in (
        of_inside.spec(ENTRY),
        of_inside.spec(EXIT),
        replace(of_all.spec(block_of("tower")), title="Subgraph"),
    ):
        yield from ((text, spec.key) for text in (spec.title, spec.summary, spec.family))
    unknown = words.spec("a block that is not here")
    yield from ((text, "placeholder") for text in (unknown.family, unknown.summary))


def words_of_window() -> Iterator[tuple[str, str]]:
    """Commands, menus, pages, monitors and the tables of words beside them."""
    yield from ((command.text, f"command {key}") for key, command in actions.items())
    for key, monitor in monitors.items():
        yield from ((text, f"monitor {key}") for text in (monitor.title, monitor.summary, monitor.empty))
    yield Monitor.empty, "monitor"
    tables: dict[str, Iterable[str]] = {
        "menus": MENUS, "pages": [in_context("page", title) for title in Pages.TITLES.values()], "mouse": [text for pair in MOUSE for text in pair if len(text) > 1],
        "doctor": (*OPTIONAL.values(), *get_args(TorchaudioFound), *said_by("core/telemetry/device.py", "_sentence")), "splits": SPLITS.values(),
        "states": STATUS_WORDS.values(), "retrieval": retrieval.COLUMNS, "advice": SURE,
        "budget": (*PARTS.values(), *PHASES.values(), *(plan.title for _, plan in plans.items())),
        "inspection": [*desk.HOWS.values(), *desk.MODALITIES.values(), *desk.COLUMNS, *WAYS.values(), *ROWS.values(), *faithful.TITLES.values(), COSINE, PAIR, MATCH, CLASS],
    }  # fmt: skip
    for place, texts in tables.items():
        yield from ((text, place) for text in texts)


def words_of_data() -> Iterator[tuple[str, str]]:
    """What runs and datasets bring: names of splits, kinds, modalities, device quantities, figures."""
    figures = [series for series in METRICS if "/" not in series]
    quantities = [quantity.split("_") for quantity in QUANTITIES]
    names = [" ".join(words[:-1] if words[-1] in UNITS else words) for words in quantities]
    for place, texts in {
        "ports": KINDS, "modalities": MODALITIES, "splits": (*SHARES, *OTHER_SPLITS), "device": (*names, *(in_context("gpu", name) for name in names)),
        "facts": facts_of_sources(), "figures": ("loss", *figures),
    }.items():  # fmt: skip
        yield from ((text, place) for text in texts)


def facts_of_sources() -> Iterator[str]:
    """Keys and written-out values of what sources tell about themselves as ``facts``."""
    for file in trees():
        if file.startswith("core/data/"):
            yield from said_by(file, "facts")


def words_of_examples() -> Iterator[tuple[str, str]]:
    """Names, notes, titles, frames, stages, axes and configurations of the gallery's documents."""
    yield from ((family, "example families") for family in (*families(), OTHERS))
    for key, document in ((example.key, example.document) for example in examples()):
        drawn = (document, *document.definitions.values())
        titles = [node.title for each in drawn for node in each.nodes.values()]
        frames = [frame.title for each in drawn for frame in each.frames.values()]
        frames += [text for each in document.definitions.values() for text in (each.title, each.note)]
        stages = [stage.name for stage in document.recipe.stages]
        axes = document.sweep.axes if document.sweep else ()
        configurations = [name for axis in axes for name in (axis.name, *(change.name for change in axis.changes))]
        for text in (document.name, document.note, *titles, *frames, *stages, *configurations):
            yield text, f"example {key}"


@cache
def chinese() -> dict[str, str]:
    return load_table("zh_CN")


@cache
def vocabulary() -> Vocabulary:
    return declared_vocabulary()


@cache
def sources() -> dict[str, str]:
    """Every text that is shown, with one place that says it."""
    found: dict[str, str] = {}
    for words in (
        words_of_code, words_of_problems, words_of_sentences, words_of_details, words_of_catalogues, words_of_window, words_of_data, words_of_examples,
    ):  # fmt: skip
        for text, place in words():
            if re.search(r"[^\W\d_]", text):
                found.setdefault(text, place)
    return found


def missing(table: dict[str, str]) -> dict[str, str]:
    return {text: place for text, place in sources().items() if not table.get(text)}


def lacking_sentences(table: dict[str, str]) -> list[str]:
    """Sentences without their Chinese, with where they are said."""
    return sorted({f"{json.dumps(text)}: {place}" for text, place in said_sentences(trees()) if not table.get(text)})


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def is_latin(text: str) -> bool:
    """Whether there is a word in it beside its fields."""
    return re.search(r"[A-Za-z]", re.sub(r"\{\w*\}", "", text)) is not None


def is_chinese(text: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", text) is not None


def test_nothing_that_is_shown_lacks_its_chinese() -> None:
    assert missing(load_table("zh_CN")) == {}


def test_every_sentence_with_values_has_its_template() -> None:
    lacking = lacking_sentences(load_table("zh_CN"))
    assert not lacking, "to be translated in resources/translations/zh_CN/sentences.json:\n" + "\n".join(lacking)


def test_a_template_taken_out_is_noticed() -> None:
    table = load_table("zh_CN")
    before = lacking_sentences(table)
    del table["{a} needs something at '{b}' ({c})."]
    added = [line for line in lacking_sentences(table) if line not in before]
    assert len(added) == 1
    assert added[0].startswith("\"{a} needs something at '{b}' ({c}).\": core/compiler/resolve.py:")


def test_a_template_is_taken_from_every_way_to_say_it() -> None:
    source = """
def f(x, known):
    reason = f"{x} is gone." if x else "Nothing is left."
    raise refuse(f"{x!r} is {'not ' if known else ''}there.", hint="Known: " + ", ".join(known) + ".")
    self.warn(f"Step {x:,} of {{all}} " f"took {x.y} seconds.")
    logger.warning(f"nobody reads {x} here")
"""
    found = {text for text, _ in said_sentences({"core/runs/new.py": ast.parse(source)})}
    assert found == {
        "{a} is gone.", "Nothing is left.", "{a} is {b}there.", "Known: {a}.", "Step {a} of {{all}} took {b} seconds.",
    }  # fmt: skip
    assert set(nouns({"core/runs/new.py": ast.parse(source)})) == {("not ", "core/runs/new.py")}


def test_a_single_word_taken_out_is_noticed() -> None:
    table = load_table("zh_CN")
    for text in ("Design", "loss", *list(sources())[:: max(1, len(sources()) // 40)]):
        without = {key: value for key, value in table.items() if key != text}
        assert set(missing(without)) - set(missing(table)) == {text}


def test_the_words_come_from_everywhere() -> None:
    places = set(sources().values())
    for part in ("studio/", "widgets/", "core/", "command ", "monitor ", "example ", "recipe", "encoders.", "sources."):
        assert any(place.startswith(part) for place in places), part
    assert len(sources()) > 500


@pytest.mark.parametrize("room", ROOMS)
def test_no_sentence_is_put_together_before_it_is_translated(room: str) -> None:
    built = [
        f"{file}:{call.lineno}"
        for file in trees()
        if file.startswith(f"{room}/")
        for call, argument in spoken_in(file, "tr")
        if isinstance(argument, (ast.JoinedStr, ast.BinOp))
    ]
    assert built == []


def test_fields_are_the_same_in_both_languages() -> None:
    table = load_table("zh_CN")
    wrong = {text: table[text] for text in sources() if text in table and fields(text) != fields(table[text])}
    assert wrong == {}


def test_every_field_is_filled_where_it_is_said() -> None:
    lacking = []
    for file in trees():
        for call, argument in spoken_in(file, "tr"):
            given = {keyword.arg for keyword in call.keywords}
            if call.keywords and any(fields(text) - given for text in literals(argument)):
                lacking.append(f"{file}:{call.lineno}")
    assert lacking == []


def test_what_stays_english_is_a_name() -> None:
    table = load_table("zh_CN")
    same = {text for text in sources() if table.get(text) == text}
    assert same <= SAME_IN_CHINESE, sorted(same - SAME_IN_CHINESE)
    latin = {text for text in sources() if text in table and is_latin(text) and not is_chinese(table[text])}
    assert latin <= SAME_IN_CHINESE, sorted(latin - SAME_IN_CHINESE)


def test_no_table_keeps_a_word_that_nobody_says() -> None:
    unused = sorted(set(load_table("zh_CN")) - set(sources()))
    assert unused == []


def test_a_word_stands_in_one_table_once() -> None:
    places: dict[str, list[str]] = {}
    for file in sorted(TABLES.glob("*.json")):
        pairs: list[tuple[str, str]] = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=list)
        for text, _ in pairs:
            places.setdefault(text, []).append(file.name)
    assert {text: files for text, files in places.items() if len(files) > 1} == {}


def test_no_word_is_put_on_a_widget_past_the_translation() -> None:
    found = []
    for file in (file for file in trees() if not file.startswith("core/")):
        for call in (call for call in code.calls(ROOT / file) if call.args):
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            text = call.args[0]
            said = [*literals(text), *(t for piece in getattr(text, "values", ()) for t in literals(piece))]
            if name in SHOWS and any(re.search(r"[A-Za-z]{3,}", word) and word not in NAMES for word in said):
                found.append(f"{file}:{call.lineno} {said}")
    assert found == []
