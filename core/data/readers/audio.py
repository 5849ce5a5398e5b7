"""Sound from files: mono float32 at one rate. WAV, FLAC, OGG and MP3 by soundfile; a video's sound by PyAV in a child.

Several channels become one by their mean. Another rate is reached by soxr (its recipe HQ): below 0.91 of half the new rate
nothing is lost, and a tone above half of it is more than 100 dB down.
Nothing is cut off at 1: what a lossy file or a sharper filter makes too loud stays so. Axes: S samples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.readers.video_process import MEDIA, HasNoSound, video_process
from core.problems import Problem, Refused, refuse
from core.telemetry.spans import samples_at, samples_in, samples_lasting

MOST_SECONDS = 1800.0
MOST_CHANNELS = 32
PIECE_SECONDS = 10.0
HERTZ = (1_000, 384_000)


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Samples with the rate they are at."""

    samples_S: Tensor  # float32, 1 is full scale
    hertz: int
    reader: str
    note: str = ""  # what is odd about the file

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples_S) / self.hertz


def read_audio(
    file: Path, *, hertz: int = 16_000, start_seconds: float = 0.0, seconds: float | None = None, name: str = ""
) -> Tensor:
    """The samples of :func:`read_sound` alone."""
    return read_sound(file, hertz=hertz, start_seconds=start_seconds, seconds=seconds, name=name).samples_S


def read_sound(
    file: Path, *, hertz: int = 16_000, start_seconds: float = 0.0, seconds: float | None = None, name: str = ""
) -> Sound:
    """One channel from ``start_seconds`` on; of a film, on the film's time, with silence where its sound is not yet.

    Raises Refused naming the file: missing, damaged, empty, without sound, or longer than half an hour.
    """
    name = name or file.name
    if file.is_dir():
        raise refuse(f"{name} is a folder, not an audio file.")
    if not file.is_file():
        raise refuse(f"{name} is not there.")
    if file.suffix.lower() in MEDIA:
        samples, rate, note = video_process().audio(file, start_seconds, seconds or MOST_SECONDS, name)
        reader = "PyAV"
    else:
        samples, rate = _by_soundfile(file, start_seconds, seconds, name)
        reader, note = "soundfile", _unsaid_delay(file)
    if samples.size == 0:
        raise HasNoSound(Problem(what=f"{name} has no audio at {start_seconds:g} seconds."))
    if not np.isfinite(samples.sum()) and not np.isfinite(samples).all():  # a sum is quicker, and may be too large
        raise refuse(f"{name} has samples that are not numbers.")
    samples_S = resampled(torch.from_numpy(samples), rate, hertz)
    if seconds is not None:  # what was read lasts as long or a little longer
        samples_S = samples_S[: max(1, samples_in(seconds, hertz))]
    return Sound(samples_S=samples_S, hertz=hertz, reader=reader, note=note)


def sound_pieces(file: Path, *, hertz: int = 16_000, seconds: float = PIECE_SECONDS) -> Iterator[Tensor]:
    """The samples of :func:`read_sound`, some at a time and of a file of any length: memory holds one piece.

    A film's sound still comes whole, from the child that decodes it. Raises Refused naming the file, at the piece that is damaged.
    """
    if file.suffix.lower() in MEDIA or not file.is_file():
        yield read_sound(file, hertz=hertz).samples_S
        return
    turned: soxr.ResampleStream | None = None
    heard = given = rate = 0
    for samples_S, rate in _soundfile_pieces(file, seconds):
        heard += len(samples_S)
        if not np.isfinite(samples_S.sum()) and not np.isfinite(samples_S).all():
            raise refuse(f"{file.name} has samples that are not numbers.")
        if rate != hertz:
            turned = turned or soxr.ResampleStream(rate, hertz, 1, dtype="float32", quality="HQ")
            samples_S = turned.resample_chunk(samples_S)
        given += len(samples_S)
        if len(samples_S):
            yield torch.from_numpy(np.ascontiguousarray(samples_S))
    if not heard:
        raise HasNoSound(Problem(what=f"{file.name} has no audio at {0.0:g} seconds."))
    if turned is not None:
        behind_S = turned.resample_chunk(np.zeros(0, np.float32), last=True)
        wanted = samples_at(heard, rate, hertz) - given
        yield torch.from_numpy(np.pad(behind_S, (0, max(0, wanted - len(behind_S))))[:wanted])


def resampled(samples_S: Tensor, rate: int, hertz: int) -> Tensor:
    """Another rate, by soxr; as many samples as hold all of these."""
    if rate == hertz:
        return samples_S
    made_S = soxr.resample(samples_S.numpy(), rate, hertz, quality="HQ")
    wanted = samples_at(len(samples_S), rate, hertz)
    made_S = np.pad(made_S, (0, max(0, wanted - len(made_S))))[:wanted]
    return torch.from_numpy(np.ascontiguousarray(made_S, dtype=np.float32))


def _unsaid_delay(file: Path) -> str:
    """What is not known of an MP3 whose encoder did not write, in its first frame, how many samples it put in front."""
    if file.suffix.lower() not in (".mp3", ".mp2", ".mpga"):
        return ""
    with file.open("rb") as opened:
        start = opened.read(10)
        tagged = 10 + sum((byte & 127) << 7 * (3 - place) for place, byte in enumerate(start[6:10]))
        opened.seek(tagged if start[:3] == b"ID3" else 0)
        head = opened.read(400)
    named = max(head.find(b"Xing"), head.find(b"Info"))
    if named >= 0 and head[named + 120 : named + 124] in (b"LAME", b"Lavc", b"Lavf"):
        return ""
    return "The file does not tell how many samples its encoder put in front, so its audio may begin late."


def _reason(error: Exception) -> str:
    """What a library says is wrong, without the path that it may put in front."""
    words = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
    return words[:160].strip().rstrip(".")


def _soundfile_pieces(file: Path, seconds: float) -> Iterator[tuple[NDArray[np.float32], int]]:
    start = 0.0
    while True:
        samples_S, rate = _by_soundfile(file, start, seconds, file.name)
        yield samples_S, rate
        if len(samples_S) < samples_lasting(seconds, rate):
            return
        start += seconds


def _by_soundfile(file: Path, start: float, seconds: float | None, name: str) -> tuple[NDArray[np.float32], int]:
    try:
        with soundfile.SoundFile(os.fsencode(file) if os.name == "posix" else file) as sound:  # names need not be UTF-8
            rate, wanted = sound.samplerate, seconds or MOST_SECONDS
            if not HERTZ[0] <= rate <= HERTZ[1]:
                raise refuse(f"{name} says that it has a sample rate of {rate:,} Hz, which is not usable audio.")
            if sound.channels > MOST_CHANNELS:
                raise refuse(f"{name} has {sound.channels} channels at {rate} hertz, which is not usable audio.")
            if seconds is None and sound.frames / rate > MOST_SECONDS:
                raise refuse(f"{name} is longer than {MOST_SECONDS / 60:g} minutes.", hint="Cut it into pieces.")
            first = min(samples_in(start, rate), max(sound.frames, 0))
            if first:
                sound.seek(first)
            count = min(samples_lasting(wanted, rate), max(sound.frames - first, 0))
            samples_SC = sound.read(count, dtype="float32", always_2d=True)
    except Refused:
        raise
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError, TypeError, MemoryError) as error:
        raise refuse(f"{name} is not audio that can be read: {_reason(error)}.") from error
    mono_S = samples_SC[:, 0] if samples_SC.shape[1] == 1 else samples_SC.mean(axis=1, dtype=np.float32)
    return np.ascontiguousarray(mono_S), rate
