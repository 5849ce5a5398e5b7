"""What published audio models look at, made of a batch of sounds on the device: as their own feature extractors make it of one.

Behind a sound's end lies silence, whatever is there: a padded sound gives the numbers of the sound alone. Axes: B batch,
S samples, T frames, Q frequencies, F bands, W samples of a window.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.values import Waveform

KALDI_FLOOR = 1.1920928955078125e-07  # of power: float32's epsilon


def own_samples(waveform: Waveform, at_least: int = 0) -> Tensor:
    """The samples with silence behind each sound's end, [B, S or more]."""
    place_S = torch.arange(waveform.samples_BS.shape[1], device=waveform.samples_BS.device)
    own_BS = torch.where(place_S < waveform.lengths_B[:, None], waveform.samples_BS, 0.0)
    return F.pad(own_BS, (0, max(0, at_least - own_BS.shape[1])))


def even(own_BS: Tensor, lengths_B: Tensor) -> Tensor:
    """Each sound at mean 0 and deviation 1, counted over its own samples (Wav2Vec2's feature extractor)."""
    real_BS = torch.arange(own_BS.shape[1], device=own_BS.device) < lengths_B[:, None]
    count_B1 = lengths_B.clamp_min(1)[:, None].to(own_BS.dtype)
    apart_BS = torch.where(real_BS, own_BS - own_BS.sum(1, keepdim=True) / count_B1, 0.0)
    return apart_BS / (apart_BS.square().sum(1, keepdim=True) / count_B1 + 1e-7).sqrt()


def whisper_mel(own_BS: Tensor, filters_QF: Tensor, n_fft: int = 400, hop: int = 160) -> Tensor:
    """Whisper's log-mel [B, F, T] of whole windows (arXiv:2212.04356): at most 8 below its loudest, in tens of decibels, by 4."""
    power_BQT = spectrum(own_BS, n_fft, hop)[..., :-1]
    log_BFT = (filters_QF.T.to(power_BQT) @ power_BQT).clamp_min(1e-10).log10()
    return (torch.maximum(log_BFT, log_BFT.amax((1, 2), keepdim=True) - 8.0) + 4.0) / 4.0


def clap_mel(own_BS: Tensor, filters_QF: Tensor, n_fft: int = 1024, hop: int = 480) -> Tensor:
    """CLAP's decibels in mel bands, [B, T, F] (arXiv:2211.06687)."""
    power_BQT = spectrum(own_BS, n_fft, hop)
    return 10 * (filters_QF.T.to(power_BQT) @ power_BQT).clamp_min(1e-10).log10().transpose(1, 2)


def spectrum(own_BS: Tensor, n_fft: int, hop: int) -> Tensor:
    """Power of centred frames under a Hann window [B, Q, T]."""
    window_W = torch.hann_window(n_fft, dtype=own_BS.dtype, device=own_BS.device)
    made_BQT = torch.stft(own_BS, n_fft, hop, window=window_W, center=True, pad_mode="reflect", return_complex=True)
    return made_BQT.real.square() + made_BQT.imag.square()


def kaldi_fbank(own_BS: Tensor, filters_QF: Tensor, window: int = 400, hop: int = 160, n_fft: int = 512) -> Tensor:
    """Kaldi's log filter bank [B, T, F], as AST hears it: no frame reaches over an end, each without its mean, pre-emphasised."""
    frames_BTW = own_BS.unfold(1, window, hop)
    frames_BTW = frames_BTW - frames_BTW.mean(-1, keepdim=True)
    before_BTW = torch.cat([frames_BTW[..., :1], frames_BTW[..., :-1]], -1)
    hann_W = torch.hann_window(window, periodic=False, dtype=own_BS.dtype, device=own_BS.device)
    power_BTQ = torch.fft.rfft((frames_BTW - 0.97 * before_BTW) * hann_W, n=n_fft).abs().square()
    return (power_BTQ @ filters_QF.to(power_BTQ)).clamp_min(KALDI_FLOOR).log()


def kaldi_filters(bands: int, hertz: int, n_fft: int = 512, low: float = 20.0) -> Tensor:
    """Kaldi's mel bands up to half the rate, triangles on its mel scale [Q, F]; low ones may hold no frequency."""
    ends = torch.tensor([low, hertz / 2], dtype=torch.float64)
    first, last = _kaldi_mel(ends).tolist()
    left_F, centre_F, right_F = torch.linspace(first, last, bands + 2, dtype=torch.float64).unfold(0, 3, 1).unbind(1)
    mel_Q1 = _kaldi_mel(torch.arange(n_fft // 2 + 1, dtype=torch.float64) * hertz / n_fft)[:, None]
    rising_QF, falling_QF = (mel_Q1 - left_F) / (centre_F - left_F), (right_F - mel_Q1) / (right_F - centre_F)
    return torch.minimum(rising_QF, falling_QF).clamp_min(0).float()


def _kaldi_mel(hertz: Tensor) -> Tensor:
    return 1127 * (1 + hertz / 700).log()
