"""Audio towers of transformers: equal to the library on the same weights, to a clip's own end, with times and taps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.blocks.encoders.ast_hub import ASTHub
from core.blocks.encoders.clap_audio import CLAPAudio
from core.blocks.encoders.clap_text import CLAPText
from core.blocks.encoders.hub_audio import HubAudioTower
from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.hubert import HuBERT
from core.blocks.encoders.text_transformer import example_text
from core.blocks.encoders.wav2vec2 import Wav2Vec2
from core.blocks.encoders.wavlm import WavLM
from core.blocks.encoders.whisper import WhisperEncoder
from core.blocks.values import Waveform
from core.knobs import configure
from core.problems import Refused

OVER_SAMPLES = [Wav2Vec2, HuBERT, WavLM]
TOWERS = [*OVER_SAMPLES, WhisperEncoder, ASTHub, CLAPAudio]


def built(cls: type[HubAudioTower], incoming: Any = None, **knobs: Any) -> Any:
    torch.manual_seed(0)
    incoming = incoming or cls.example()
    return cls(configure(cls.Config, {**cls.tiny(), **knobs}), incoming).eval()


def waves(cls: type[HubAudioTower], *lengths: int) -> Waveform:
    torch.manual_seed(1)
    lengths_B = torch.tensor(lengths)
    return Waveform(samples_BS=0.1 * torch.randn(len(lengths), max(lengths)), lengths_B=lengths_B, hertz=cls.rate)


def alone(wave: Waveform, row: int) -> Waveform:
    length = int(wave.lengths_B[row])
    return replace(wave, samples_BS=wave.samples_BS[row : row + 1, :length], lengths_B=wave.lengths_B[row : row + 1])


@pytest.mark.parametrize("cls", TOWERS)
@torch.no_grad()
def test_a_padded_clip_gives_what_it_gives_alone(cls: type[HubAudioTower]) -> None:
    """With noise, and not only silence, behind its end."""
    wave = waves(cls, cls.rate // 2, cls.rate // 5, cls.rate // 3)
    tower = built(cls, {"waveform": wave})
    together = tower(wave)["tokens"]
    for row in range(3):
        by_itself = tower(alone(wave, row))["tokens"]
        real = (
            torch.ones(together.x_BND.shape[1], dtype=torch.bool) if together.mask_BN is None else together.mask_BN[row]
        )
        own = by_itself.x_BND[0] if by_itself.mask_BN is None else by_itself.x_BND[0][by_itself.mask_BN[0]]
        torch.testing.assert_close(together.x_BND[row][real], own, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("cls", OVER_SAMPLES)
@pytest.mark.parametrize("norm", ["group", "layer"])
@torch.no_grad()
def test_towers_over_samples_equal_the_librarys(cls: type[HubAudioTower], norm: str, tmp_path: Path) -> None:
    """One clip, features by the library's own extractor; both forms that were published (base and large)."""
    library = transformers_module()
    config = getattr(library, cls.config_class)(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, conv_dim=(8,) * 7, feat_extract_norm=norm,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, do_stable_layer_norm=norm == "layer", conv_bias=norm == "layer",
    )  # fmt: skip
    torch.manual_seed(0)
    theirs = getattr(library, cls.model_class)(config).eval()
    theirs.save_pretrained(tmp_path)
    wave = waves(cls, 16_000)
    tower = built(cls, {"waveform": wave}, source=str(tmp_path))
    values = library.Wav2Vec2FeatureExtractor()(
        wave.samples_BS[0].numpy(), sampling_rate=16_000, return_tensors="pt"
    ).input_values
    given = theirs(values, output_hidden_states=True)
    torch.testing.assert_close(tower(wave)["tokens"].x_BND, given.last_hidden_state, atol=1e-5, rtol=1e-4)
    taps = tower.taps(wave)
    for ours, other in zip(taps[:-1], given.hidden_states):
        torch.testing.assert_close(ours, other, atol=1e-5, rtol=1e-4)
    assert len(taps) == 4


@torch.no_grad()
def test_a_mask_is_the_librarys_where_it_has_one(tmp_path: Path) -> None:
    """Two clips at once, as Wav2Vec2's large form is meant to be called."""
    library = transformers_module()
    config = library.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=(8,) * 7, feat_extract_norm="layer",
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, do_stable_layer_norm=True, conv_bias=True,
    )  # fmt: skip
    theirs = library.Wav2Vec2Model(config).eval()
    theirs.save_pretrained(tmp_path)
    wave = waves(Wav2Vec2, 8000, 4000)
    tower = built(Wav2Vec2, {"waveform": wave}, source=str(tmp_path))
    clips = [alone(wave, row).samples_BS[0].numpy() for row in range(2)]
    made = library.Wav2Vec2FeatureExtractor(return_attention_mask=True)(
        clips, sampling_rate=16_000, padding=True, return_tensors="pt"
    )
    tokens = tower(wave)["tokens"]
    given = theirs(made.input_values, attention_mask=made.attention_mask).last_hidden_state
    torch.testing.assert_close(tokens.x_BND[tokens.mask_BN], given[tokens.mask_BN], atol=1e-5, rtol=1e-4)


def test_a_second_is_49_tokens_20_ms_apart() -> None:
    tower = built(Wav2Vec2)
    tokens = tower(waves(Wav2Vec2, 16_000))["tokens"]
    assert tokens.x_BND.shape[1] == 49
    assert tower.hop == 320
    assert (tokens.grid.kind, tokens.grid.first, tokens.grid.step) == ("times", 0.0125, 0.02)
    assert tower.tokens_in(torch.tensor([0, 399, 400, 719, 720, 16_000])).tolist() == [0, 0, 1, 1, 2, 49]


@pytest.mark.parametrize("cls", [Wav2Vec2, WhisperEncoder, ASTHub])
@torch.no_grad()
def test_a_tone_lies_where_its_token_says(cls: type[HubAudioTower]) -> None:
    """A burst changes the tokens whose time is the burst's more than those far from it, before any attention."""
    quiet = waves(cls, cls.rate)
    tower = built(cls, {"waveform": quiet}, tap="one layer", layer=0)
    if cls is Wav2Vec2:  # norms over time let all of the clip change
        tower.ears.do_normalize, tower.model.feature_extractor.conv_layers[0].layer_norm = False, torch.nn.Identity()
    loud = replace(quiet, samples_BS=quiet.samples_BS.clone())
    loud.samples_BS[:, 9600:11_200] += torch.sin(torch.arange(1600) * 0.3)
    before, after = (tower(wave)["tokens"] for wave in (quiet, loud))
    bands = before.grid.sizes[0] if before.grid.kind == "bins" else 1
    change_N = (after.x_BND - before.x_BND)[0, before.grid.extra :].norm(dim=-1).unflatten(0, (bands, -1)).sum(0)
    found = before.grid.first + before.grid.step * float(
        (change_N * torch.arange(len(change_N))).sum() / change_N.sum()
    )
    assert found == pytest.approx(0.65, abs=0.06)


@torch.no_grad()
def test_whisper_equals_the_librarys_out_of_a_whole_model(tmp_path: Path) -> None:
    library = transformers_module()
    torch.manual_seed(0)
    config = library.WhisperConfig(
        d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=32, decoder_layers=1, decoder_attention_heads=2,
        decoder_ffn_dim=32, max_source_positions=100, vocab_size=50, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1,
    )  # fmt: skip
    whole = library.WhisperForConditionalGeneration(config).eval()
    whole.save_pretrained(tmp_path)
    wave = waves(WhisperEncoder, 20_000)
    tower = built(WhisperEncoder, {"waveform": wave}, source=str(tmp_path))
    window = np.pad(wave.samples_BS[0].numpy(), (0, 12_000))
    features = library.WhisperFeatureExtractor(chunk_length=2)(
        window, sampling_rate=16_000, return_tensors="pt"
    ).input_features
    given = whole.model.encoder(features, output_hidden_states=True)
    tokens = tower(wave)["tokens"]
    torch.testing.assert_close(tokens.x_BND, given.last_hidden_state, atol=1e-4, rtol=1e-3)
    assert tokens.mask_BN.sum() == 63
    for ours, other in zip(tower.taps(wave), given.hidden_states, strict=True):
        torch.testing.assert_close(ours, other, atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_ast_equals_the_librarys(tmp_path: Path) -> None:
    library = transformers_module()
    torch.manual_seed(0)
    config = library.ASTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_length=100
    )
    theirs = library.ASTModel(config).eval()
    theirs.save_pretrained(tmp_path)
    extractor = library.ASTFeatureExtractor(max_length=100)
    extractor.save_pretrained(tmp_path)
    wave = waves(ASTHub, 12_000)
    tower = built(ASTHub, {"waveform": wave}, source=str(tmp_path))
    values = extractor(wave.samples_BS[0].numpy(), sampling_rate=16_000, return_tensors="pt").input_values
    given = theirs(values).last_hidden_state
    torch.testing.assert_close(tower(wave)["tokens"].x_BND, given, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("is_fused", [False, True])
@torch.no_grad()
def test_clap_equals_the_librarys_out_of_a_whole_model(is_fused: bool, tmp_path: Path) -> None:
    library = transformers_module()
    torch.manual_seed(0)
    audio = library.ClapAudioConfig(
        patch_embeds_hidden_size=4, depths=(1, 1, 1, 1), num_attention_heads=(2, 2, 2, 2), hidden_size=32, enable_fusion=is_fused,
        fusion_type="aff_2d" if is_fused else None,
    )  # fmt: skip
    text = library.ClapTextConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=12,
    )  # fmt: skip
    whole = library.ClapModel(
        library.ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=16)
    ).eval()
    whole.save_pretrained(tmp_path)
    extractor = library.ClapFeatureExtractor(truncation="fusion" if is_fused else "rand_trunc", frequency_min=50)
    extractor.save_pretrained(tmp_path)
    wave = waves(CLAPAudio, 110_000)
    tower = built(CLAPAudio, {"waveform": wave}, source=str(tmp_path))
    features = extractor(wave.samples_BS[0].numpy(), sampling_rate=48_000, return_tensors="pt").input_features
    given = whole.audio_model(features, is_longer=torch.zeros(1, 1, dtype=torch.bool))
    tokens = tower(wave)["tokens"]
    torch.testing.assert_close(tokens.x_BND.mean(1), given.pooler_output, atol=1e-4, rtol=1e-3)
    assert tokens.grid.sizes == (2, 32)
    words = example_text()
    ids = words.ids_BL.where(words.mask_BL, 1) + (
        words.ids_BL == 1
    )  # number 1 is padding to the library, wherever it stands
    words = replace(words, ids_BL=ids)
    ours = CLAPText(CLAPText.Config(source=str(tmp_path)), {"text": words}).eval()(words)["tokens"].x_BND
    theirs = whole.text_model(input_ids=ids, attention_mask=words.mask_BL.long()).last_hidden_state
    torch.testing.assert_close(ours[words.mask_BL], theirs[words.mask_BL], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("cls", [Wav2Vec2, WavLM, WhisperEncoder, ASTHub])
def test_a_mix_is_the_mean_at_first_and_learns_which_layer_counts(cls: type[HubAudioTower]) -> None:
    tower = built(cls, tap="all layers")
    wave = cls.example()["waveform"]
    taps = tower.taps(wave)
    torch.testing.assert_close(tower(wave)["tokens"].x_BND, torch.stack(taps).mean(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(taps[-1], built(cls)(wave)["tokens"].x_BND)  # hidden_states[-1] is the last hidden state
    torch.testing.assert_close(built(cls, tap="one layer", layer=1)(wave)["tokens"].x_BND, taps[1])
    (tower(wave)["tokens"].x_BND - taps[1].detach()).square().mean().backward()
    assert int(tower.mix.weight_K.grad.argmin()) == 1
    assert sum(tower.readings().values()) == pytest.approx(1.0)


def test_what_is_hidden_in_training_is_drawn_from_the_runs_own_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """And from no other: the library's own masks come from numpy's global one."""
    wave = waves(HuBERT, 16_000, 8000)
    tower = built(HuBERT, hidden=0.5, stretch=5).train()

    def made(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        shown: torch.Tensor = tower(wave)["tokens"].x_BND
        return shown

    state = np.random.get_state()[1]
    first, again, other = made(0), made(0), made(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (np.random.get_state()[1] == state).all()
    plain = built(HuBERT)
    plain.load_state_dict(tower.state_dict(), strict=False)
    torch.testing.assert_close(tower.eval()(wave)["tokens"].x_BND, plain(wave)["tokens"].x_BND)


@pytest.mark.parametrize("cls", TOWERS)
def test_another_rate_is_refused(cls: type[HubAudioTower]) -> None:
    wave = replace(cls.example()["waveform"], hertz=8000)
    with pytest.raises(Refused, match="8,000 Hz"):
        built(cls, {"waveform": wave})


LONG: list[tuple[type[HubAudioTower], Callable[[], int]]] = [(WhisperEncoder, lambda: 32_001), (ASTHub, lambda: 17_000)]


@pytest.mark.parametrize(("cls", "samples"), LONG)
def test_what_would_be_cut_is_refused(cls: type[HubAudioTower], samples: Callable[[], int], tmp_path: Path) -> None:
    small = built(cls, {"waveform": waves(cls, 16_000)})
    small.model.save_pretrained(tmp_path)
    with pytest.raises(Refused, match="hears"):
        built(cls, {"waveform": waves(cls, samples())}, source=str(tmp_path))


@torch.no_grad()
def test_wavlms_maps_are_each_heads_own() -> None:
    """The library gives the mean of the heads for each; their mean here is that."""
    tower = built(WavLM)
    wave = waves(WavLM, 8000)
    maps = tower.watched(waveform=wave)[1]
    found: list[torch.Tensor] = []
    for layer in tower.layers():
        del layer.attention.torch_multi_head_self_attention
        layer.attention.register_forward_hook(lambda _m, _i, made: found.append(made[1]))
    tower.model(tower.ears(wave.samples_BS[0].numpy(), sampling_rate=16_000, return_tensors="pt").input_values)
    for ours, theirs in zip(maps.values(), found, strict=True):
        torch.testing.assert_close(ours.mean(1), theirs[:, 0], atol=1e-5, rtol=1e-4)
        assert (ours[:, 0] - ours[:, 1]).abs().max() > 1e-3
        assert torch.equal(theirs[:, 0], theirs[:, 1])
