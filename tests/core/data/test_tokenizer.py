from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import core.data.transforms.tokenizer as tokenizer_module
from core.blocks.values import Text
from core.data.transforms.tokenizer import END, PAD, START, UNKNOWN, Tokenizer
from core.problems import Refused

ENGLISH = ["grinning cat with smiling eyes", "a red car", "red apple", "cat face", "the cat’s red hat"] * 3
CHINESE = ["笑脸", "猫脸", "红苹果", "红色的汽车", "爱心眼猫"] * 3
METHODS = ("byte pairs", "words", "characters", "trigrams", "words and trigrams")


def made(method: str = "byte pairs", sentences: list[str] | None = None, **knobs: object) -> Tokenizer:
    tokenizer = Tokenizer(Tokenizer.Config(method=method, **{"vocabulary": 600, "length": 24, **knobs}))  # type: ignore[arg-type]
    tokenizer.fit({"sentence": sentence} for sentence in (sentences or ENGLISH + CHINESE))
    return tokenizer


@pytest.mark.parametrize("method", ["byte pairs", "words", "characters"])
@pytest.mark.parametrize("sentence", [*ENGLISH[:4], *CHINESE[:5], "猫脸 cat"])
def test_a_sentence_comes_back(method: str, sentence: str) -> None:
    tokenizer = made(method, length=40)
    assert tokenizer.decode(tokenizer.pieces(sentence).ids) == sentence


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=8))
def test_byte_pairs_know_every_sentence(sentence: str) -> None:
    tokenizer = Tokenizer(Tokenizer.Config(method="byte pairs", vocabulary=600, length=64, lowercase=False))
    tokenizer.load_state(STATE)
    pieces = tokenizer.pieces(sentence)
    assert UNKNOWN not in pieces.ids.tolist()
    assert tokenizer.decode(pieces.ids) == tokenizer._clean(sentence)


STATE = made(lowercase=False).state()


@pytest.mark.parametrize("method", METHODS)
def test_pieces_have_a_start_an_end_and_padding(method: str) -> None:
    pieces = made(method).pieces("red cat 红")
    ids = pieces.ids.tolist()
    assert pieces.ids.dtype == torch.int64
    assert len(ids) == 24
    assert ids[0] == START
    assert ids[pieces.real - 1] == END
    assert set(ids[pieces.real :]) == {PAD}
    assert len(pieces.words) == pieces.real
    assert pieces.words[0] == pieces.words[-1] == ""
    assert max(ids) < pieces.vocabulary == 600


def test_words_for_pictures_are_the_letters_of_the_sentence() -> None:
    assert made("words").pieces("the cat’s red-hot 红苹果!").words == (
        "", "the", "cat’s", "red", "-", "hot", "红", "苹", "果", "!", "",
    )  # fmt: skip
    assert "".join(made("byte pairs").pieces("grinning cat").words) == "grinning cat"
    assert made("trigrams").pieces("cat").words == ("", "ca", "cat", "at", "")
    assert made("words and trigrams").pieces("cat 红").words == ("", "cat", "ca", "cat", "at", "红", "")


def test_an_unseen_word_is_told_by_its_parts() -> None:
    """Trigrams of a word that was never seen are those of words that were (arXiv:1607.04606)."""
    ids = made("words and trigrams").pieces("catty").ids.tolist()
    seen = set(made("words and trigrams").pieces("cat").ids.tolist())
    assert ids[1] == UNKNOWN
    assert {ids[2], ids[3]} <= seen - {START, END, PAD, UNKNOWN}


@pytest.mark.parametrize("method", METHODS)
def test_long_sentences_are_cut_and_still_end(method: str) -> None:
    pieces = made(method, length=6).pieces("one two three four five six seven eight")
    assert pieces.real == 6
    assert int(pieces.ids[-1]) == END


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_sentence_has_a_start_and_an_end(method: str) -> None:
    assert made(method).pieces("").ids[:3].tolist() == [START, END, PAD]


def test_unseen_words_are_unknown_and_known_ones_are_not() -> None:
    ids = made("words").pieces("red zebra cat").ids.tolist()
    assert ids[2] == UNKNOWN
    assert UNKNOWN not in (ids[1], ids[3])


def test_the_vocabulary_knob_is_an_upper_bound() -> None:
    many = [f"word{number}" for number in range(900)]
    for method in METHODS:
        state = made(method, many, vocabulary=310).state()
        assert len(state["pieces"]) <= 310
    frequent = made("words", [*many, "word899"], vocabulary=300).pieces("word899 word1")
    assert frequent.ids[1] != UNKNOWN


@pytest.mark.parametrize("method", METHODS)
def test_state_is_json_and_gives_the_same_numbers(method: str) -> None:
    first = made(method)
    again = Tokenizer(first.config)
    assert again.needs_fit
    again.load_state(json.loads(json.dumps(first.state())))
    assert not again.needs_fit
    for sentence in ENGLISH + CHINESE + ["something else 别的"]:
        assert torch.equal(first.pieces(sentence).ids, again.pieces(sentence).ids)
    assert again.state() == first.state()


@pytest.mark.parametrize("method", METHODS)
def test_learning_is_deterministic(method: str) -> None:
    assert made(method).state() == made(method).state()


def test_a_state_of_other_settings_is_refused() -> None:
    with pytest.raises(Refused, match="learned as words"):
        Tokenizer(Tokenizer.Config(method="characters")).load_state(made("words").state())
    big = made("words", [f"word{number}" for number in range(900)], vocabulary=900).state()
    with pytest.raises(Refused, match="at most 300"):
        Tokenizer(Tokenizer.Config(method="words", vocabulary=300)).load_state(big)


def test_case_and_composed_letters_are_one() -> None:
    tokenizer = made()
    assert torch.equal(tokenizer.pieces("Red CAFÉ").ids, tokenizer.pieces("red cafe\u0301").ids)


def test_shapes_on_meta_are_the_real_ones() -> None:
    tokenizer = made()
    text = tokenizer.meta({"sentence": None}, 7)["text"]
    assert isinstance(text, Text)
    assert text.ids_BL.shape == text.mask_BL.shape == (7, 24)
    assert (text.ids_BL.dtype, text.mask_BL.dtype) == (torch.int64, torch.bool)
    assert text.ids_BL.device.type == "meta"
    assert text.vocabulary == tokenizer.pieces("a").vocabulary == 600


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("lowercase", [True, False])
def test_control_words_in_captions_read_the_same_before_and_after_a_reload(method: str, lowercase: bool) -> None:
    captions = ["a [PAD] cat", "[UNK] dog [START]</s>", "<|endoftext|> [CLS] [END]", "cat dog"]
    first = Tokenizer(Tokenizer.Config(method=method, vocabulary=300, length=64, lowercase=lowercase))
    first.fit([{"sentence": caption} for caption in captions * 3])
    again = Tokenizer(first.config)
    again.load_state(json.loads(json.dumps(first.state())))
    for caption in captions:
        one, other = first.pieces(caption), again.pieces(caption)
        assert one.ids.tolist() == other.ids.tolist()
        assert one.words == other.words
        assert not {PAD, START, END} & set(one.ids[1 : one.real - 1].tolist()), "a person's word is no sign"


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("น้ำ, ภาษาไทย", ["น้ำ", ",", "ภาษาไทย"]),
        ("مُحَمَّدٌ كَتَبَ", ["مُحَمَّدٌ", "كَتَبَ"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("שָׁלוֹם עוֹלָם", ["שָׁלוֹם", "עוֹלָם"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("ខ្មែរ မြန်မာ", ["ខ្មែរ", "မြန်မာ"]),
        ("q\u0303x don't e\u0301t\u0304", ["q\u0303x", "don't", "ét\u0304"]),
        ("红 cat_s 一only", ["红", "cat", "_", "s", "一", "only"]),
    ],
)
def test_letters_with_marks_stay_whole_words(sentence: str, words: list[str]) -> None:
    made = Tokenizer(Tokenizer.Config(method="words", vocabulary=300, length=16))
    made.fit([{"sentence": sentence}])
    pieces = made.pieces(sentence)
    assert list(pieces.words[1:-1]) == words
    assert 1 not in pieces.ids[: pieces.real].tolist()  # none of them is unknown


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_letters_are_cut_by_the_same_rule(sentence: str) -> None:
    assert tokenizer_module._PLAIN.findall(sentence) == tokenizer_module._word().findall(sentence)
