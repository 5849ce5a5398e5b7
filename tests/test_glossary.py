"""One thing has one word: Chinese says the glossary's term, English no retired word, and one title has one meaning.

What is shown is collected as in :mod:`tests.test_translations`; every exception stands here with its reason.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from core.knobs import Knob
from studio.cli import command_modules, parser
from tests.test_translations import sources, vocabulary
from widgets.look.language import load_table, said, tr, use_language

ROOT = Path(__file__).resolve().parents[1]

# Chinese words that were used beside the glossary's, and that term.
SYNONYMS = {
    "图片": "图像", "探针": "诊断项", "习惯": "训练选项", "检查器": "设置面板", "监视器": "监控面板", "工作室": "本软件", "困难负样本": "难负样本",
    "假负例": "假负样本", "评判过": "标注", "遮盖": "掩码", "掩蔽": "掩码", "词片": "子词", "声音": "音频", "看向": "关注", "互看": "互相关注",
    "互相注意": "互相关注", "互相查看": "互相关注", "注视": "关注", "编码塔": "编码器", "答案头": "投影头", "区域头": "投影头", "逻辑值": "logits",
    "码字": "码本索引", "看门狗": "发散保护", "卷积干": "卷积词干（stem）", "卷积主干": "卷积词干（stem）", "训练方案": "训练配方", "分支": "分叉、配置",
    "您": "你", "两座": "两个", "错误对象": "不匹配样本对", "错误样本对": "不匹配样本对", "逐层累积": "注意力展开（rollout）", "批次": "批", "问答": "检索结果", "提问": "查询", "hub 编号": "hub 标识", " token ": "词元",
}  # fmt: skip

# English words that the window no longer says, and what it says in their place.
RETIRED = {
    r"habits?": "training option", r"probes?": "diagnostic", r"arms?": "configuration", r"drawings?": "graph", r"pictures?": "image, plot or screenshot",
    r"knobs?": "setting", r"inspector": "settings panel", r"mut(e|ed|ing)": "disable", r"word pieces?": "subword", r"wrong (pairs|partners)": "mismatched pairs",
    r"by chance": "at chance level", r"which cannot be": "is not valid", r"going on from": "resuming from",
    r"(sample|token|step|box|query|side|run|stage) a (sample|token|step|box|query|side|run|stage)": "per",
}  # fmt: skip
SAID_STILL = {
    "a picture of": "the words of a prompt, which are data",
    "“picture”": "a word of the captions that a note speaks of",
    "another artist's drawings": "what the second artist drew",
    "Linear probe": "the field's word for a linear map on a block's features",
    "linear probe": "the same within a sentence",
    "{configurations}": "the name of a field",
    "{configuration}": "the name of a field",
}

# Titles that stand over settings of differing help because they are the same thing of different blocks.
SAME_TITLE = frozenset({
    "Alpha", "Background", "Beta 2", "Bias", "CLS token", "Candidates", "Captions", "Condition dropout", "Depth", "Guidance", "Dropout", "Every", "Folder", "Heads", "Hidden", "Image size", "Label smoothing", "Local only",
    "MLP ratio", "Mask ratio", "Max examples", "Memory limit", "Method", "Momentum", "Normalise", "Patch size", "Positions", "Quiet start", "Resize mode", "Samples", "Stages",
    "Temperature", "Vocabulary size", "Weights from", "Width",
})  # fmt: skip


@pytest.mark.parametrize("word", SYNONYMS)
def test_chinese_has_one_word_for_a_thing(word: str) -> None:
    wrong = {source: text for source, text in load_table("zh_CN").items() if word in text}
    assert wrong == {}, f"say {SYNONYMS[word]}"


def test_a_caption_has_one_name_in_chinese() -> None:
    said_of_captions = {
        source: text for source, text in load_table("zh_CN").items() if re.search("caption(?!ing)", source, re.I)
    }
    wrong = {source: text for source, text in said_of_captions.items() if "标题" in text or "图片说明" in text}
    assert wrong == {}, "say 说明文字"


@pytest.mark.parametrize("word", RETIRED)
def test_english_says_no_retired_word(word: str) -> None:
    table, found = load_table("en"), []
    for source in sources():
        text = table.get(source, source)
        for known in SAID_STILL:
            text = text.replace(known, "")
        if " " in text and re.search(rf"\b{word}\b", text, re.IGNORECASE):
            found.append(text)
    assert found == [], f"say {RETIRED[word]}"


# Words of code that a command line and a README do not say either.
ALSO_RETIRED = {
    r"documents?": "experiment",
    r"the house": "project layout",
    r"sounds?": "audio",
    r"mirrors the house": "these folders",
}


def without_names(text: str) -> str:
    """Without what is typed or looked up as it is: code, flags, paths, links, folders of the tree."""
    text = re.sub(r"```python.*?```", "", text, flags=re.DOTALL)
    text = re.sub(
        r"`[^`\n]+`|\]\([^)]*\)|^ *\w+/ |python -m studio \S+( [^#\n]*)?|--?[\w-]+", " ", text, flags=re.MULTILINE
    )
    return text


@cache
def helps() -> dict[str, str]:
    """What every command says of itself."""
    made = parser()
    subs = next(action for action in made._actions if hasattr(action, "choices") and isinstance(action.choices, dict))
    return {"": made.format_help(), **{name: each.format_help() for name, each in subs.choices.items()}}


@cache
def printed() -> dict[str, str]:
    """Strings of several words that commands print, by file; not what only programmers read."""
    found: dict[str, str] = {}
    for path in [
        *(ROOT / "studio" / "commands").glob("*.py"),
        *(ROOT / "studio" / name for name in ("telling/health.py", "open/documents.py", "cli.py")),
    ]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        notes = {
            node.body[0].value for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and node.body and isinstance(node.body[0], ast.Expr)
        }  # fmt: skip
        texts = [
            node.value for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip() and node not in notes
        ]  # fmt: skip
        found[path.name] = "\n".join(texts)
    return found


def retired_in(text: str) -> list[str]:
    text = without_names(text)
    for known in SAID_STILL:
        text = text.replace(known, "")
    words = RETIRED | ALSO_RETIRED
    return [
        f"{found[0]!r}: say {term}"
        for word, term in words.items()
        if (found := re.search(rf"(?<![\w/.]){word}(?![\w/.]\w)", text, re.IGNORECASE))
    ]


@pytest.mark.parametrize("name", ["", *command_modules()])
def test_a_command_says_no_retired_word_in_its_help(name: str) -> None:
    assert retired_in(helps()[name]) == []


@pytest.mark.parametrize("name", printed())
def test_a_command_prints_no_retired_word(name: str) -> None:
    assert retired_in(printed()[name]) == []


def test_the_readme_says_no_retired_word() -> None:
    assert retired_in((ROOT / "README.md").read_text(encoding="utf-8")) == []


def test_the_chinese_readme_has_one_word_for_a_thing() -> None:
    text = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    assert [f"{word}: {term}" for word, term in SYNONYMS.items() if word in text] == []


def test_a_title_names_one_thing() -> None:
    """A title that stands over settings of differing help is one source for all of them, and has one Chinese."""
    helps: dict[str, set[str]] = defaultdict(set)
    words = vocabulary()
    for owner in (*words.values(), *words.options):
        for knob in owner.knobs:
            helps[knob.title].add(knob.help)
    shared = {title for title, said_of in helps.items() if len(said_of) > 1}
    assert shared == SAME_TITLE


def test_help_quotes_the_choices_that_are_shown() -> None:
    """In Chinese a help text names no choice by its English word where the form shows a Chinese one."""
    table = load_table("zh_CN")

    def quoted(knob: Knob) -> list[str]:
        shown = [choice for choice in knob.choices if table.get(choice, choice) != choice and len(choice) > 3]
        return [
            choice for choice in shown if re.search(rf"(?<![\w-]){re.escape(choice)}(?=[：为；])", table[knob.help])
        ]

    words = vocabulary()
    wrong = {
        knob.help: found
        for owner in (*words.values(), *words.options)
        for knob in owner.knobs
        if (found := quoted(knob))
    }
    assert wrong == {}


def test_a_word_with_two_meanings_is_said_with_its_context() -> None:
    try:
        use_language("zh_CN")
        assert (tr("memory"), tr("memory", "gpu")) == ("内存", "显存")
        assert tr("hidden", "port") == "掩码"
        assert tr("text", "no such context") == tr("text")
        assert tr("{name}: {text}", name="图像", text="Twemoji") == "图像：Twemoji"
        assert tr("Reset {name}", name="ViT") == "重置 ViT"
        assert tr("Reset {name}", name="宽度") == "重置宽度"
        assert (
            said("ResNet already depends on ViT: the wire would close a circle.")
            == "ResNet 已经依赖于 ViT：这条连线会形成环路。"
        )
    finally:
        use_language("en")
    use_language("en")
    assert tr("hidden", "port") == "mask"
    assert tr("hidden") == "hidden"
    assert said("hidden") == "hidden"
