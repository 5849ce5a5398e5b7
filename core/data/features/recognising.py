"""What is said in a clip, by Whisper (arXiv:2212.04356) with weights from a folder: log-mel, encoder, and a decoder that is asked greedily.

In windows shorter than those it was trained at it may say the same again and again: an echo ends the sentence.
Axes: S samples, F bands, T frames, N frames of the encoder, D width, V pieces.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from core.blocks.encoders.audio_features import own_samples, whisper_mel
from core.blocks.encoders.hub_loading import config_from, transformers_module, weights_from
from core.blocks.values import Waveform
from core.pretrained import locate
from core.problems import refuse

HERTZ, A_POSITION = 16_000, 320  # samples that one position of the encoder stands for
LONGEST_ECHO, TIMES_A_PIECE = 12, 3
START, TASK, NO_TIMES = "<|startoftranscript|>", "<|transcribe|>", "<|notimestamps|>"


class Recogniser:
    """A Whisper that listens to one language."""

    def __init__(self, source: str, language: str) -> None:
        library = transformers_module()
        folder = Path(locate(source))
        if not (folder / "tokenizer.json").is_file():
            raise refuse(
                f"There is no tokenizer.json at {source!r}.", hint="Choose a folder with Whisper and its tokenizer."
            )
        try:
            kind = config_from(library.AutoConfig, source).model_type
            if kind != "whisper":
                raise refuse(f"{source!r} holds a {kind}, not Whisper.", hint="Choose a folder with Whisper.")
            self.model, _ = weights_from(library.WhisperForConditionalGeneration, source)
        except (OSError, ValueError) as error:
            text = str(error).strip().splitlines() or [type(error).__name__]
            raise refuse(f"Whisper cannot be loaded from {source!r}: {text[0][:200]}") from error
        self.model = self.model.eval().requires_grad_(False)
        self.words = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.window = self.model.config.max_source_positions * A_POSITION
        known = inspect.signature(self.model.forward).parameters
        self.kept = "cache" if "cache" in known else "past_key_values"  # renamed in transformers 5
        self.begin = self._beginning(language)
        self.end = int(self.model.config.eos_token_id)
        ears = library.WhisperFeatureExtractor(feature_size=self.model.config.num_mel_bins)
        self.filters_QF = torch.as_tensor(ears.mel_filters).float()

    def _beginning(self, language: str) -> list[int]:
        """The signs before the words; a model of English alone knows no languages."""
        signs = [START, TASK, NO_TIMES] if language else [START, NO_TIMES]
        if language:
            signs.insert(1, f"<|{language}|>")
        ids = [self.words.token_to_id(sign) for sign in signs]
        if None in ids:
            raise refuse(
                f"This Whisper does not know the language {language!r}.",
                hint="Give its two letters, such as en, de or zh; none for a model of English alone.",
            )
        return ids  # type: ignore[return-value]

    @torch.no_grad()
    def said(self, own_S: Tensor, most: int) -> str:
        """The words of a clip at 16 kHz, at most so many pieces. Raises Refused where it is longer than the window."""
        if len(own_S) > self.window:
            raise refuse(
                f"Whisper hears {self.window / HERTZ:g} seconds here; a clip has {len(own_S) / HERTZ:.3g}.",
                hint="Cut clips with Audio length.",
            )
        wave = Waveform(samples_BS=own_S[None], lengths_B=torch.tensor([len(own_S)]), hertz=HERTZ)
        mel_BFT = whisper_mel(own_samples(wave, self.window), self.filters_QF)
        x_BND = self.model.model.encoder(mel_BFT).last_hidden_state
        return str(self.words.decode(self._greedy(x_BND, most))).strip()

    def _greedy(self, x_BND: Tensor, most: int) -> list[int]:
        """The likeliest piece each time, none of them a sign; an echo is cut off."""
        asked_BL, kept, found = torch.tensor([self.begin]), None, list[int]()
        while len(found) < most:
            made = self.model(encoder_outputs=(x_BND,), decoder_input_ids=asked_BL, use_cache=True, **{self.kept: kept})
            kept, logits_V = getattr(made, self.kept), made.logits[0, -1]
            logits_V[self.end + 1 :] = -torch.inf
            if not found:
                logits_V[self.model.config.begin_suppress_tokens or []] = -torch.inf
            if (piece := int(logits_V.argmax())) == self.end:
                break
            found.append(piece)
            if (rest := without_echo(found)) != found:
                return rest
            asked_BL = torch.tensor([[piece]])
        return found


def without_echo(pieces: Sequence[int]) -> list[int]:
    """Without what is said a second time at the end: the last few pieces like those before them, or one three times."""
    own = list(pieces)
    if len(own) >= TIMES_A_PIECE and len(set(own[-TIMES_A_PIECE:])) == 1:
        return own[: 1 - TIMES_A_PIECE]
    for count in range(2, LONGEST_ECHO + 1):
        if len(own) >= 2 * count and own[-count:] == own[-2 * count : -count]:
            return own[:-count]
    return own


@functools.lru_cache(maxsize=2)
def recogniser(source: str, language: str) -> Recogniser:
    """Kept: loading takes seconds. Raises Refused."""
    return Recogniser(source, language)


def ready(source: str) -> Any:
    """The configuration of the Whisper in a folder. Raises Refused where there is none."""
    try:
        return config_from(transformers_module().AutoConfig, source)
    except (OSError, ValueError) as error:
        raise refuse(f"There is no Whisper at {source!r}.", hint="Choose a folder that has one.") from error
