"""The gallery: cards under the headings of their families, sweeps marked with how many runs they are."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from core.graph.file import dumps
from core.graph.vocabulary import Vocabulary
from core.runs.vocabulary import full_vocabulary
from studio.open.documents import DEFAULT_EXAMPLE, OTHERS, examples, families
from studio.window.cards import gallery_cards
from widgets.gallery import Card, CardFrame, Gallery


def card(key, family, trials=0):
    return Card(key=key, title=key, note="note", family=family, blocks=3, steps=10, trials=trials)


def shown(qtbot, cards):
    gallery = Gallery()
    qtbot.addWidget(gallery)
    gallery.resize(1200, 900)
    gallery.set_cards(cards)
    gallery.show()
    return gallery


def texts(widget):
    return [label.text() for label in widget.findChildren(QLabel)]


def test_cards_stand_under_their_family(qtbot):
    gallery = shown(qtbot, [card("a", "One"), card("b", "Two"), card("c", "Two", trials=15)])
    gallery.set_cards(
        [card("a", "One"), card("b", "Two"), card("c", "Two", trials=15)]
    )  # again, as when it is reopened
    qtbot.waitUntil(lambda: sum(frame.isVisible() for frame in gallery.findChildren(CardFrame)) == 3)
    gallery.grab()
    frames = {frame.accessibleName(): frame for frame in gallery.findChildren(CardFrame) if frame.isVisible()}
    headings = {label.text(): label for label in gallery.findChildren(QLabel) if label.isVisible()}
    assert frames["a"].y() > headings["One"].y()
    assert frames["b"].y() > headings["Two"].y() > frames["a"].geometry().bottom()
    assert frames["b"].y() == frames["c"].y()
    assert "sweep · 15 runs" in texts(frames["c"])
    assert not [text for text in texts(frames["b"]) if "sweep" in text]
    with qtbot.waitSignal(gallery.chosen) as caught:
        QTest.keyClick(frames["c"], Qt.Key.Key_Return)
    assert caught.args == ["c"]


def test_every_example_has_a_card_and_the_default_is_first():
    cards = gallery_cards(Vocabulary())
    assert cards[0].key == DEFAULT_EXAMPLE
    assert {card.key for card in cards} == {example.key for example in examples()}
    assert list(dict.fromkeys(card.family for card in cards))[: len(families())] == list(families())
    named = [key for keys in families().values() for key in keys]
    assert len(named) == len(set(named))
    assert set(named) <= {card.key for card in cards}, "the index names what is not there"


def test_an_example_that_no_family_names_appears_last(tmp_path):
    for name in ("mini_clip", "late_interaction"):
        example = next(each for each in examples() if each.key == name)
        (tmp_path / f"{name}.cms.json").write_text(dumps(example.document))
    (tmp_path / "brand_new.cms.json").write_text(dumps(example.document))
    found = examples(tmp_path)
    assert [each.key for each in found] == ["mini_clip", "late_interaction", "brand_new"]
    assert found[-1].family == OTHERS


def test_cards_are_found_by_a_word_a_block_or_a_paper(qtbot):
    gallery = shown(qtbot, gallery_cards(full_vocabulary()))

    def found():
        return [frame.accessibleName() for frame in gallery.findChildren(CardFrame) if frame.isVisible()]

    whole = found()
    QTest.keyClicks(gallery.field, "wav2vec2 nobody")
    assert found() == []
    assert any("No example says “wav2vec2 nobody”." in text for text in texts(gallery))
    gallery.field.clear()
    assert found() == whole
    QTest.keyClicks(gallery.field, "2002.05709")  # SimCLR's paper
    assert len(found()) in range(1, 4)
    gallery.field.setText("mandarin tone")
    assert len(found()) == 1
    gallery.field.setText("VIDEO localisation")
    videos = found()
    assert 1 <= len(videos) < len(whole)
    gallery.set_cards(gallery_cards(full_vocabulary()))  # opened again: what was typed still holds
    assert found() == videos
