"""A person asks the advisor, applies what it proposes, undoes it, and puts the rest aside."""

from __future__ import annotations

from typing import Any

from studio.open.documents import find_document
from tests.documents import tiny_clip


def test_advice_is_taken_in_one_step_put_off_and_heard_again(sit_down: Any) -> None:
    person = sit_down(tiny_clip(batch_size=16))
    window, session = person.window, person.session
    person.analysed()
    window.show_left_tab(3)
    panel = window.advice

    def seen() -> list[str]:
        return [card.proposal.kind for card in panel.cards if card.apply_button.isVisible()]

    person.wait(seen)
    before = session.document
    kinds = [card.proposal.kind for card in panel.cards]
    assert set(kinds) == {"negatives.queue", "negatives.larger"}
    card = panel.cards[kinds.index("negatives.queue")]
    assert card.proposal.reason in card.accessibleName()

    person.click(card.apply_button)
    assert {node.block for node in session.document.nodes.values()} >= {"negatives.queue"}
    assert session.history.undo_name == "Put a queue of 782 negatives before the objective"
    person.analysed()
    assert session.analysis.is_runnable
    person.wait(lambda: not panel.cards)
    assert panel.summary.text() == "Nothing to propose: what is drawn follows all rules."

    session.undo()
    assert session.document == before
    person.analysed()
    person.wait(lambda: seen() == kinds)
    person.click(panel.cards[0].later_button)
    person.wait(lambda: seen() == kinds[1:])
    panel.cards[0].never_button.linkActivated.emit("#")
    assert panel.cards == []
    assert panel.aside_button.accessibleName() == "Put aside: 2. Show them again"

    session.show(find_document("token_compression_sweep"))  # another document: what was put off for one is said again
    person.analysed()
    person.wait(lambda: seen() == kinds[:1])
    session.show(before)
    person.analysed()
    person.wait(lambda: panel.aside_button.accessibleName().startswith("Put aside: 2"))
    panel.aside_button.linkActivated.emit("#")
    assert [one.proposal.kind for one in panel.cards] == kinds
    assert session.preferences.advice_never == ()
