"""A film is played, paused and stepped through; frames are asked for in blocks; the picture follows the sound's clock."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from core.graph.reel import Reel, ReelFrames, ReelSound
from widgets.look.film_player import BLOCK, FilmPlayer
from widgets.look.playing import Player

LEFT = Qt.MouseButton.LeftButton


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Loud(Player):
    """Keeps what it is given to play; its position is set by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.played: list[bytes] = []
        self.heard = 0.0

    def obstacle(self) -> str:
        return ""

    def play(self, data: bytes) -> None:
        self.played.append(data)
        self.heard = 0.0

    def seconds(self) -> float:
        return self.heard


class Silent(Player):
    """A machine without an output."""

    def obstacle(self) -> str:
        return "This machine has no audio output."


def reel_of(starts: np.ndarray, end: float) -> Reel:
    return Reel(name="film", origin="film", starts_T=starts, end=end)


def frame(number: int) -> np.ndarray:
    return np.full((6, 8, 3), number, np.uint8)


def answered(player: FilmPlayer) -> list[ReelFrames | ReelSound]:
    """Every wish for frames is answered at once: frame n is of grey level n."""
    wishes: list[ReelFrames | ReelSound] = []

    def answer(wish: ReelFrames | ReelSound) -> None:
        wishes.append(wish)
        if isinstance(wish, ReelFrames):
            player.take(wish, [frame(wish.first + n) for n in range(wish.count)])

    player.wanted.connect(answer, Qt.ConnectionType.QueuedConnection)
    return wishes


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def player(qtbot, clock):
    made = FilmPlayer(clock=clock)
    qtbot.addWidget(made)
    made.sound = Silent()
    made.resize(400, 300)
    made.show()
    return made


def shown(player: FilmPlayer) -> int:
    """The grey level that is seen."""
    return player.picture.image.pixelColor(3, 3).red()


UNEVEN = np.array([0.0, 0.1, 0.5, 0.6, 1.0])


def test_frames_are_stepped_through_by_keys_and_buttons_with_their_own_times(player, qtbot):
    answered(player)
    player.show_reel(reel_of(UNEVEN, 1.5))
    qtbot.waitUntil(lambda: player.picture.image is not None)
    assert player.words.text() == "frame 1 of 5 · 0.000 s"
    QTest.keyClick(player, Qt.Key.Key_Period)
    QTest.keyClick(player, Qt.Key.Key_Right)
    assert (player.place, shown(player)) == (2, 2)
    assert player.words.text() == "frame 3 of 5 · 0.500 s"
    QTest.keyClick(player, Qt.Key.Key_Comma)
    assert shown(player) == 1
    QTest.mouseClick(player.forth_button, LEFT)
    QTest.mouseClick(player.back_button, LEFT)
    QTest.mouseClick(player.back_button, LEFT)
    QTest.mouseClick(player.back_button, LEFT)
    assert (player.place, player.is_playing) == (0, False), "before the first frame there is none"
    QTest.keyClick(player, Qt.Key.Key_End)
    assert player.place == 4


def test_a_film_whose_frames_last_unevenly_is_played_by_their_times(player, clock, qtbot):
    answered(player)
    player.show_reel(reel_of(UNEVEN, 1.5))
    qtbot.waitUntil(lambda: player.picture.image is not None)
    QTest.keyClick(player, Qt.Key.Key_Space)
    assert player.is_playing
    begun, seen = clock.now, []
    for seconds in (0.05, 0.11, 0.49, 0.51, 0.61, 0.99, 1.2, 1.6):
        clock.now = begun + seconds
        player.tick()
        seen.append(player.place)
    assert seen == [0, 1, 1, 2, 3, 3, 4, 4]
    assert not player.is_playing, "it has come to its end"
    player.speeds.setCurrentIndex(2)
    assert player.speed == 0.25
    player.play()
    assert player.place == 0, "from the beginning again"
    clock.now += 0.5
    player.tick()
    assert player.place == 1, "an eighth of a second of the film"


def test_the_picture_waits_for_frames_and_no_time_is_lost(player, clock, qtbot):
    wishes: list[ReelFrames] = []
    player.wanted.connect(wishes.append)
    starts = np.arange(3 * BLOCK) / 24
    player.show_reel(reel_of(starts, len(starts) / 24))
    assert [(wish.first, wish.count) for wish in wishes] == [(0, BLOCK)]
    assert "decoding" in player.words.text()
    player.play()
    for _ in range(3):
        clock.now += 0.4
        player.tick()
    assert player.place == 0
    player.take(ReelFrames(reel=player.reel, first=0, count=BLOCK), [frame(9)] * BLOCK)
    assert player.picture.image is None, "that was never asked for"
    player.take(wishes[0], [frame(n) for n in range(BLOCK)])
    player.tick()
    assert [wish.first for wish in wishes] == [0, BLOCK], "the next block is decoded while this one is seen"
    clock.now += 0.5
    player.tick()
    held = player.place
    assert 11 <= held <= 22, "it began when its frames were there, and not where the clock was by then"
    for _ in range(4):
        clock.now += 0.6
        player.tick()
    assert player.place == held
    player.take(wishes[1], [frame(BLOCK + n) for n in range(BLOCK)])
    player.tick()
    assert held < player.place <= held + 15, "nor while it waited"
    assert [wish.first for wish in wishes] == [0, BLOCK, 2 * BLOCK]


def test_what_cannot_be_decoded_is_said_in_place_of_a_frame(player, qtbot):
    wishes: list[ReelFrames] = []
    player.wanted.connect(wishes.append)
    player.show_reel(reel_of(UNEVEN, 1.5))
    player.take(wishes[0], (), "film: 1 of 5 frames cannot be decoded.")
    assert "cannot be decoded" in player.words.text()
    player.play()
    assert not player.is_playing


def test_the_bar_leads_to_a_moment_and_a_chosen_part_is_played_alone(player, clock, qtbot):
    answered(player)
    starts = np.arange(10) / 10
    player.show_reel(reel_of(starts, 1.0))
    qtbot.waitUntil(lambda: player.picture.image is not None)
    QTest.mouseClick(player.bar, LEFT, pos=QPoint(round(player.bar.x_of(0.55)), 8))
    assert player.place == 5
    player.show_part((0.2, 0.4))
    assert player.place == 2
    player.play()
    begun = clock.now
    clock.now = begun + 0.15
    player.tick()
    assert (player.place, player.is_playing) == (3, True)
    clock.now = begun + 0.21
    player.tick()
    assert (player.place, player.is_playing) == (3, False)
    player.play()
    assert player.place == 2, "the part again"
    player.seek(0.7)
    clock.now += 0.15
    player.tick()
    assert player.place == 8, "outside of it everything is played"


def test_the_picture_follows_the_sound_and_goes_on_without_it(player, clock, qtbot):
    player.sound = Loud()
    player.sound.stopped.connect(player._sound_ended)
    wishes = answered(player)
    starts = np.arange(40) / 10
    player.show_reel(reel_of(starts, 4.0))
    qtbot.waitUntil(lambda: player.picture.image is not None)
    player.seek(1.0)
    player.play()
    qtbot.waitUntil(lambda: any(isinstance(wish, ReelSound) for wish in wishes))
    wish = next(wish for wish in wishes if isinstance(wish, ReelSound))
    assert wish.start == pytest.approx(1.0)
    clock.now += 5
    player.tick()
    assert player.place == 10, "it waits for the sound"
    player.take(wish, b"sound")
    assert player.sound.played == [b"sound"]
    clock.now += 5
    player.sound.heard = 0.31
    player.tick()
    assert player.place == 13, "the sound's clock, not another"
    player.sound.stopped.emit()
    assert [one.start for one in wishes if isinstance(one, ReelSound)] == [pytest.approx(1.0)]
    qtbot.waitUntil(lambda: len([one for one in wishes if isinstance(one, ReelSound)]) == 2)
    player.take([one for one in wishes if isinstance(one, ReelSound)][1], b"")
    player.tick()
    clock.now += 0.2
    player.tick()
    assert player.place == 15, "behind its end the picture goes on by itself"
    player.pause()
    player.speeds.setCurrentIndex(1)
    player.play()
    assert player._asked_sound is None, "slow motion is silent"


def test_a_player_that_is_hidden_rests(player, qtbot):
    answered(player)
    player.show_reel(reel_of(UNEVEN, 1.5))
    qtbot.waitUntil(lambda: player.picture.image is not None)
    player.play()
    player.hide()
    assert not player.is_playing
    player.show_reel(None)
    assert not player.play_button.isEnabled()
