"""Sentences as numbers: byte pairs (arXiv:1508.07909), words, characters, letter trigrams, or words with their trigrams
(arXiv:1607.04606), learned on training captions.

The knob *vocabulary* is an upper bound that sizes the embedding, so shapes are known before any data is read. Works
without spaces between words: Chinese characters are words of their own.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from tokenizers import Tokenizer as Engine
from tokenizers import decoders, models, pre_tokenizers, trainers

from core.blocks.values import Text
from core.data.base import Pieces, Transform
from core.data.catalog import transforms
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse

PAD, UNKNOWN, START, END = range(4)
SPECIAL = ("[PAD]", "[UNK]", "[START]", "[END]")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_PLAIN = re.compile(
    r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*|[^\w\s]|_"
)  # the same as below for plain letters, six times as fast
_MOST_MARK = 0x1F000  # beyond it only variation selectors, which stand behind Chinese characters
BYTE_PAIRS, WORDS, CHARACTERS, TRIGRAMS = "byte pairs", "words", "characters", "trigrams"
WORDS_AND_TRIGRAMS = "words and trigrams"
MOST_PIECES = 4  # of one letter: its bytes


@functools.cache
def _word() -> re.Pattern[str]:
    r"""A word is letters with their marks: vowel signs (Hindi, Thai, Tamil), vocalisation (Arabic, Hebrew), accents.

    Python's ``\w`` knows no marks, and would cut a word at every vowel sign. Joiners inside a word belong to it.
    """
    marks = "".join(chr(code) for code in range(0x300, _MOST_MARK) if unicodedata.category(chr(code)).startswith("M"))
    letters = rf"[^\W_{_CJK}]+(?:[{marks}\u200c\u200d]+[^\W_{_CJK}]*)*"
    return re.compile(rf"[{_CJK}]|{letters}(?:[’']{letters})*|[^\w\s]|_")


class Cutter(Protocol):
    """One way to cut a sentence: learns its pieces, then gives (piece number, the text it stands for)."""

    def learn(self, sentences: Iterable[str], most: int) -> None:
        """Choose at most ``most`` pieces, special ones included."""

    def cut(self, sentence: str) -> list[tuple[int, str]]:
        """Piece numbers with the letters they cover."""

    def join(self, ids: list[int]) -> str:
        """The sentence, as far as the pieces keep it."""

    def state(self) -> dict[str, Any]:
        """Plain JSON."""

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse."""


class BytePairs:
    """Byte-level byte pairs: nothing is ever unknown, and joining gives the sentence back exactly."""

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def learn(self, sentences: Iterable[str], most: int) -> None:
        """Merge the most frequent pairs."""
        engine = self._dressed(Engine(models.BPE(unk_token=SPECIAL[UNKNOWN])))
        trainer = trainers.BpeTrainer(
            vocab_size=most, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )  # fmt: skip
        engine.train_from_iterator(sentences, trainer)
        self._engine = engine
        self.load_state(self.state())  # the same engine as after a reload: "[PAD]" in a caption is five letters

    def _dressed(self, engine: Engine) -> Engine:
        engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        engine.decoder = decoders.ByteLevel()
        return engine

    def cut(self, sentence: str) -> list[tuple[int, str]]:
        """Pieces with the characters they lie in; the bytes of one character share it."""
        assert self._engine is not None
        found = self._engine.encode(sentence, add_special_tokens=False)
        return [(number, sentence[start:end]) for number, (start, end) in zip(found.ids, found.offsets)]

    def join(self, ids: list[int]) -> str:
        """Exactly the sentence."""
        assert self._engine is not None
        return str(self._engine.decode(ids, skip_special_tokens=True))

    def state(self) -> dict[str, Any]:
        """Pieces and merges."""
        if self._engine is None:
            return {}
        pieces = sorted(self._engine.get_vocab().items(), key=lambda item: item[1])
        return {"pieces": [piece for piece, _ in pieces], "merges": _merges(self._engine)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Rebuild the engine."""
        numbers = {str(piece): number for number, piece in enumerate(state["pieces"])}
        merges = [(str(left), str(right)) for left, right in state["merges"]]
        self._engine = self._dressed(Engine(models.BPE(vocab=numbers, merges=merges, unk_token=SPECIAL[UNKNOWN])))


def _merges(engine: Engine) -> list[list[str]]:
    written = json.loads(engine.to_str())["model"]["merges"]
    return [merge.split(" ") if isinstance(merge, str) else list(merge) for merge in written]


class WholeUnits:
    """Words, characters, trigrams, or words and trigrams: the most frequent have a number, the rest are unknown."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._pieces: list[str] = []
        self._numbers: dict[str, int] = {}

    def _units(self, sentence: str) -> list[tuple[str, str]]:
        if self._unit == CHARACTERS:
            return [(letter, letter) for letter in sentence]
        words = (_PLAIN if sentence.isascii() else _word()).findall(sentence)
        if self._unit == WORDS:
            return [(word, word) for word in words]
        whole = self._unit == WORDS_AND_TRIGRAMS
        return [unit for word in words for unit in (*([(word, word)] if whole else []), *_parts(word, whole))]

    def learn(self, sentences: Iterable[str], most: int) -> None:
        """The most frequent units; equal counts in the order of the alphabet."""
        counts = Counter(unit for sentence in sentences for unit, _ in self._units(sentence))
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        self._take([*SPECIAL, *(unit for unit, _ in ranked[: most - len(SPECIAL)])])

    def _take(self, pieces: list[str]) -> None:
        self._pieces = pieces
        self._numbers = {piece: number for number, piece in enumerate(pieces) if number >= len(SPECIAL)}

    def cut(self, sentence: str) -> list[tuple[int, str]]:
        """Units with the letters they show."""
        return [(self._numbers.get(unit, UNKNOWN), shown) for unit, shown in self._units(sentence)]

    def join(self, ids: list[int]) -> str:
        """Words with spaces between them (none around Chinese), characters as they are, trigrams with bars.

        Numbers that no unit was learned for say nothing: a head has as many as there can be.
        """
        known = [number for number in ids if number < len(self._pieces)]
        pieces = [self._pieces[number] for number in known if number == UNKNOWN or number >= len(SPECIAL)]
        if self._unit == CHARACTERS:
            return "".join(pieces)
        if self._unit in (TRIGRAMS, WORDS_AND_TRIGRAMS):
            return "|".join(pieces)
        return re.sub(rf"(?<=[{_CJK}]) (?=[{_CJK}])", "", " ".join(pieces))

    def state(self) -> dict[str, Any]:
        """The units in order."""
        return {"pieces": self._pieces} if self._pieces else {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse."""
        self._take([str(piece) for piece in state["pieces"]])


def _trigrams(word: str) -> list[tuple[str, str]]:
    if len(word) == 1:
        return [(word, word)]
    padded = f"^{word}$"
    return [(padded[start : start + 3], word[max(start - 1, 0) : start + 2]) for start in range(len(word))]


def _parts(word: str, beside_whole: bool) -> list[tuple[str, str]]:
    """A word's trigrams; beside the word itself a single letter has none."""
    return [] if beside_whole and len(word) == 1 else _trigrams(word)


@transforms.register("transforms.tokenizer")
class Tokenizer(Transform):
    """Cuts sentences into pieces with numbers: byte pairs, words or parts of words, learned on the training split."""

    title = "Tokenizer"
    modality = "text"
    takes = {"sentence": port("sentence", "raw text")}
    gives = {"text": port("text", "token ids with their mask")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How sentences are cut."""

        method: str = knob(
            BYTE_PAIRS, "Byte pairs never meet an unknown word; words are few and readable; trigrams share word parts.",
            choices=(BYTE_PAIRS, WORDS, CHARACTERS, TRIGRAMS, WORDS_AND_TRIGRAMS),
        )  # fmt: skip
        vocabulary: int = knob(
            2048,
            "Most subwords that are learned; sizes the embedding.",
            low=300,
            high=200_000,
            unit="subwords",
            title="Vocabulary size",
        )
        length: int = knob(
            32, "Subwords per sentence, start and end included; longer ones are cut.", low=4, high=1024, unit="subwords"
        )
        lowercase: bool = knob(True, "Cat and cat are the same word.", advanced=True)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._cutter: Cutter = BytePairs() if config.method == BYTE_PAIRS else WholeUnits(config.method)

    @property
    def needs_fit(self) -> bool:
        """Until pieces are learned or loaded."""
        return not self._cutter.state()

    def fit(self, samples: Iterable[Mapping[str, Any]]) -> None:
        """Learn the pieces of the training split's sentences."""
        self._cutter.learn((self._clean(str(sample["sentence"])) for sample in samples), self.config.vocabulary)

    def _clean(self, sentence: str) -> str:
        text = unicodedata.normalize("NFC", sentence)
        return text.lower() if self.config.lowercase else text

    def state(self) -> dict[str, Any]:
        """Method and pieces, as JSON data."""
        learned = self._cutter.state()
        return {"method": self.config.method, **learned} if learned else {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse. Raises Refused where the state belongs to another method or vocabulary."""
        if not state:
            return
        if state.get("method") != self.config.method or len(state["pieces"]) > self.config.vocabulary:
            raise refuse(
                f"These pieces were learned as {state.get('method')} with {len(state['pieces']):,} pieces; "
                f"the tokenizer is set to {self.config.method} with at most {self.config.vocabulary:,}."
            )
        self._cutter.load_state(state)

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """One sentence as :class:`Pieces`."""
        return {"text": self.pieces(str(values["sentence"]))}

    def pieces(self, sentence: str) -> Pieces:
        """Numbers [length] and what each stands for; start and end read as empty words."""
        room = self.config.length - 2
        cut = self._cutter.cut(self._clean(sentence))[:room]
        ids = np.full(self.config.length, PAD, dtype=np.int64)
        real = len(cut) + 2
        ids[0], ids[real - 1] = START, END
        if cut:
            ids[1 : real - 1] = [number for number, _ in cut]
        return Pieces(
            ids=torch.from_numpy(ids), real=real, vocabulary=self.config.vocabulary,
            words=("", *(shown for _, shown in cut), ""),
        )  # fmt: skip

    def reads(self, sentence: str) -> Hashable:
        """The sentence as it is cleaned, blanks alike; of one that is cut, the numbers that are left."""
        text = " ".join(self._clean(sentence).split())
        cut = self._cutter.cut(text) if MOST_PIECES * len(text) > self.config.length - 2 else []
        if len(cut) <= self.config.length - 2:
            return text
        return tuple(number for number, _ in cut[: self.config.length - 2])

    def decode(self, ids: Iterable[int]) -> str:
        """A sentence from piece numbers; padding, start and end are skipped."""
        return self._cutter.join([number for number in map(int, ids) if number not in (PAD, START, END)])

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The most there can be; a batch is as wide as its longest sentence."""
        shape = (batch, self.config.length)
        return {
            "text": Text(
                ids_BL=torch.empty(shape, dtype=torch.int64, device="meta"),
                mask_BL=torch.empty(shape, dtype=torch.bool, device="meta"),
                vocabulary=self.config.vocabulary,
                most=self.config.length,
            )
        }
