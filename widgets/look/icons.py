"""Icons from the Material Design icon font (qtawesome), by what they mean; tinted with the theme."""

from __future__ import annotations

from PySide6.QtGui import QIcon

from widgets.look.theme import look, theme

NAMES = {
    "run": "mdi6.play", "pause": "mdi6.pause", "stop": "mdi6.stop", "step_forward": "mdi6.skip-next",
    "step_back": "mdi6.skip-previous", "live": "mdi6.record-circle", "loop": "mdi6.repeat", "open": "mdi6.folder-open-outline",
    "save": "mdi6.content-save-outline", "new": "mdi6.file-outline", "undo": "mdi6.undo", "redo": "mdi6.redo",
    "fit": "mdi6.fit-to-screen-outline", "tidy": "mdi6.auto-fix", "search": "mdi6.magnify", "delete": "mdi6.delete-outline",
    "settings": "mdi6.cog-outline", "help": "mdi6.help-circle-outline", "error": "mdi6.alert-circle-outline",
    "warning": "mdi6.alert-outline", "hint": "mdi6.lightbulb-on-outline", "reset": "mdi6.restore", "close": "mdi6.close",
    "add": "mdi6.plus", "copy": "mdi6.content-copy", "paste": "mdi6.content-paste", "mute": "mdi6.volume-off",
    "bypass": "mdi6.debug-step-over", "frame": "mdi6.select-group", "checkpoint": "mdi6.flag-outline", "best": "mdi6.star-outline",
    "export": "mdi6.export-variant", "rename": "mdi6.pencil-outline", "tag": "mdi6.tag-outline", "compare": "mdi6.compare-horizontal",
    "fork": "mdi6.source-fork", "lineage": "mdi6.file-tree-outline", "picture": "mdi6.image-outline", "frozen": "mdi6.snowflake", "trained": "mdi6.fire",
    "gallery": "mdi6.view-grid-outline", "own": "mdi6.puzzle-outline", "driven": "mdi6.robot-outline", "judge": "mdi6.scale-balance", "data": "mdi6.database-outline", "log": "mdi6.text-box-outline", "more": "mdi6.chevron-down",
    "less": "mdi6.chevron-up", "good": "mdi6.check-circle-outline", "theme": "mdi6.theme-light-dark", "language": "mdi6.translate", "device": "mdi6.chip",
}  # fmt: skip


class _Loading:
    """Whether icons wait for the window's first picture: the icon font costs as much as half of the window."""

    waits = False
    is_done = False


def put_off() -> None:
    """Until :func:`load` every icon is empty. Once the font is there, nothing waits any more."""
    _Loading.waits = not _Loading.is_done


def load() -> None:
    """From now on icons are drawn; whoever has shown an empty one does what it does when the theme changes."""
    if _Loading.waits:
        _Loading.waits = False
        look.changed.emit()


def icon(meaning: str, colour: str = "") -> QIcon:
    """The icon for a meaning; unknown meanings give an empty icon, and all do while they are put off."""
    if meaning not in NAMES or _Loading.waits:
        return QIcon()
    _Loading.is_done = True
    import qtawesome

    return qtawesome.icon(NAMES[meaning], color=colour or theme().text, color_disabled=theme().muted)
