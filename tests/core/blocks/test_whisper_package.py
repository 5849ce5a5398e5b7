"""Whisper out of CTranslate2's form: the library's numbers on the same weights, fewer seconds, and refusals in words."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.blocks.encoders.ctranslate import read_arrays
from core.blocks.encoders.hub_loading import transformers_module, weights_from
from core.blocks.encoders.whisper_package import convert
from core.problems import Refused
from studio.cli import main


def text(word: str) -> bytes:
    return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"


def array(name: str, values: np.ndarray, code: int) -> bytes:
    sizes = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
    return text(name) + sizes + struct.pack("<BI", code, values.nbytes) + values.tobytes()


def packed(named: Mapping[str, np.ndarray], kind: str = "WhisperSpec", version: int = 6) -> bytes:
    codes = {"float32": 0, "int8": 1, "int16": 2, "float16": 4}
    body = b"".join(array(name, values, codes[values.dtype.name]) for name, values in named.items())
    other = struct.pack("<I", 1) + text("decoder/projection/weight") + text("decoder/embeddings/weight")
    return struct.pack("<I", version) + text(kind) + struct.pack("<II", 3, len(named)) + body + other


def as_ctranslate(whole: Any) -> dict[str, np.ndarray]:
    """A model's weights as CTranslate2's converter names and joins them."""
    w: dict[str, Tensor] = {name.removeprefix("model."): x for name, x in whole.state_dict().items()}
    made: dict[str, Tensor] = {"decoder/embeddings/weight": w["decoder.embed_tokens.weight"]}

    def norm(here: str, there: str) -> None:
        made[f"{here}/gamma"], made[f"{here}/beta"] = w[f"{there}.weight"], w[f"{there}.bias"]

    def maps(here: str, *there: str) -> None:
        weights = [w[f"{name}.weight"] for name in there]
        shifts = [w.get(f"{name}.bias", torch.zeros(len(weight))) for name, weight in zip(there, weights)]
        made[f"{here}/weight"], made[f"{here}/bias"] = torch.cat(weights), torch.cat(shifts)

    for name in ("conv1", "conv2"):
        maps(f"encoder/{name}", f"encoder.{name}")
    for side in ("encoder", "decoder"):
        made[f"{side}/position_encodings/encodings"] = w[f"{side}.embed_positions.weight"]
        norm(f"{side}/layer_norm", f"{side}.layer_norm")
        for number in range(2):
            here, there = f"{side}/layer_{number}", f"{side}.layers.{number}"
            norm(f"{here}/self_attention/layer_norm", f"{there}.self_attn_layer_norm")
            maps(f"{here}/self_attention/linear_0", *(f"{there}.self_attn.{letter}_proj" for letter in "qkv"))
            maps(f"{here}/self_attention/linear_1", f"{there}.self_attn.out_proj")
            norm(f"{here}/ffn/layer_norm", f"{there}.final_layer_norm")
            maps(f"{here}/ffn/linear_0", f"{there}.fc1")
            maps(f"{here}/ffn/linear_1", f"{there}.fc2")
        for number in range(2) if side == "decoder" else ():
            here, there = f"{side}/layer_{number}/attention", f"{side}.layers.{number}"
            norm(f"{here}/layer_norm", f"{there}.encoder_attn_layer_norm")
            maps(f"{here}/linear_0", f"{there}.encoder_attn.q_proj")
            maps(f"{here}/linear_1", *(f"{there}.encoder_attn.{letter}_proj" for letter in "kv"))
            maps(f"{here}/linear_2", f"{there}.encoder_attn.out_proj")
    return {name: x.detach().numpy() for name, x in made.items()} | {"encoder/num_heads": np.array(2, dtype=np.int16)}


@pytest.fixture(scope="module")
def whole() -> Any:
    library = transformers_module()
    torch.manual_seed(0)
    config = library.WhisperConfig(
        d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
        decoder_ffn_dim=32, num_mel_bins=8, max_source_positions=50, max_target_positions=12, vocab_size=40, pad_token_id=0,
        bos_token_id=0, eos_token_id=0, decoder_start_token_id=1, suppress_tokens=[], begin_suppress_tokens=[],
    )  # fmt: skip
    return library.WhisperForConditionalGeneration(config).eval()


def written(folder: Path, data: bytes, parts: int = 1) -> list[Path]:
    files = [folder / f"model.bin.part{number}" for number in range(parts)]
    size = -(-len(data) // parts)
    for number, file in enumerate(files):
        file.write_bytes(data[number * size : (number + 1) * size])
    return files


@torch.no_grad()
def test_a_folder_gives_the_numbers_of_the_weights_that_went_in(whole: Any, tmp_path: Path) -> None:
    folder = convert(written(tmp_path, packed(as_ctranslate(whole)), parts=3), tmp_path / "made", seconds=1)
    found, info = weights_from(transformers_module().WhisperForConditionalGeneration, str(folder))
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    mel_BFT, asked_BL = torch.randn(2, 8, 100), torch.tensor([[1, 5, 7], [1, 9, 2]])
    mine, theirs = (model.eval()(input_features=mel_BFT, decoder_input_ids=asked_BL).logits for model in (found, whole))
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_command_writes_one_that_hears_less(whole: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = written(tmp_path, packed(as_ctranslate(whole)))
    assert main(["convert-whisper", str(file), "--to", str(tmp_path / "made"), "--seconds", "0.4"]) == 0
    assert "It hears 0.4 seconds" in capsys.readouterr().out
    found, _ = weights_from(transformers_module().WhisperForConditionalGeneration, str(tmp_path / "made"))
    assert found.config.max_source_positions == 20
    torch.testing.assert_close(
        found.model.encoder.embed_positions.weight, whole.model.encoder.embed_positions.weight[:20]
    )
    assert main(["convert-whisper", str(file), "--to", str(tmp_path / "more"), "--seconds", "2"]) == 2
    assert "It hears 1 seconds; 2 are asked for" in capsys.readouterr().err


def test_what_is_no_whisper_is_refused_in_words(whole: Any, tmp_path: Path) -> None:
    named = as_ctranslate(whole)
    good = packed(named)
    for data, why in (
        (good[:-3], "ends too early"), (good + b"x", "1 bytes are left"), (b"", "ends too early"),
        (packed(named, version=5), "its version is 5"), (packed(named, kind="Transformer"), "is a Transformer, not Whisper"),
        (packed(named | {"encoder/conv1/weight": named["encoder/conv1/weight"].astype(np.int8)}), "quantised"),
        (packed({"a": np.zeros(2, np.float32)}), "another name for"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=why):
            convert(written(tmp_path, data), tmp_path / "never")
    assert not (tmp_path / "never").exists()
    with pytest.raises(Refused, match="cannot be read: No such file"):
        read_arrays([tmp_path / "gone"])
