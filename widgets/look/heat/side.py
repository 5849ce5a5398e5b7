"""What one axis of a map stands for: patches of a picture, cells of a spectrogram, cells of a film's frames on one sheet, or words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.look.heat.sheet import across, cell_of, cell_on_sheet, laid_out
from widgets.look.language import tr
from widgets.look.pictures import readable


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one axis of a map stands for: patches of the picture, or of a film's frames on one sheet, or words of the sentence."""

    kind: str  # patches, words, other
    height: int = 0
    width: int = 0
    extra: int = 0  # leading tokens that are no place in the picture
    words: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()  # of a film, when each of the frames on the sheet is shown
    flipped: bool = False  # the first row of cells lies at the foot: bands of a sound

    @property
    def _frame(self) -> tuple[int, int, int]:
        """Frames, and rows and columns of cells in each."""
        frames = max(len(self.seconds), 1)
        return frames, self.height // (frames // across(frames)), self.width // across(frames)

    @property
    def frames_on_sheet(self) -> tuple[int, int]:
        """Rows and columns of frames; one of a picture."""
        frames = max(len(self.seconds), 1)
        return frames // across(frames), across(frames)

    def over(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """[h, w] weights of the tokens that are places, each in its place."""
        cells = laid_out(weights[self.extra : self.extra + self.height * self.width].reshape(self._frame))
        return cells[::-1].copy() if self.flipped else cells

    def frame_at(self, row: int, column: int) -> int:
        """The frame that a place on the sheet is in."""
        _, high, wide = self._frame
        return row // high * self.frames_on_sheet[1] + column // wide

    def patch(self, index: int) -> tuple[int, int] | None:
        """Row and column of a token in the picture, where it has one."""
        place = index - self.extra
        if self.kind != "patches" or not 0 <= place < self.height * self.width:
            return None
        row, column = cell_on_sheet(place, *self._frame)
        return (self.height - 1 - row if self.flipped else row), column

    def token(self, row: int, column: int) -> int:
        """The token at a place in the picture."""
        return self.extra + cell_of(self.height - 1 - row if self.flipped else row, column, *self._frame)


def side_from(
    description: Mapping[str, Any], size: int, *, words: Sequence[str] | None = None, frames: tuple[float, ...] = (), sample: int = 0,
) -> Side:  # fmt: skip
    """Of ``size`` tokens as a map describes them; ``words``: what text tokens stand for (None: there is no text), ``frames``: seconds."""
    height, width = int(description.get("height", 0)), int(description.get("width", 0))
    each = description.get("each", ())
    if sample < len(each):
        height, width = (int(edge) for edge in each[sample])
    extra = int(description.get("extra", 0))
    if description.get("kind") == "patches" and height * width > 0 and extra + height * width <= size:
        return Side(kind="patches", height=height, width=width, extra=extra)
    film = _film_side(description, frames, size)
    if film is not None:
        return film
    if description.get("kind") == "words" and words is not None:
        return Side(kind="words", words=readable(words[:size]), extra=extra)
    if description.get("kind") == "times" and description.get("step") and not extra:
        first, step = float(description.get("first", 0.0)), float(description["step"])
        return Side(
            kind="other", words=tuple(tr("{seconds} s", seconds=f"{first + n * step:.2f}") for n in range(size))
        )
    return Side(kind="other", words=tuple(str(number) for number in range(size)))


def _film_side(description: Mapping[str, Any], shown: tuple[float, ...], size: int) -> Side | None:
    """Cells of frames, where the frames were kept and are as many as tell when each cell is."""
    frames, high, wide, extra = (int(description.get(name, 0)) for name in ("time", "height", "width", "extra"))
    count = frames * high * wide
    if description.get("kind") != "frames" or not shown or not 0 < count <= size - extra or len(shown) % frames:
        return None
    columns = across(frames)
    return Side(
        kind="patches", height=frames // columns * high, width=columns * wide, extra=extra, seconds=shown[:: len(shown) // frames],
    )  # fmt: skip


def told_words(side: Side, size: int) -> Sequence[int]:
    """Tokens that have letters: no start, no end, no padding; all where none has."""
    found = [index for index, word in enumerate(side.words[:size]) if not is_sign(word)]
    return found or range(real_count(side, size))


def is_sign(word: str) -> bool:
    """``⟨start⟩``, ``[CLS]``, ``</s>`` and whatever has no letter."""
    return not any(map(str.isalnum, word)) or word[0] + word[-1] in ("⟨⟩", "[]", "<>")


def real_count(side: Side, size: int) -> int:
    """Padding is left out of a mean."""
    if side.kind == "patches":
        return max(1, min(size, side.extra + side.height * side.width))
    return max(1, min(size, len(side.words))) if side.kind == "words" else size


def on_patches(side: Side, weights: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """[h, w] weights over the picture, where the side is one."""
    if side.kind != "patches":
        return None
    return side.over(weights)
