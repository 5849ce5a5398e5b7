"""Problems on the command line: in the language of the window, or as asked; what programs read stays English."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator

import pytest

from studio.cli import main, parser
from studio.open.preferences import Preferences
from widgets.look.language import use_language

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command here; gives its exit code, what it printed and what it complained of."""

    def command(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return main(list(words)), *capsys.readouterr()

    return command


@pytest.fixture
def english() -> Iterator[None]:
    yield
    use_language("en")


@pytest.mark.parametrize("way", ["asked", "preferred"])
def test_problems_are_told_in_the_language_of_the_window_or_as_asked(say: Say, english: None, way: str) -> None:
    before = Preferences().language
    words = ("--language", "zh_CN") if way == "asked" else ()
    if way == "preferred":
        Preferences().language = "zh_CN"
    try:
        code, printed, _ = say("check", "whisper_frames_sweep", *words)
        assert code == 1
        assert "错误：sound_sequences: 尚未选择音频文件夹" in printed
        assert "警告：whisper: Whisper 编码器 已冻结，但没有预训练权重" in printed
        code, _, complained = say("check", "nowhere.cms.json", *words)
        assert code == 2
        assert complained.startswith("无法读取 nowhere.cms.json")
        asked = say("check", "whisper_frames_sweep", "--json", *words)[1]
        assert "No folder of audio is chosen." in json.loads(asked)["problems"][0]["what"]  # what programs read stays
        assert "error: sound_sequences: No folder" in say("check", "whisper_frames_sweep", "--language", "en")[1]
    finally:
        Preferences().language = before


def test_every_command_takes_a_language() -> None:
    (below,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    for name, command in below.choices.items():
        assert sum("--language" in action.option_strings for action in command._actions) == 1, name
