"""Words out of speech: the library's own greedy words on the same weights, understood once, no echo, and refusals in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from core.blocks.encoders.hub_loading import transformers_module
from core.data.features import recognising
from core.data.features.recognising import recogniser, without_echo
from core.data.media import Wave
from core.data.sounds import Heard
from core.data.transforms.recogniser import SpeechRecogniser
from core.problems import Refused
from tests.core.whispers import NO_TIMES, START, TASK, WORDS, tiny_whisper

HERTZ = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Whisper of half a second."""
    return tiny_whisper(tmp_path_factory.mktemp("whisper"), positions=25)


def step(folder: Path, **knobs: Any) -> SpeechRecogniser:
    return SpeechRecogniser(SpeechRecogniser.Config(source=str(folder), **knobs))


def speech(seed: int = 0, count: int = HERTZ // 2) -> Wave:
    return Wave.of(torch.randn(count, generator=torch.Generator().manual_seed(seed)) * 0.1, HERTZ)


@torch.no_grad()
def test_the_words_are_those_of_the_librarys_greedy_search(folder: Path) -> None:
    library = transformers_module()
    model = library.WhisperForConditionalGeneration.from_pretrained(folder).eval()
    ears = library.WhisperFeatureExtractor(feature_size=80, chunk_length=1)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    begin = [tokenizer.token_to_id(sign) for sign in (START, "<|de|>", TASK, NO_TIMES)]
    heard = set[str]()
    for seed in range(4):
        wave = speech(seed)
        padded = np.pad(wave.own_S.numpy(), (0, HERTZ // 2))
        mel_BFT = ears(padded, sampling_rate=HERTZ, return_tensors="pt").input_features[..., :50]
        wanted = list[int]()
        encoded = model.model.encoder(mel_BFT)
        while len(wanted) < 6 and without_echo(wanted) == wanted:
            ids = torch.tensor([[*begin, *wanted]])
            logits_V = model(encoder_outputs=encoded, decoder_input_ids=ids).logits[0, -1]
            logits_V[WORDS + 1 :] = -torch.inf
            logits_V[[0, WORDS] if not wanted else []] = -torch.inf
            if (piece := int(logits_V.argmax())) == WORDS:
                break
            wanted.append(piece)
        said = step(folder, language="de", most=6).apply({"waveform": wave}, np.random.default_rng(0))["sentence"]
        assert said == " ".join(f"w{piece}" for piece in without_echo(wanted))
        heard.add(said)
    assert len(heard) > 1


def test_a_clip_is_understood_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = list[int]()
    own = recognising.Recogniser.said
    monkeypatch.setattr(
        recognising.Recogniser, "said", lambda self, x, most: heard.append(len(x)) or own(self, x, most)
    )
    listening = step(folder, most=4)
    said = [listening.apply({"waveform": speech(seed)}, np.random.default_rng(0))["sentence"] for seed in (0, 1, 0)]
    assert said[0] == said[2]
    assert len(heard) == 2


def test_an_echo_ends_a_sentence() -> None:
    assert without_echo([1, 2, 3]) == [1, 2, 3]
    assert without_echo([4, 4]) == [4, 4]
    assert without_echo([7, 4, 4, 4]) == [7, 4]
    assert without_echo([9, 1, 2, 3, 1, 2, 3]) == [9, 1, 2, 3]
    assert without_echo([]) == []


def test_what_cannot_be_understood_is_said(folder: Path, tmp_path: Path) -> None:
    heard = {"waveform": Heard(hertz=HERTZ, seconds=0.5)}
    assert "No weights are chosen" in step(Path()).__class__(SpeechRecogniser.Config()).hears(heard)[1][0].what
    assert "There is no Whisper" in step(tmp_path).hears(heard)[1][0].what
    assert not step(folder).hears(heard)[1]
    with pytest.raises(Refused, match=r"hears 0\.5 seconds here; a clip has 0\.6"):
        step(folder).apply({"waveform": speech(count=HERTZ * 6 // 10)}, np.random.default_rng(0))
    with pytest.raises(Refused, match="does not know the language 'xx'"):
        recogniser(str(folder), "xx")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}), "utf-8")
    with pytest.raises(Refused, match=r"no tokenizer\.json"):
        recogniser(str(tmp_path), "en")
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    with pytest.raises(Refused, match="holds a bert, not Whisper"):
        recogniser(str(tmp_path), "en")
