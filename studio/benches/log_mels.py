"""Log-mel spectrograms of a folder of clips, beside soundfile with torchaudio's ``MelSpectrogram``: a first pass, then further epochs.

320 clips of 5 seconds as ESC-10 has them (Ogg Vorbis, 44.1 kHz), made here: noise through a moving resonance. Ours goes the whole way of
a run: the source, Audio length and Log-mel spectrogram by the sample graph. The other way is a loop over files, once at 44.1 kHz and once
at 16 kHz (with torchaudio's own resampler as it comes). One thread, processor time, in turn. Wanted: at most as long, and at
most 0.15 of it from the second epoch on.
"""

from __future__ import annotations

import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from core.data.pipeline import SampleGraph
from core.data.sources.sounds import Sounds
from core.data.transforms.log_mel import LogMel
from core.data.transforms.sound_length import SoundLength
from core.torchaudio_import import functional
from studio.benches.figure import Figure

title = "Log-mel spectrograms of a folder of clips"
CLIPS, SECONDS, RATE, CLASSES = 320, 5.0, 44_100, 10
N_FFT, HOP, MELS = 1024, 320, 64
ROUNDS = 3


def measure() -> list[Figure]:
    """Ratios of processor time at two rates, and milliseconds a pass."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            files = _written(Path(folder))
            return [figure for hertz in (RATE, 16_000) for figure in _figures(Path(folder), files, hertz)]
    finally:
        torch.set_num_threads(threads)


def _written(folder: Path) -> list[Path]:
    draw, files = np.random.default_rng(0), []
    time_S = np.arange(round(SECONDS * RATE)) / RATE
    for number in range(CLIPS):
        file = folder / f"class {number % CLASSES}" / f"{number}.ogg"
        file.parent.mkdir(exist_ok=True)
        hertz_S = 300 + 200 * (number % CLASSES) + 100 * np.sin(2 * np.pi * draw.uniform(0.2, 2) * time_S)
        tone_S = np.sin(2 * np.pi * np.cumsum(hertz_S) / RATE) * np.abs(np.sin(np.pi * draw.uniform(0.5, 4) * time_S))
        soundfile.write(file, (0.3 * tone_S + 0.03 * draw.standard_normal(len(time_S))).astype(np.float32), RATE)
        files.append(file)
    return files


def _figures(folder: Path, files: Sequence[Path], hertz: int) -> list[Figure]:
    mel = _melspectrogram(hertz)
    passes: dict[str, list[float]] = {"theirs": [], "first": [], "later": []}
    for _ in range(ROUNDS):
        passes["theirs"].append(_seconds(lambda: [mel(_read(file, hertz)).clamp_min(1e-6).log() for file in files]))
        graph = _graph(folder, hertz)
        passes["first"].append(_seconds(lambda: _epoch(graph, 0)))  # noqa: B023
        passes["later"].append(_seconds(lambda: _epoch(graph, 1)))  # noqa: B023
    theirs, first, later = (1000 * statistics.median(row) for row in passes.values())
    at = f"at {hertz:,} Hz"
    return [
        Figure(name=f"{at}: first pass / soundfile with MelSpectrogram", value=first / theirs, most=1.0),
        Figure(name=f"{at}: later epochs / soundfile with MelSpectrogram", value=later / theirs, most=0.15),
        Figure(name=f"{at}: soundfile with MelSpectrogram", value=theirs, unit="ms"),
        Figure(name=f"{at}: first pass", value=first, unit="ms"),
        Figure(name=f"{at}: later epochs", value=later, unit="ms"),
    ]


def _melspectrogram(hertz: int) -> Any:
    functional()  # torchaudio can be imported from now on
    return importlib.import_module("torchaudio.transforms").MelSpectrogram(hertz, N_FFT, hop_length=HOP, n_mels=MELS)


def _read(file: Path, hertz: int) -> torch.Tensor:
    samples, rate = soundfile.read(file, dtype="float32")
    wave = torch.from_numpy(samples)
    return wave if rate == hertz else functional().resample(wave, rate, hertz)  # type: ignore[no-any-return]


def _graph(folder: Path, hertz: int) -> SampleGraph:
    graph = SampleGraph(
        parts=(
            ("clips", Sounds(Sounds.Config(folder=str(folder), hertz=hertz, seconds=SECONDS)), {}),
            ("length", SoundLength(SoundLength.Config(seconds=SECONDS)), {"waveform": ("clips", "waveform")}),
            ("mel", LogMel(LogMel.Config(n_fft=N_FFT, hop=HOP, mels=MELS)), {"waveform": ("length", "waveform")}),
        ),
        wanted=(("mel", "spectrogram"),),
    )
    graph.prepare()
    return graph


def _epoch(graph: SampleGraph, epoch: int) -> None:
    for index in range(len(graph.source)):
        graph.sample(index, epoch=epoch, seed=0, training=True)


def _seconds(act: Callable[[], Any]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began
