"""The canvas's commands with their names and keys: one table for the keyboard and the context menus."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtGui import QKeyEvent, QKeySequence

from widgets.look.keys import keys_of
from widgets.look.language import tr

On = Literal["nodes", "wire", "canvas", "any"]


@dataclass(frozen=True)
class Command:
    """One command: what it is called, the method of the view that does it, its keys, and what it acts on."""

    text: str
    method: str
    keys: tuple[str, ...]
    on: On
    group: int = 0
    inside: str = ""  # the menu within the menu that holds it, in English

    @property
    def key(self) -> str:
        """Under which a person's own keys are kept."""
        return f"canvas.{self.method}"


def commands() -> tuple[Command, ...]:
    """Every command, in the order of the menus, in the person's language, with the keys it has now."""
    return tuple(replace(command, keys=keys_of(command.key, command.keys)) for command in declared())


def declared() -> tuple[Command, ...]:
    """Every command with its own keys."""
    return (
        Command(tr("Add a block…"), "open_search", ("Space", "Shift+A", "Ins"), "canvas", 0),
        Command(tr("Find a block…"), "open_find", ("Ctrl+F",), "canvas", 0),
        Command(tr("Cut"), "cut", ("Ctrl+X",), "nodes", 1),
        Command(tr("Copy"), "copy", ("Ctrl+C",), "nodes", 1),
        Command(tr("Paste"), "paste", ("Ctrl+V",), "canvas", 1),
        Command(tr("Paste with wires"), "paste_with_wires", ("Ctrl+Shift+V",), "canvas", 1),
        Command(tr("Duplicate"), "duplicate", ("Ctrl+D",), "nodes", 1),
        Command(tr("Delete"), "delete", ("Del", "Backspace"), "nodes", 1),
        Command(tr("Delete with wires"), "delete_with_wires", ("Alt+Del",), "nodes", 1),
        Command(tr("Disconnect"), "delete", ("Del",), "wire", 1),
        Command(tr("Rename"), "rename", ("F2",), "nodes", 2),
        Command(tr("Settings"), "settings", ("Alt+Return",), "any", 2),
        Command(tr("Disable"), "mute", ("M", "Ctrl+M"), "nodes", 2),
        Command(tr("Bypass"), "bypass", ("Ctrl+B",), "nodes", 2),
        Command(tr("Ablate: disable blocks…"), "ablate", ("Alt+A",), "nodes", 2),
        Command(tr("Run to here"), "run_to_here", ("Ctrl+F10",), "nodes", 2),
        Command(tr("Pause when…"), "pause_when", ("F9",), "nodes", 2),
        Command(tr("Collapse"), "collapse", ("Alt+C", "H"), "nodes", 2),
        Command(tr("Same weights as…"), "share_weights", ("W", "Alt+W"), "nodes", 2),
        Command(tr("Own weights"), "own_weights", ("Shift+W", "Alt+Shift+W"), "nodes", 2),
        Command(tr("Next port"), "next_port", ("P", "Alt+P"), "nodes", 3),
        Command(tr("Previous port"), "previous_port", ("Shift+P", "Alt+Shift+P"), "nodes", 3),
        Command(tr("Wire to…"), "wire_to", ("Ctrl+J",), "nodes", 3),
        Command(tr("Connect selected"), "connect_selected", ("J",), "nodes", 3),
        Command(tr("Swap inputs"), "swap_inputs", ("Alt+S",), "nodes", 3),
        Command(tr("Frame"), "frame_selection", ("Ctrl+G", "C"), "nodes", 3),
        Command(tr("Make a subgraph"), "group_selection", ("Ctrl+Shift+G",), "nodes", 3),
        Command(tr("Unpack the subgraph"), "dissolve", ("Alt+Shift+G",), "nodes", 3),
        Command(tr("Enter the subgraph"), "enter_selected", ("PgDown", "Alt+PgDown"), "nodes", 3),
        Command(tr("Leave the subgraph"), "leave", ("PgUp", "Alt+PgUp"), "any", 3),
        Command(tr("Add a note"), "add_note", ("Ctrl+Shift+N",), "canvas", 3),
        Command(tr("Select all"), "select_all", ("Ctrl+A",), "canvas", 4),
        Command(tr("Tidy"), "tidy", ("Ctrl+L",), "any", 4),
        *_aligning(),
        Command(tr("Fit selection"), "fit_selection", ("F", "."), "nodes", 5),
        Command(tr("Fit all"), "fit_all", ("Home",), "canvas", 5),
        Command(tr("Zoom in"), "zoom_in", ("Ctrl+=", "Ctrl++", "Ctrl+Shift++"), "canvas", 5),
        Command(tr("Zoom out"), "zoom_out", ("Ctrl+-",), "canvas", 5),
        Command(tr("Full size"), "zoom_reset", ("Ctrl+0",), "canvas", 5),
    )


def _aligning() -> tuple[Command, ...]:
    """What puts several blocks on a line or at equal distances."""
    align = "Align"
    return (
        Command(tr("Align left"), "align_left", ("Alt+Shift+Left",), "nodes", 4, align),
        Command(tr("Align centers"), "align_center", ("Alt+Shift+C",), "nodes", 4, align),
        Command(tr("Align right"), "align_right", ("Alt+Shift+Right",), "nodes", 4, align),
        Command(tr("Align top"), "align_top", ("Alt+Shift+Up",), "nodes", 4, align),
        Command(tr("Align middles"), "align_middle", ("Alt+Shift+M",), "nodes", 4, align),
        Command(tr("Align bottom"), "align_bottom", ("Alt+Shift+Down",), "nodes", 4, align),
        Command(tr("Distribute horizontally"), "distribute_across", ("Alt+Shift+H",), "nodes", 4, align),
        Command(tr("Distribute vertically"), "distribute_down", ("Alt+Shift+V",), "nodes", 4, align),
    )


NEEDS_SELECTION = frozenset(
    {"M", "H", "J", "P", "Shift+P", "W", "Shift+W", "C"}
)  # these letters start a search while nothing is selected


def spelled(event: QKeyEvent) -> str:
    """A key as the table above writes it."""
    sequence = QKeySequence(event.keyCombination()).toString(QKeySequence.SequenceFormat.PortableText)
    return sequence.replace("Num+", "")


def command_for(keys: str, *, selected: bool) -> str:
    """The method of the command that has these keys; letters that act on blocks need a selection."""
    for command in commands():
        if keys in command.keys and not (keys in NEEDS_SELECTION and not selected):
            return command.method
    return ""
