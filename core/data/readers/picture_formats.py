"""Which files count as pictures: those Pillow reads here, and those it cannot, so that nobody's pictures vanish unsaid."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

_ALWAYS: Mapping[str, tuple[str, ...]] = {
    "PNG": (".png", ".apng"), "JPEG": (".jpg", ".jpeg", ".jfif", ".jpe", ".mpo"), "GIF": (".gif",),
    "BMP": (".bmp", ".dib"), "TIFF": (".tif", ".tiff"), "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
}  # fmt: skip
_WHERE_BUILT: Mapping[str, tuple[str, tuple[str, ...]]] = {  # format -> Pillow's module, endings
    "WEBP": ("PIL._webp", (".webp",)),
    "AVIF": ("PIL._avif", (".avif",)),
}
_NEVER = frozenset(
    ".heic .heif .hif .jxl .jp2 .j2k .svg .psd .tga .ico .dng .cr2 .cr3 .nef .arw .raf .orf .rw2 .exr .hdr .dcm".split()
)

_built = {
    name: ends for name, (module, ends) in _WHERE_BUILT.items() if find_spec(module)
}  # Pillow itself is read later
FORMATS = (*_ALWAYS, *_built)
ENDINGS = frozenset(ending for ends in (*_ALWAYS.values(), *_built.values()) for ending in ends)
UNREAD = frozenset(ending for _, ends in _WHERE_BUILT.values() for ending in ends) - ENDINGS | _NEVER


def left_out(counts: Mapping[str, int]) -> list[str]:
    """A sentence for every kind of image that is not read here, with how many there are of it."""
    return [
        f"Images ending in {ending} were left out ({count:,}); this kind is not read here."
        for ending, count in sorted(counts.items())
    ]
