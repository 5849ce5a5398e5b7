"""Codecs as transformers has them: the same codes, coarse before fine, published frame rates, and back into audio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.tokenizers.audio_codec import CLASSES, DAC, ENCODEC, MIMI, AudioCodec
from core.blocks.values import Waveform


def wave(samples: int, hertz: int = 24_000, count: int = 1) -> Waveform:
    torch.manual_seed(1)
    return Waveform(
        samples_BS=0.1 * torch.randn(count, samples), lengths_B=torch.tensor([samples] * count), hertz=hertz
    )


def codec(name: str, given: Waveform, **knobs: Any) -> AudioCodec:
    torch.manual_seed(0)
    return AudioCodec(
        AudioCodec.Config(**{"codec": name, "levels": 4, "coarse": 1, **knobs}), {"waveform": given}
    ).eval()


@pytest.mark.parametrize("name", list(CLASSES))
def test_codes_and_audio_are_the_librarys(name: str, tmp_path: Path) -> None:
    given = wave(9600)
    codec(name, given).model.save_pretrained(tmp_path)
    module = codec(name, given, source=str(tmp_path))
    theirs = getattr(transformers_module(), f"{CLASSES[name]}Model").from_pretrained(tmp_path).eval()
    made = module(given)
    samples = given.samples_BS[:, None]
    with torch.no_grad():
        if name == ENCODEC:
            codes = theirs.encode(samples, bandwidth=24.0).audio_codes[0][:, :4]
            audio = theirs.decode(codes[None], [None]).audio_values
        elif name == DAC:
            codes = theirs.encode(samples).audio_codes
            audio = theirs.decode(audio_codes=codes).audio_values
        else:
            codes = theirs.encode(samples, num_quantizers=4).audio_codes
            audio = theirs.decode(codes).audio_values
    assert torch.equal(made["coarse"].ids_BN, codes[:, 0])
    fine = made["fine"].ids_BN.unflatten(1, (-1, 3)).transpose(1, 2)
    assert torch.equal(fine - 64 * torch.arange(3)[:, None], codes[:, 1:])
    assert (made["coarse"].vocabulary, made["fine"].vocabulary) == (64, 192)
    audio = audio.flatten(1)[:, :9600]
    torch.testing.assert_close(made["waveform"].samples_BS[:, : audio.shape[1]], audio, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "hertz", "rate"), [(ENCODEC, 24_000, 75.0), (DAC, 44_100, 44_100 / 512), (MIMI, 24_000, 12.5)]
)
def test_frame_rates_are_as_published(name: str, hertz: int, rate: float) -> None:
    given = wave(2 * hertz, hertz)
    with torch.device("meta"):
        meta = Waveform(samples_BS=torch.empty(1, 2 * hertz), lengths_B=torch.empty(1, dtype=torch.long), hertz=hertz)
        found = AudioCodec(AudioCodec.Config(codec=name), {"waveform": meta})(meta)["coarse"]
    assert found.grid.sizes[0] == pytest.approx(2 * rate, abs=1)
    assert 1 / found.grid.step == pytest.approx(rate, rel=0.01)
    assert found.ids_BN.shape[1] == 2 * found.grid.sizes[0]
    assert given.hertz == hertz


@pytest.mark.parametrize("name", list(CLASSES))
def test_as_many_times_as_are_counted(name: str) -> None:
    module = codec(name, wave(4800))
    for samples in (2400, 4800, 4801, 5119, 7777):
        assert module(wave(samples))["coarse"].grid.sizes[0] == module.times(samples)


def test_a_codec_stays_as_it_was_trained() -> None:
    module = codec(ENCODEC, wave(2400))
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert module.hertz == 24_000


def test_a_fine_level_must_be_left() -> None:
    with pytest.raises(ValueError, match="a fine one must be left"):
        codec(ENCODEC, wave(2400), coarse=4)
