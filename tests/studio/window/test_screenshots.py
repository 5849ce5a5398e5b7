"""Pictures of the window are taken with preferences that have all that a person's have, and keep nothing."""

from __future__ import annotations

from studio.open.preferences import Preferences
from studio.window.screenshots import Fixed


def test_the_fixed_preferences_lack_nothing() -> None:
    wanted = {name for name in dir(Preferences) if not name.startswith("_")}
    assert wanted - set(dir(Fixed(None, "dark", "en"))) == set()
