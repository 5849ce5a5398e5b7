"""Which files count as audio: those that libsndfile reads, films and music that PyAV reads, and those that nobody reads here."""

from __future__ import annotations

from collections.abc import Mapping

from core.data.readers.video_process import MEDIA

BY_SOUNDFILE = frozenset(
    ".wav .wave .flac .ogg .oga .opus .mp3 .mp2 .mpga .aif .aiff .aifc .au .snd .caf .rf64 .w64 .sph".split()
)
ENDINGS = BY_SOUNDFILE | MEDIA
UNREAD = frozenset(".amr .ape .wv .ra .dsf .dff .tta .mpc .shn .ac3 .dts".split())


def left_out(counts: Mapping[str, int]) -> list[str]:
    """A sentence for every kind of audio that is not read here, with how many there are of it."""
    return [
        f"Audio files ending in {ending} were left out ({count:,}); this kind is not read here."
        for ending, count in sorted(counts.items())
    ]
