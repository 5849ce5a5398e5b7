"""CTC: PyTorch's loss by all paths, torchaudio's alignment, greedy decoding, error rates as torchmetrics counts them."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.text import char_error_rate

from core.blocks.alignment import best_path, edits, frames_needed, frames_of_pieces, said
from core.blocks.connectors.frequency_merge import FrequencyMerge
from core.blocks.objectives.ctc import CTC, aligned, sentences
from core.blocks.values import Grid, Text, Tokens
from core.telemetry.spans import Span

PATHS = [  # what torchaudio 2.11.1's forced_align gives for torch.randn(12, 5) of these seeds, blank 0
    (0, [4, 1, 2, 3], [4, 1, 2, 3, 3, 3, 0, 0, 0, 0, 0, 0]), (1, [2, 4, 2, 3], [2, 4, 4, 0, 0, 0, 2, 2, 0, 0, 3, 0]),
    (2, [2, 2, 3, 1], [0, 0, 2, 0, 2, 2, 3, 3, 0, 1, 1, 1]), (3, [2, 2, 2, 2], [2, 0, 2, 2, 0, 0, 0, 0, 2, 2, 0, 2]),
    (4, [4, 3, 3, 4], [4, 4, 0, 3, 0, 0, 3, 3, 3, 4, 0, 0]), (5, [2, 4, 4, 4], [0, 0, 2, 2, 4, 0, 4, 0, 4, 4, 0, 0]),
]  # fmt: skip


def emissions(seed: int, frames: int = 12, vocabulary: int = 5) -> Tensor:
    return torch.randn(frames, vocabulary, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)


def read(path: tuple[int, ...]) -> list[int]:
    return [label for label, _ in itertools.groupby(path) if label]


@pytest.mark.parametrize(("seed", "pieces", "path"), PATHS)
def test_the_alignment_is_torchaudios(seed: int, pieces: list[int], path: list[int]) -> None:
    states = best_path(emissions(seed), pieces)
    assert [pieces[state // 2] if state % 2 else 0 for state in states] == path


@pytest.mark.parametrize("pieces", [[1], [1, 1], [1, 2], [2, 1, 2], []])
def test_no_path_that_reads_so_is_likelier(pieces: list[int]) -> None:
    """All paths of six frames, one by one."""
    log = emissions(7, frames=6, vocabulary=3)
    states = best_path(log, pieces)
    score = sum(float(log[t, pieces[s // 2] if s % 2 else 0]) for t, s in enumerate(states))
    paths = [path for path in itertools.product(range(3), repeat=6) if read(path) == pieces]
    assert score == pytest.approx(max(sum(float(log[t, label]) for t, label in enumerate(path)) for path in paths))


def test_frames_of_pieces_are_one_behind_another() -> None:
    assert frames_of_pieces([0, 1, 1, 2, 3, 5, 5, 6], 3) == [range(1, 3), range(4, 5), range(5, 7)]
    assert [frames_needed(pieces) for pieces in ([], [1], [1, 1], [1, 2, 2, 2])] == [0, 1, 3, 6]
    with pytest.raises(ValueError, match="2 pieces need 3 frames"):
        best_path(emissions(0, frames=2), [1, 1])


def sound(x_BTD: Tensor, mask: Tensor | None = None) -> Tokens:
    grid = Grid(kind="times", sizes=(x_BTD.shape[1],), first=0.01, step=0.02)
    return Tokens(x_BND=x_BTD, mask_BN=mask, modality="audio", grid=grid)


def words(*rows: list[int], vocabulary: int = 6) -> Text:
    """Sentences with a start and an end around them."""
    longest = max(len(row) for row in rows) + 2
    ids, mask = torch.zeros(len(rows), longest, dtype=torch.int64), torch.zeros(len(rows), longest, dtype=torch.bool)
    for number, row in enumerate(rows):
        ids[number, : len(row) + 2] = torch.tensor([2, *row, 3])
        mask[number, : len(row) + 2] = True
    return Text(ids_BL=ids, mask_BL=mask, vocabulary=vocabulary)


def block(tokens: Tokens, text: Text, **knobs: Any) -> CTC:
    torch.manual_seed(0)
    made = CTC(CTC.Config(**knobs), {"tokens": tokens, "text": text})
    torch.nn.init.normal_(made.spells.weight)
    return made


def test_the_loss_is_of_all_paths_that_read_as_the_sentence() -> None:
    tokens, text = sound(torch.randn(1, 5, 4)), words([4, 5])
    module = block(tokens, text)
    log = module.emitted(tokens)[0][0].detach()
    paths = [path for path in itertools.product(range(6), repeat=5) if read(path) == [4, 5]]
    total = math.log(sum(math.exp(sum(float(log[t, label]) for t, label in enumerate(path))) for path in paths))
    assert float(module(tokens, text)["loss"].detach()) == pytest.approx(-total / 2, rel=1e-5)


def test_clips_too_short_and_clips_without_words_are_left_out() -> None:
    mask = torch.ones(4, 6, dtype=torch.bool)
    mask[1, 2:] = False
    mask[3] = False
    tokens, text = sound(torch.randn(4, 6, 4), mask), words([4, 5], [4, 4, 5], [], [5])
    module = block(tokens, text)
    alone = block(sound(tokens.x_BND[:1]), words([4, 5]))(sound(tokens.x_BND[:1]), words([4, 5]))["loss"]
    torch.testing.assert_close(module(tokens, text)["loss"], alone)
    assert int(module.counted(tokens, text)) == 1
    assert module.readings()["too short"] == 0.5


def test_start_and_end_are_not_said() -> None:
    assert sentences(words([4, 5, 4], [5])) == [[4, 5, 4], [5]]


def test_what_is_heard_has_no_repeats_and_no_blanks() -> None:
    log = torch.full((7, 4), -5.0)
    for frame, label in enumerate([1, 1, 0, 1, 2, 2, 0]):
        log[frame, label] = 0.0
    assert said(log) == [(1, range(0, 2)), (1, range(3, 4)), (2, range(4, 6))]


def test_edits_are_torchmetrics_character_errors() -> None:
    pairs = [("kitten", "sitting"), ("", "abc"), ("abc", ""), ("flaw", "lawn"), ("same", "same"), ("aabba", "abab")]
    for one, other in pairs:
        ours = edits([ord(letter) for letter in one], [ord(letter) for letter in other])
        theirs = float(char_error_rate([one], [other])) * len(other) if other else len(one)
        assert ours == pytest.approx(theirs)


def planted(seed: int, clips: int = 32) -> tuple[Tokens, Text]:
    """Pieces 3 to 5 in one to three frames each, quiet frames between: each has a number of its own that is loud."""
    generator = torch.Generator().manual_seed(seed)
    x, rows = 0.2 * torch.randn(clips, 16, 8, generator=generator), []
    for clip in range(clips):
        pieces, frame = torch.randint(3, 6, (3,), generator=generator).tolist(), 1
        for piece in pieces:
            length = int(torch.randint(1, 4, (), generator=generator))
            x[clip, frame : frame + length, piece] += 2.0
            frame += length + 1
        rows.append(pieces)
    return sound(x), words(*rows)


def test_it_learns_to_spell_and_aligns_what_it_was_never_told() -> None:
    tokens, text = planted(0)
    module = block(tokens, text)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1)
    for _ in range(150):
        optimiser.zero_grad()
        module(tokens, text)["loss"].backward()
        optimiser.step()
    other = planted(1)
    with torch.no_grad():
        scores = module.eval().held_out_scores(module.answers(*other))
        found = module.marked(*other)
    assert scores["error rate"] < 0.1
    assert scores["chance error rate"] > 0.5
    assert scores["accuracy"] > 0.8
    right = near = 0
    for clip, (marks, pieces) in enumerate(zip(found["true"], sentences(other[1]))):
        assert [mark.code for mark in marks] == pieces
        for mark in marks:
            frames = range(round(mark.span.start / 0.02), round(mark.span.end / 0.02))
            near += 1
            right += all(other[0].x_BND[clip, frame, mark.code] > 1.0 for frame in frames)
    assert right / near > 0.95


def test_a_sentence_that_does_not_fit_is_not_aligned() -> None:
    assert aligned(emissions(0, frames=2), [1, 1]) == []


def test_bands_side_by_side_keep_which_was_loud() -> None:
    grid = Grid(kind="bins", sizes=(2, 3), first=0.1, step=0.2)
    low, high = torch.zeros(1, 6, 1), torch.zeros(1, 6, 1)
    low[0, 1], high[0, 4] = 1.0, 1.0  # the same time, another band
    sides = [Tokens(x_BND=x, modality="audio", grid=grid) for x in (low, high)]
    stacked, mean = (
        FrequencyMerge(FrequencyMerge.Config(width=4, how=how), {"tokens": sides[0]}) for how in ("stacked", "mean")
    )
    assert (stacked(sides[0])["tokens"].x_BND - stacked(sides[1])["tokens"].x_BND).abs().max() > 1e-3
    torch.testing.assert_close(mean(sides[0])["tokens"].x_BND, mean(sides[1])["tokens"].x_BND)
    made = stacked(sides[0])["tokens"]
    assert made.grid == Grid(kind="times", sizes=(3,), first=0.1, step=0.2)
    one_by_one = torch.stack([low[0, [t, t + 3]].flatten() for t in range(3)])
    torch.testing.assert_close(made.x_BND[0], stacked.linear(one_by_one))


def test_spans_are_in_seconds() -> None:
    tokens, text = sound(torch.zeros(1, 4, 4)), words([4])
    module = block(tokens, text)
    with torch.no_grad():
        (mark,) = module.eval().marked(tokens, text)["true"][0]
    assert mark.span.end - mark.span.start == pytest.approx(0.02 * round(mark.span.seconds / 0.02))
    assert mark.span == Span(start=round(mark.span.start / 0.02) * 0.02, end=mark.span.end)
