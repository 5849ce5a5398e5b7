"""The data check: counts, what cannot be read, groups that straddle splits, exact and near duplicates across splits.

Near duplicates of images are found by a difference hash of 64 bits (each bit: is a cell of the 9 by 8 thumbnail brighter than its
right neighbour), compared by the number of bits that differ. Flags and signs share their outlines, so a pair counts only
where its 8 by 8 colour thumbnails agree as well; a plain border is cut off first, for most of a small drawing is border.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.heard import Ear, alike, heard
from core.data.media import Wave
from core.graph.dataset import SoundsReport
from core.problems import Problem, Refused

NEAR_BITS = 6  # of 64; 0 finds only equal hashes
NEAR_LEVELS = 6.0  # of 255: mean difference of the colour thumbnails
FLAT = 4  # of 255: neighbours that differ by less count as equal, or the noise of JPEG would flip their bit
BORDER = 40  # of 255: what differs less from the corner belongs to the border; JPEG's ringing reaches 30
MOST_PAIRS = 500
BINS = 24  # of the lengths of sounds
READ = 16  # samples between two words about how far it is


def report_of(
    source: Source,
    *,
    watch: Watch = UNWATCHED,
    near_bits: int = NEAR_BITS,
) -> DataReport:
    """Read every sample once, as far as it is compared. Raises Refused where the source cannot be opened, Cancelled where it was stopped."""
    source.open()
    splits = source.splits()
    split_of = {index: name for name, indices in splits.items() for index in indices}
    unreadable, faulty = list[Problem](), 0
    exact: dict[int, str] = {}
    rough: dict[int, int] = {}
    small: dict[int, NDArray[np.int16]] = {}
    ears: dict[int, Ear] = {}
    for done, index in enumerate(sorted(split_of)):
        watch.go_on(done, len(split_of), every=READ)
        try:
            values = source.part(index, source.compared or tuple(source.gives))
        except Refused as refused:
            unreadable += refused.problems
            faulty += 1
            continue
        picture = values.get("image")
        wave = next((value for value in values.values() if isinstance(value, Wave) and value.real), None)
        if picture is None and wave is not None:
            ears[index] = heard(wave)
            exact[index] = ears[index].content
        if picture is not None:
            pixels = np.asarray(picture, dtype=np.float32)
            drawing = cropped(pixels)
            exact[index] = content_hash(pixels)
            rough[index], small[index] = difference_hash(drawing), thumbnail(drawing)
    watch.go_on(len(split_of), len(split_of))
    twins = _exact_pairs(exact, split_of)
    near = _near_pairs(rough, small, split_of, near_bits) or _alike_pairs(ears, split_of)
    return DataReport(
        counts={name: len(indices) for name, indices in splits.items()},
        problems=(*source.problems(), *unreadable),  # asked now: some is only known of a file that was read
        left_out=source.left_out() + faulty,
        shared_groups=shared_groups(source, splits.items()),
        exact_duplicates=tuple(twins),
        near_duplicates=tuple(pair for pair in near if pair not in set(twins)),
        sounds=_sounds(source, ears) if ears else None,
        facts=source.facts(),
        fingerprint=_fingerprint(source, exact),
    )


def shared_groups(source: Source, splits: Iterable[tuple[str, Sequence[int]]]) -> tuple[str, ...]:
    """Groups with members in two splits. Style splits are made of training groups on purpose and do not count."""
    homes: dict[str, set[str]] = defaultdict(set)
    for name, indices in splits:
        if name != "style":
            for index in indices:
                homes[source.group(index)].add(name)
    return tuple(sorted(group for group, names in homes.items() if len(names) > 1))


def content_hash(pixels_CHW: NDArray[np.float32]) -> str:
    """Equal for pictures that are equal in every pixel (at 8 bits)."""
    levels = np.round(pixels_CHW * 255).astype(np.uint8)
    return hashlib.sha256(repr(levels.shape).encode() + levels.tobytes()).hexdigest()


def cropped(pixels_CHW: NDArray[np.float32]) -> Image.Image:
    """The picture without the plain border of its corner's colour."""
    levels = (pixels_CHW * 255).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
    drawn = (np.abs(levels.astype(np.int16) - levels[0, 0]) > BORDER).any(axis=2)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if len(rows):
        levels = levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Image.fromarray(np.ascontiguousarray(levels))


def difference_hash(picture: Image.Image) -> int:
    """64 bits; small changes of size, light or compression leave most of them."""
    grey = picture.convert("L").resize((9, 8), Image.Resampling.BOX)
    small = np.asarray(grey, dtype=np.int16)
    bits = (small[:, :-1] > small[:, 1:] + FLAT).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def thumbnail(picture: Image.Image) -> NDArray[np.int16]:
    """Colours of 8 by 8 cells, 0 to 255, flat [192]."""
    return np.asarray(picture.resize((8, 8), Image.Resampling.BOX), dtype=np.int16).ravel()


def _exact_pairs(hashes: dict[int, str], split_of: dict[int, str]) -> list[tuple[int, int]]:
    same: dict[str, list[int]] = defaultdict(list)
    for index, text in hashes.items():
        same[text].append(index)
    return _across((members for members in same.values() if len(members) > 1), split_of)


def _across(sets: Iterable[list[int]], split_of: dict[int, str]) -> list[tuple[int, int]]:
    pairs = []
    for members in sets:
        for place, one in enumerate(members):
            for other in members[place + 1 :]:
                if split_of[one] != split_of[other]:
                    pairs.append((one, other))
                    if len(pairs) >= MOST_PAIRS:
                        return pairs
    return pairs


def _near_pairs(
    hashes: dict[int, int], small: dict[int, NDArray[np.int16]], split_of: dict[int, str], near_bits: int
) -> list[tuple[int, int]]:
    if not hashes:
        return []
    indices = list(hashes)
    codes = np.array([hashes[index] for index in indices], dtype=np.uint64)
    names = np.array([split_of[index] for index in indices])
    colours = np.stack([small[index] for index in indices])
    pairs: list[tuple[int, int]] = []
    for place, index in enumerate(indices):
        differing = np.bitwise_count(codes[place + 1 :] ^ codes[place])
        close = np.flatnonzero((differing <= near_bits) & (names[place + 1 :] != names[place])) + place + 1
        alike = np.abs(colours[close] - colours[place]).mean(axis=1) <= NEAR_LEVELS
        pairs += [(index, indices[int(other)]) for other in close[alike]]
        if len(pairs) >= MOST_PAIRS:
            break
    return pairs[:MOST_PAIRS]


def _alike_pairs(ears: dict[int, Ear], split_of: dict[int, str]) -> list[tuple[int, int]]:
    """Clips in different splits that sound nearly the same."""
    indices = [index for index, ear in ears.items() if ear.thumbnail is not None]
    if not indices:
        return []
    names = np.array([split_of[index] for index in indices])
    every = np.stack([thumbnail for index in indices if (thumbnail := ears[index].thumbnail) is not None])
    pairs: list[tuple[int, int]] = []
    for place, index in enumerate(indices):
        others = alike(every[place], every[place + 1 :]) + place + 1
        pairs += [(index, indices[int(other)]) for other in others if names[other] != names[place]]
        if len(pairs) >= MOST_PAIRS:
            break
    return pairs[:MOST_PAIRS]


def _sounds(source: Source, ears: dict[int, Ear]) -> SoundsReport:
    seconds = np.array([ear.seconds for ear in ears.values()])
    counts, edges = np.histogram(seconds, bins=min(BINS, max(1, len(np.unique(seconds)))))
    return SoundsReport(
        shortest=float(seconds.min()), median=float(np.median(seconds)), longest=float(seconds.max()),
        together=float(seconds.sum()), counts=tuple(map(int, counts)), edges=tuple(map(float, edges)),
        silent=tuple(source.label(index) for index, ear in ears.items() if ear.is_silent),
        clipped=tuple(source.label(index) for index, ear in ears.items() if ear.is_clipped),
    )  # fmt: skip


def _fingerprint(source: Source, exact: dict[int, str]) -> str:
    text = source.fingerprint() + "".join(f"{index}:{value}" for index, value in sorted(exact.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def as_text(report: DataReport, source: Source) -> list[str]:
    """The report as lines, for a command line."""
    lines = [f"{name}: {count:,} samples" for name, count in report.counts.items()]
    lines += [f"{key}: {value}" for key, value in report.facts.items()]
    lines.append(f"groups in two splits: {len(report.shared_groups)}")
    for title, pairs in (("equal", report.exact_duplicates), ("nearly equal", report.near_duplicates)):
        lines.append(f"{title} {'clips' if report.sounds else 'images'} in different splits: {len(pairs)}")
        lines += [f"  {source.label(one)} / {source.label(other)}" for one, other in pairs[:5]]
    lines.append(f"rows and files left out: {report.left_out:,}")
    return lines + [_line(problem) for problem in report.problems]


def _line(problem: Problem) -> str:
    return problem.sentence()
