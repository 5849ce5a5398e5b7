"""A Whisper small enough for a test: random weights, thirty words, two languages."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from core.blocks.encoders.hub_loading import transformers_module

WORDS = 30
START, TASK, NO_TIMES = "<|startoftranscript|>", "<|transcribe|>", "<|notimestamps|>"
SIGNS = ["<|endoftext|>", START, "<|en|>", "<|de|>", TASK, NO_TIMES]


def tiny_whisper(folder: Path, positions: int, layers: int = 1) -> Path:
    """Written into the folder, with its tokenizer; it hears a fiftieth of a second a position."""
    library = transformers_module()
    torch.manual_seed(0)
    config = library.WhisperConfig(
        d_model=16, encoder_layers=layers, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, num_mel_bins=80, max_source_positions=positions, max_target_positions=48,
        vocab_size=WORDS + len(SIGNS), pad_token_id=WORDS, bos_token_id=WORDS, eos_token_id=WORDS, decoder_start_token_id=WORDS + 1,
        init_std=1.0, begin_suppress_tokens=[0, WORDS], suppress_tokens=[],
    )  # fmt: skip
    library.WhisperForConditionalGeneration(config).save_pretrained(folder)
    names = [*(f"w{number}" for number in range(WORDS)), *SIGNS]
    pieces = WordLevel({name: number for number, name in enumerate(names)}, unk_token="w0")
    Tokenizer(pieces).save(str(folder / "tokenizer.json"))
    return folder
