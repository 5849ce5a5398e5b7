"""Alignment of a sentence to sound under CTC (Graves et al., ICML 2006): which piece is said at which frame.

A path goes through states blank, piece 1, blank, piece 2 ... blank; a blank may be left out except between equal pieces. On the same
emissions the best path is that of torchaudio's ``forced_align``. Axes: T frames, V vocabulary, L pieces, S = 2 L + 1 states.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

BLANK = 0  # the number that is padding in a sentence


def frames_needed(pieces: Sequence[int]) -> int:
    """The fewest frames in which they can be said: one each, and a blank between equal neighbours."""
    return len(pieces) + sum(one == other for one, other in itertools.pairwise(pieces))


def best_path(log_TV: Tensor, pieces: Sequence[int], blank: int = BLANK) -> list[int]:
    """The likeliest state at each frame: 2 n + 1 is piece n, an even number the blank before or behind.

    Raises ValueError where there are fewer frames than the pieces need.
    """
    if len(log_TV) < frames_needed(pieces):
        raise ValueError(f"{len(pieces)} pieces need {frames_needed(pieces)} frames, not {len(log_TV)}")
    labels = [blank] + [label for piece in pieces for label in (piece, blank)]
    emitted_TS = log_TV[:, labels].double()
    may_skip_S = torch.tensor([s % 2 == 1 and s > 1 and labels[s] != labels[s - 2] for s in range(len(labels))])
    score_S = torch.full((len(labels),), -torch.inf, dtype=torch.float64)
    score_S[:2] = emitted_TS[0, :2]
    back: list[Tensor] = []
    for emitted_S in emitted_TS[1:]:
        one_S, two_S = (torch.cat([score_S.new_full((by,), -torch.inf), score_S])[: len(labels)] for by in (1, 2))
        best_S, by_S = torch.stack([score_S, one_S, torch.where(may_skip_S, two_S, -torch.inf)]).max(0)
        back.append(by_S)
        score_S = best_S + emitted_S
    state = len(labels) - 1 if len(labels) == 1 or score_S[-1] > score_S[-2] else len(labels) - 2
    path = [state]
    for by_S in reversed(back):
        path.append(path[-1] - int(by_S[path[-1]]))
    return path[::-1]


def frames_of_pieces(path: Sequence[int], count: int) -> list[range]:
    """The frames at which each of so many pieces is said."""
    found = [range(0, 0)] * count
    for frame, state in enumerate(path):
        if state % 2:
            before = found[state // 2]
            found[state // 2] = range(before.start if len(before) else frame, frame + 1)
    return found


def said(log_TV: Tensor, blank: int = BLANK) -> list[tuple[int, range]]:
    """The likeliest piece at each frame, equal neighbours as one and blanks left out, with its frames (greedy decoding)."""
    numbers = log_TV.argmax(-1).tolist()
    found: list[tuple[int, range]] = []
    for frame, number in enumerate(numbers):
        if number == blank:
            continue
        if frame and numbers[frame - 1] == number:
            found[-1] = (number, range(found[-1][1].start, frame + 1))
        else:
            found.append((number, range(frame, frame + 1)))
    return found


def edits(one: Sequence[int], other: Sequence[int]) -> int:
    """Insertions, deletions and replacements that make one sequence of the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for place, piece in enumerate(one, start=1):
        last, row[0] = row[0], place
        for column, another in enumerate(other, start=1):
            last, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, last + (piece != another))
    return row[-1]
