"""A finished sentence of core is recognised by its template and said in Chinese; what no table knows stays as it is."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.compiler.compile import analyse
from core.graph import edits, rules
from core.graph.document import End
from core.graph.recipe import Recipe
from core.knobs import knobs_of
from core.problems import Problem, Refused
from core.runs.declared import declared_vocabulary
from core.store.answers import MarkFacts
from studio.telling.sentences import refusal, spoken
from tests.documents import tiny_clip
from widgets.look import language, quantities
from widgets.look.language import MOST_CHARACTERS, in_a_row, load_table, said, use_language
from widgets.message_bar import MessageBar
from widgets.timeline_bar import mark_name


@pytest.fixture(autouse=True)
def _chinese() -> Iterator[None]:
    use_language("zh_CN")
    yield
    use_language("en")


def latin_words(text: str, *names: str) -> list[str]:
    for name in names:
        text = text.replace(name, "")
    return [word for word in "".join(c if c.isascii() and c.isalpha() else " " for c in text).split() if len(word) > 2]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("ViT needs something at 'image' (images).", "ViT 的端口“图像”（图像）需要输入。"),
        ("InfoNCE is left out: nothing reaches its input 'left', because Image pooling is disabled.",
         "InfoNCE 未参与运行：其输入“左”没有数据，因为图像池化已停用。"),
        ("red.png is not there.", "red.png 不存在。"),
        ("The folder of captioned images '/a b/c' is not there.", "带说明文字的图像文件夹 '/a b/c' 不存在。"),
        ("There is no image with a caption.", "没有带说明文字的图像。"),
        ("It does not fit what comes in: Both sides need the same width: left D is 3, right D is 4..",
         "与输入不符：两侧宽度必须相同：左侧 D 为 3，右侧 D 为 4。"),
        ("vit.image: Patch size 7 does not divide the image, 64 x 48. Choose another step.",
         "vit.image: 图块大小 7 不能整除图像尺寸 64 x 48。请另选一步。"),
        ("learning rate: 0.001 → 0.1", "学习率：0.001 → 0.1"),
        ("learning rate of head: 0.001 → 0.1", "学习率（模块 head）：0.001 → 0.1"),
        ("Resuming from step 12.\na.png is empty.", "从第 12 步继续。\na.png 是空的。"),
        ("Diverged at step 3: the loss of info_nce is not a finite number. The weights are those before this step. "
         "Lower the learning rate or raise the temperature. Samples in the batch: 1, 2.",
         "在第 3 步发散：info_nce 的损失不是有限的数。权重保持为此步之前的值。请降低学习率或提高温度。批中的样本：1, 2。"),
        ("The canvas is empty.", "画布是空的。"),
        ("'{a}' is not a setting.", "'{a}' 不是设置。"),
    ],
)  # fmt: skip
def test_a_sentence_with_values_is_said_in_chinese(english: str, chinese: str) -> None:
    assert said(english) == chinese
    assert said(chinese) == chinese, "said once more it stays"
    use_language("en")
    assert said(english) == english


def test_the_most_specific_template_wins() -> None:
    assert said("There is no block called 'x'.") == "没有名为 'x' 的模块。"
    assert said("There is no training option called 'x'.") == "没有名为 'x' 的训练选项。"
    assert said("The table 't.csv' is not UTF-8 text.") == "表格 't.csv' 不是 UTF-8 文本。"


@pytest.mark.parametrize(
    "text", ["", " ", "RuntimeError: boo", "{", "{a}", "}{", "what {0} is", "\n", "ok", "这是中文。"]
)
def test_what_nobody_knows_stays_as_it_is(text: str) -> None:
    assert said(text) == text


def test_a_sentence_without_its_template_stays_english() -> None:
    sentence = "ViT needs something at 'image' (images)."
    assert said(sentence) != sentence
    del language._table["{a} needs something at '{b}' ({c})."]
    language._templates.cache_clear()
    language._recognised.cache_clear()
    assert said(sentence) == sentence


def test_long_and_wicked_texts_take_no_time_and_raise_nothing() -> None:
    dice, keys = random.Random(1), [key for key in load_table("zh_CN") if "{" in key]
    wicked = [
        ("There is no x called y. " * 90)[:MOST_CHARACTERS], ". " * 1000, "is ; it must lie between and . " * 60, "a: " * 660, "?\n" * 1000,
        *(". ".join(dice.choice(keys) for _ in range(40))[:MOST_CHARACTERS] for _ in range(10)),
    ]  # fmt: skip
    for text in wicked:
        began = time.process_time()
        said(text)
        assert time.process_time() - began < 2.0, text[:80]
    endless = "x.png is damaged: " + "y" * MOST_CHARACTERS + "."
    assert said(endless) == endless
    assert language._recognised.cache_info().maxsize is not None


def test_problems_of_wrong_drawings_read_in_chinese() -> None:
    document = tiny_clip(batch_size=4)
    found = analyse(
        edits.disconnect(document, [wire.key for wire in document.wires if wire.target.node == "vit"])
    ).problems
    found += analyse(edits.set_knob(document, "vit", "patch", 7)).problems
    found += analyse(replace(document, recipe=replace(document.recipe, batch_size=2))).problems
    assert len(found) >= 3
    for problem in found:
        assert any("\u4e00" <= c <= "\u9fff" for c in spoken(problem)), problem
        assert not any(word in spoken(problem) for word in (" is ", " the ", " does ", " needs ")), spoken(problem)
        assert problem.fix is None or latin_words(said(problem.fix.text)) == []


def test_refusals_of_wires_and_settings_read_in_chinese() -> None:
    document, words = tiny_clip(batch_size=8), declared_vocabulary()
    end = End(node="vit", port="nowhere")
    assert said(rules.refusal(document, end, End(node="projection", port="x"), words)).endswith(
        "没有名为 nowhere 的端口。"
    )
    knob = next(knob for knob in knobs_of(Recipe) if knob.name == "batch_size")
    assert latin_words(said(knob.problem_with(1.5))) == []
    assert latin_words(said(knob.problem_with(-3))) == []
    refused = Refused(Problem(what="a.png is not there.", node="emoji"), Problem(what="b.png does not fit in memory."))
    assert refusal(refused) == "emoji: a.png 不存在。\n内存放不下 b.png。"
    assert said(str(refused)) == refusal(refused)


def test_the_message_bar_and_marks_say_it(qtbot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_message("runs.db is in use by another process.", "error")
    assert bar.sentence == "runs.db 正被另一个进程使用。"
    mark = MarkFacts(step=5, seconds=1.0, kind="note", text="learning rate of head: 0.001 → 0.1")
    assert mark_name(mark) == "学习率（模块 head）：0.001 → 0.1"


def test_times_and_sentences_in_a_row_are_chinese_throughout() -> None:
    assert [quantities.duration(seconds) for seconds in (3, 61, 240, 7_800)] == [
        "3 秒",
        "61 秒",
        "4 分钟",
        "2 小时 10 分钟",
    ]
    assert in_a_row("画布是空的。", "请另选一步。") == "画布是空的。请另选一步。"
    assert in_a_row("The canvas is empty.", "", "Choose.") == "The canvas is empty. Choose."
