"""Which files count as audio and which as videos: those that are read here, and those that nobody reads here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.data.readers.video_process import MEDIA

_BY_SOUNDFILE = frozenset(
    ".wav .wave .flac .ogg .oga .opus .mp3 .mp2 .mpga .aif .aiff .aifc .au .snd .caf .rf64 .w64 .sph".split()
)
_SOUND_ALONE = frozenset(".m4a .m4b .aac .mka .weba .wma".split())


@dataclass(frozen=True, kw_only=True)
class Formats:
    """Endings of one kind of media: files that are read, and files that are left out and told."""

    endings: frozenset[str]
    unread: frozenset[str]

    def left_out(self, counts: Mapping[str, int]) -> list[str]:
        """A sentence for every kind of file that is not read here, with how many there are of it."""
        return [
            f"Files ending in {ending} were left out ({count:,}); this kind is not read here."
            for ending, count in sorted(counts.items())
        ]


AUDIO = Formats(
    endings=_BY_SOUNDFILE | MEDIA, unread=frozenset(".amr .ape .wv .ra .dsf .dff .tta .mpc .shn .ac3 .dts".split())
)  # fmt: skip
VIDEOS = Formats(
    endings=MEDIA - _SOUND_ALONE | {".gif", ".ogv"}, unread=frozenset(".rm .rmvb .swf .vob .mxf .braw .r3d".split())
)  # fmt: skip
