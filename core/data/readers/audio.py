"""Sound from files: mono float32 at one rate. WAV, FLAC, OGG and MP3 by soundfile; a video's sound by PyAV in a child.

Axes: S samples.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.readers.video_process import MEDIA, video_process
from core.problems import Refused, refuse
from core.torchaudio_import import functional

MOST_SECONDS = 1800.0
MOST_CHANNELS = 32
HERTZ = (1_000, 384_000)


def read_audio(
    file: Path, *, hertz: int = 16_000, start_seconds: float = 0.0, seconds: float | None = None, name: str = ""
) -> Tensor:
    """Samples in [-1, 1], float32 [S], mixed to one channel, from ``start_seconds`` on.

    Raises Refused naming the file: missing, damaged, empty, without sound, or longer than half an hour.
    """
    name = name or file.name
    if not file.is_file():
        raise refuse(f"{name} is not there.")
    if file.suffix.lower() in MEDIA:
        samples, rate = video_process().audio(file, start_seconds, seconds or MOST_SECONDS, name)
    else:
        samples, rate = _by_soundfile(file, start_seconds, seconds, name)
    if samples.size == 0:
        raise refuse(f"{name} has no sound at {start_seconds:g} seconds.")
    if not np.isfinite(samples).all():
        raise refuse(f"{name} has samples that are not numbers.")
    return resampled(torch.from_numpy(samples), rate, hertz).clamp_(-1, 1)


def resampled(samples_S: Tensor, rate: int, hertz: int) -> Tensor:
    """Another rate, by a windowed sinc."""
    if rate == hertz:
        return samples_S
    resampled_S: Tensor = functional().resample(samples_S, rate, hertz)
    return resampled_S


def _by_soundfile(file: Path, start: float, seconds: float | None, name: str) -> tuple[NDArray[np.float32], int]:
    try:
        with soundfile.SoundFile(file) as sound:
            rate, wanted = sound.samplerate, seconds or MOST_SECONDS
            if not HERTZ[0] <= rate <= HERTZ[1] or sound.channels > MOST_CHANNELS:
                raise refuse(f"{name} has {sound.channels} channels at {rate} hertz, which is not a usable sound.")
            if seconds is None and sound.frames / rate > MOST_SECONDS:
                raise refuse(f"{name} is longer than {MOST_SECONDS / 60:g} minutes.", hint="Cut it into pieces.")
            first = min(int(start * rate), max(sound.frames, 0))
            sound.seek(first)
            count = min(int(wanted * rate), max(sound.frames - first, 0))
            samples_SC = sound.read(count, dtype="float32", always_2d=True)
    except Refused:
        raise
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError, TypeError, MemoryError) as error:
        raise refuse(f"{name} is not a sound that can be read: {str(error)[:160]}.") from error
    return np.ascontiguousarray(samples_SC.mean(axis=1, dtype=np.float32)), rate
