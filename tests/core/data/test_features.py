"""Features of sounds by closed forms, and beside librosa and transformers where they compute the same."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.data.bands import evened
from core.data.catalog import transforms
from core.data.features.beat import onsets, repetition, tempo
from core.data.features.frames import framed, frequencies, spectrum
from core.data.features.harmony import CLASSES, chroma_filters
from core.data.features.mel import cepstrum, decibels, empty_bands, filters, mel_power
from core.data.features.pitch import contour
from core.data.features.shape import centroid, crossing_rate, level, rolloff
from core.data.media import Bands, Wave
from core.data.transforms.multi_scale import means
from core.data.transforms.prosody import carried_on, stretches
from core.problems import Refused
from core.runs.declared import declared_vocabulary
from core.torchaudio_import import prepare_torchaudio

HERTZ, N_FFT, HOP = 16_000, 512, 160
INSIDE = slice(5, -5)  # frames that the mirrored ends do not reach


def sine(hertz: float, seconds: float = 1.0, amplitude: float = 0.3, rate: int = HERTZ) -> Tensor:
    time = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return (amplitude * torch.sin(2 * math.pi * hertz * time)).float()


def noise(seconds: float = 1.0) -> Tensor:
    return torch.randn(round(seconds * HERTZ), generator=torch.Generator().manual_seed(0)) * 0.1


def made(key: str, wave: Tensor, **knobs: Any) -> Tensor:
    step = transforms[f"transforms.{key}"](transforms[f"transforms.{key}"].Config(**knobs))
    bands = step.apply({"waveform": Wave.of(wave, HERTZ)}, np.random.default_rng(0))["spectrogram"]
    assert isinstance(bands, Bands)
    return bands.x_FT


def of_bands(key: str, value: Bands, seed: int = 0, **knobs: Any) -> Tensor:
    step = transforms[f"transforms.{key}"](transforms[f"transforms.{key}"].Config(**knobs))
    found: Tensor = step.apply({"spectrogram": value}, np.random.default_rng(seed))["spectrogram"].x_FT
    return found


def bands(x_FT: Tensor, real: int | None = None) -> Bands:
    samples = (x_FT.shape[1] - 1) * HOP
    return Bands(x_FT=x_FT, real=samples if real is None else real, samples=samples, hertz=HERTZ, hop=HOP, window=N_FFT)


@pytest.mark.parametrize("hertz", [80.0, 110.0, 220.0, 440.0, 550.0])
def test_the_pitch_of_a_sine_is_its_frequency(hertz: float) -> None:
    found = made("prosody", sine(hertz), unit="Hz")[0, INSIDE]
    assert (found - hertz).abs().max() <= 1.0


def test_a_voice_with_its_octaves_keeps_its_own() -> None:
    """Pulses whose even harmonics are far stronger, in noise: a nearest-minimum reading jumps to the octave."""
    time = torch.arange(HERTZ, dtype=torch.float64) / HERTZ
    voice = sum(torch.sin(2 * math.pi * 150 * k * time) * (1.0 if k % 2 == 0 else 0.35) for k in range(1, 13))
    found = contour((0.1 * voice).float() + 0.3 * noise(), HERTZ, HOP)
    voiced = found.hertz_T[found.voiced_T]
    assert len(voiced) > 80
    assert (12 * torch.log2(voiced / 150)).abs().max() < 1.0


def test_noise_and_silence_have_no_pitch() -> None:
    assert not contour(torch.zeros(HERTZ), HERTZ, HOP).voiced_T.any()
    assert contour(noise(), HERTZ, HOP).voiced_T.float().mean() < 0.1


def test_a_glide_is_followed() -> None:
    time = torch.arange(HERTZ, dtype=torch.float64) / HERTZ
    glide = 0.3 * torch.sin(2 * math.pi * (200 * time + 50 * time.square()))  # 200 to 300 Hz
    found = contour(glide.float(), HERTZ, HOP).hertz_T[INSIDE]
    wanted = 200 + 100 * torch.arange(101)[INSIDE] * HOP / HERTZ
    assert (found - wanted).abs().max() < 1.5


def test_semitones_from_the_median_are_the_same_for_a_high_and_a_low_voice() -> None:
    time = torch.arange(HERTZ, dtype=torch.float64) / HERTZ
    low, high = (0.3 * torch.sin(2 * math.pi * f * (time + 0.25 * time.square())).float() for f in (120, 240))
    ours = [made("prosody", wave)[0, INSIDE] for wave in (low, high)]
    assert (ours[0] - ours[1]).abs().max() < 0.2
    assert ours[0].median().abs() < 0.1
    assert ours[0][-1] - ours[0][0] > 5


def test_prosody_tells_how_long_a_voice_lasts_and_how_loud_it_is() -> None:
    wave = torch.cat([torch.zeros(HERTZ // 2), sine(200, 0.5), torch.zeros(HERTZ // 2)])
    _, voiced, energy, long = made("prosody", wave)
    assert voiced[60:90].all()
    assert not voiced[:40].any()
    assert long[75] == pytest.approx(0.5, abs=0.05)
    assert long[20] == 0
    assert energy[75] == pytest.approx(1.0, abs=0.02)
    assert energy[20] == 0
    assert stretches(torch.tensor([0, 1, 1, 0, 1]) > 0).tolist() == [0, 2, 2, 0, 1]
    assert carried_on(torch.tensor([9.0, 1.0, 9.0, 3.0]), torch.tensor([0, 1, 0, 1]) > 0).tolist() == [1, 1, 2, 3]


@pytest.mark.parametrize("hertz", [440.0, 1000.0, 3000.0])
def test_a_sine_has_its_level_centroid_and_crossings(hertz: float) -> None:
    crossings, middle, roll, loud = made("spectral_features", sine(hertz), normalise=False)[:, INSIDE]
    assert loud.mean() == pytest.approx(0.3 / math.sqrt(2), rel=0.01)
    assert crossings.mean() == pytest.approx(2 * hertz / HERTZ, rel=0.02)
    assert middle.mean() == pytest.approx(hertz, rel=0.01)
    assert roll.mean() == pytest.approx(hertz, abs=2 * HERTZ / N_FFT)


@pytest.mark.parametrize("bpm", [60, 90, 120, 150])
def test_clicks_have_their_tempo(bpm: int) -> None:
    clicks = torch.zeros(10 * HERTZ)
    clicks[(torch.arange(0, 10, 60 / bpm) * HERTZ).long()] = 1.0
    step = transforms["transforms.tempo"](transforms["transforms.tempo"].Config())
    assert step.apply({"waveform": Wave.of(clicks, HERTZ)}, np.random.default_rng(0))["number"] == pytest.approx(
        bpm, abs=2
    )
    assert step.apply({"waveform": Wave.of(torch.zeros(HERTZ), HERTZ)}, np.random.default_rng(0))["number"] == 0
    assert repetition(onsets(decibels(torch.rand(4, 100))))[0] == pytest.approx(1.0)
    assert tempo(torch.zeros(500), 100) == 0


def test_a_chord_has_its_pitch_classes() -> None:
    chord = sine(261.63) + sine(329.63) + sine(392.0)
    found = made("chroma", chord).mean(1)
    assert {CLASSES[int(place)] for place in found.topk(3).indices} == {"C", "E", "G"}
    assert found.shape == (12,)
    one, two = (made("chroma", sine(440.0 * octave))[:, 3].argmax() for octave in (1, 2))
    assert CLASSES[int(one)] == CLASSES[int(two)] == "A"


@pytest.mark.parametrize("scale", ["HTK", "Slaney"])
@pytest.mark.parametrize(("n_fft", "mels"), [(512, 64), (400, 80)])
def test_mel_filters_equal_those_of_transformers(scale: str, n_fft: int, mels: int) -> None:
    prepare_torchaudio()
    theirs = importlib.import_module("transformers.audio_utils").mel_filter_bank(
        n_fft // 2 + 1, mels, 0.0, 8000.0, HERTZ, norm="slaney" if scale == "Slaney" else None, mel_scale=scale.lower()
    )
    np.testing.assert_allclose(filters(n_fft, mels, HERTZ, 0.0, 8000.0, scale).numpy(), theirs, atol=1e-5)


def test_many_bands_are_empty_on_one_scale_only_and_that_is_told_with_a_fix() -> None:
    assert empty_bands(filters(400, 128, HERTZ, 0.0, 8000.0, "HTK")) == 4
    assert empty_bands(filters(400, 128, HERTZ, 0.0, 8000.0, "Slaney")) == 0
    log_mel = transforms["transforms.log_mel"]
    (problem,) = log_mel(log_mel.Config(n_fft=400, mels=128)).band_problems(HERTZ)  # type: ignore[attr-defined]
    assert (problem.severity, problem.what[:18]) == ("warning", "4 of 128 mel bands")
    assert problem.fix is not None
    assert problem.fix.arguments == {"name": "scale", "value": "Slaney"}
    assert log_mel(log_mel.Config(n_fft=400, mels=128, scale="Slaney")).band_problems(HERTZ) == []  # type: ignore[attr-defined]


def test_a_quiet_clip_does_not_depend_on_its_neighbours() -> None:
    quiet, loud = 0.001 * noise(), noise()
    alone = made("log_mel", quiet, scale="Slaney")
    made("log_mel", loud, scale="Slaney")
    assert torch.equal(made("log_mel", quiet, scale="Slaney"), alone)
    assert torch.allclose(decibels(torch.tensor([[1.0, 1e-12]])), torch.tensor([[0.0, -80.0]]))


def test_equal_to_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    wave = noise()
    ours, array = wave, wave.numpy()
    for scale, htk, norm in (("HTK", True, None), ("Slaney", False, "slaney")):
        theirs = librosa.feature.melspectrogram(
            y=array, sr=HERTZ, n_fft=N_FFT, hop_length=HOP, n_mels=64, htk=htk, norm=norm, pad_mode="reflect"
        )
        found = mel_power(ours, filters(N_FFT, 64, HERTZ, 0.0, 8000.0, scale), N_FFT, HOP).numpy()
        assert np.abs(found - theirs).max() <= 1e-5 * theirs.max()
    theirs = librosa.feature.mfcc(
        y=array, sr=HERTZ, n_mfcc=13, n_fft=N_FFT, hop_length=HOP, n_mels=64, pad_mode="reflect"
    )
    np.testing.assert_allclose(made("mfcc", ours, normalise=False).numpy(), theirs, atol=1e-3)
    np.testing.assert_allclose(
        chroma_filters(4096, HERTZ).numpy(), librosa.filters.chroma(sr=HERTZ, n_fft=4096, tuning=0), atol=1e-6
    )
    magnitude, hertz = spectrum(ours, N_FFT, HOP), frequencies(N_FFT, HERTZ)
    theirs = np.abs(librosa.stft(array, n_fft=N_FFT, hop_length=HOP, pad_mode="reflect"))
    np.testing.assert_allclose(
        centroid(magnitude, hertz).numpy(), librosa.feature.spectral_centroid(S=theirs, sr=HERTZ)[0], atol=0.01
    )
    np.testing.assert_allclose(
        rolloff(magnitude, hertz).numpy(), librosa.feature.spectral_rolloff(S=theirs, sr=HERTZ)[0], atol=0.01
    )
    padded, frames = np.pad(array, N_FFT // 2, mode="reflect"), framed(ours, N_FFT, HOP)
    how = {"frame_length": N_FFT, "hop_length": HOP, "center": False}
    np.testing.assert_allclose(level(frames).numpy(), librosa.feature.rms(y=padded, **how)[0], atol=1e-6)
    np.testing.assert_allclose(
        crossing_rate(frames).numpy(), librosa.feature.zero_crossing_rate(padded, **how)[0], atol=1e-6
    )


def test_the_cepstrum_keeps_lengths_and_its_changes_are_further_bands() -> None:
    x = torch.randn(20, 7)
    torch.testing.assert_close(cepstrum(x, 20).norm(dim=0), x.norm(dim=0))
    assert cepstrum(torch.ones(20, 1), 20)[1:].abs().max() < 1e-5
    assert made("mfcc", noise(), deltas=2).shape == (39, 101)


def test_specaugment_hides_no_more_than_it_may_and_nothing_of_padding_or_of_tests() -> None:
    x = torch.randn(64, 101)
    widest = []
    for seed in range(200):
        found = of_bands("spec_augment", bands(x), seed, band_masks=1, band_share=0.25, time_masks=1, seconds=0.3)
        hidden = found != x
        rows, columns = hidden.all(1).sum().item(), hidden.all(0).sum().item()
        assert rows <= 16
        assert columns <= 30
        assert (found[hidden] == x.mean()).all()
        widest.append((rows, columns))
    assert max(rows for rows, _ in widest) == 16
    assert max(columns for _, columns in widest) == 30
    short = of_bands("spec_augment", bands(x, real=40 * HOP), 3, band_masks=0, time_masks=20, seconds=9.0)
    assert torch.equal(short[:, 41:], x[:, 41:])
    assert not torch.equal(short, x)
    assert transforms["transforms.spec_augment"].only_in_training


def test_longer_windows_are_means_around_a_frame() -> None:
    x = torch.arange(5.0)[None]
    assert means(x, 3).tolist() == [[0.5, 1.0, 2.0, 3.0, 3.5]]
    assert torch.equal(means(x, 1), x)
    assert means(x, 999).tolist() == [[2.0] * 5]
    found = of_bands("multi_scale", bands(torch.randn(8, 101)), windows="0.01, 0.1, 10")
    assert found.shape == (32, 101)
    assert torch.equal(found[:8], found[8:16])  # ten milliseconds are one frame here
    with pytest.raises(Refused, match="not a list of seconds"):
        of_bands("multi_scale", bands(torch.randn(8, 101)), windows="a, b")


def test_bands_of_one_time_are_stacked_and_others_refused() -> None:
    step = transforms["transforms.stack_bands"](transforms["transforms.stack_bands"].Config(weight=2.0))
    one, two = bands(torch.ones(3, 11)), bands(torch.ones(2, 11))
    found = step.apply({"first": one, "second": two}, np.random.default_rng(0))["spectrogram"]
    assert found.x_FT.sum(1).tolist() == [11.0] * 3 + [22.0] * 2
    with pytest.raises(Refused, match="do not lie on one time"):
        step.apply({"first": one, "second": bands(torch.ones(2, 12))}, np.random.default_rng(0))


def test_an_even_band_stays_even() -> None:
    assert evened(torch.tensor([[1.0, 1.0], [0.0, 2.0]]))[0].tolist() == [0.0, 0.0]


def test_a_new_log_mel_is_on_the_scale_of_published_encoders() -> None:
    spec = declared_vocabulary().spec("transforms.log_mel")
    assert spec.placed() == {"scale": "Slaney"}
    assert spec.defaults()["scale"] == "HTK"  # what documents of before mean


def syllable(start: float, end: float, seconds: float, loud: float = 0.3) -> Tensor:
    """A voice with five harmonics that glides from one pitch to another, with silence around it."""
    time = torch.arange(round(seconds * HERTZ), dtype=torch.float64) / HERTZ
    phase = 2 * math.pi * (start * time + (end - start) * time.square() / (2 * seconds))
    voice = sum(torch.sin(k * phase) / k for k in range(1, 6)) * loud
    quiet = torch.zeros(HERTZ // 5, dtype=torch.float64)
    return torch.cat([quiet, voice, quiet]).float()


def vector(wave: Tensor, **knobs: Any) -> Tensor:
    step = transforms["transforms.pitch_contour"](transforms["transforms.pitch_contour"].Config(**knobs))
    found: Tensor = step.apply({"waveform": Wave.of(wave, HERTZ)}, np.random.default_rng(0))["embedding"]
    return found


def test_a_contour_is_the_same_for_a_high_and_a_low_a_fast_and_a_slow_a_loud_and_a_quiet_voice() -> None:
    rising = vector(syllable(150, 225, 0.5))
    for other in (syllable(200, 300, 0.5), syllable(150, 225, 0.9), syllable(150, 225, 0.5, loud=0.05)):
        assert (vector(other) - rising).abs().max() < 0.1
    assert rising.shape == (32,)
    assert rising[-2] - rising[1] == pytest.approx(12 * math.log2(1.5) / 4, abs=0.25)
    assert vector(syllable(225, 150, 0.5))[0] > 0.5  # it falls
    assert vector(torch.zeros(HERTZ)).abs().max() == 0
    assert vector(torch.zeros(100)).abs().max() == 0
