"""A tokenizer that came with weights: a person's words are words, whatever they look like."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from core.data.transforms.pretrained_tokenizer import PretrainedTokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "cat", "[", "]", "CLS", "SEP", "<", "/", "s", ">", "|", "endoftext"]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    engine = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    engine.add_special_tokens(["[PAD]", "[CLS]", "[SEP]"])
    engine.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    engine.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("caption", ["a cat", "a [CLS] cat", "a [SEP]", "</s> a <|endoftext|>"])
def test_control_words_are_read_as_letters_before_and_after_a_reload(weights: Path, caption: str) -> None:
    first = PretrainedTokenizer(PretrainedTokenizer.Config(source=str(weights), vocabulary=100))
    draw = np.random.default_rng(0)
    one = first.apply({"sentence": caption}, draw)["text"]
    other = pickle.loads(pickle.dumps(first)).apply({"sentence": caption}, draw)["text"]
    assert one.ids.tolist() == other.ids.tolist()
    inside = one.ids[1 : one.real - 1].tolist()
    assert (one.ids[0], one.ids[one.real - 1]) == (2, 3)
    assert not {0, 2, 3} & set(inside)
    assert [WORDS[number] for number in inside] == {
        "a cat": ["a", "cat"], "a [CLS] cat": ["a", "[", "CLS", "]", "cat"], "a [SEP]": ["a", "[", "SEP", "]"],
        "</s> a <|endoftext|>": ["<", "/", "s", ">", "a", "<", "|", "endoftext", "|", ">"],
    }[caption]  # fmt: skip
