"""Context menus: the same commands as the keys, with what they are called and how they are typed."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu

from core.graph.exchanging import candidates, exchanged
from widgets.canvas.commands import commands
from widgets.canvas.geometry import WIRE_REACH
from widgets.canvas.surface import Surface
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.popup import popup

ONLY_INSIDE = ("leave",)
REPEATS = (1, 2, 4, 6, 8, 12, 24)


def select_under(canvas: Surface, at: QPointF) -> None:
    """A right click acts on what is under it: select that, unless it is selected."""
    if name := canvas.board.node_at(at):
        if name not in canvas.selection():
            canvas.select([name])
    elif key := canvas.board.wire_at(at, WIRE_REACH / canvas.scale_now):
        canvas.select([], wires=[key])
    elif frame := canvas.board.frame_at(at, 4.0)[0]:
        canvas.select([], frames=[frame])


def menu_for(canvas: Surface, at: QPointF) -> QMenu:
    """The menu for what is selected: nodes, a wire or a frame, or the paper."""
    menu = popup(canvas)
    on = "nodes" if canvas.selection() or canvas.selected_frames else "wire" if canvas.selected_wires else "canvas"
    group = None
    _add_border(menu, canvas, at)
    for command in commands():
        if command.on not in (on, "any") or (command.method in ONLY_INSIDE and not canvas.document.inside):
            continue
        if group is not None and command.group != group:
            menu.addSeparator()
        group = command.group
        action = inside(menu, command.inside).addAction(command.text, getattr(canvas, command.method))
        action.setShortcut(QKeySequence(command.keys[0] if command.keys else ""))
        action.setObjectName(command.method)
        if why_not := _why_not(canvas, command.method):
            action.setEnabled(False)
            action.setToolTip(plain_tip(why_not))
    if on == "nodes":
        _add_repeat(menu, canvas)
        _add_exchange(menu, canvas)
    elif on == "wire":
        key = next(iter(canvas.selected_wires))
        menu.addAction(tr("Add a reroute point"), lambda: canvas.add_via(key, at)).setObjectName("add_via")
    return menu


def _add_border(menu: QMenu, canvas: Surface, at: QPointF) -> None:
    """Inside a subgraph, on a port: lead it out, or take it from the border."""
    found = canvas.port_under(at)
    if found is None:
        return
    end, gives = found
    name = tr(end.port, "port").replace("&", "&&")
    if canvas.is_at_border(end):
        text = tr("Remove the port {name} from the subgraph", name=name)
        menu.addAction(text, lambda: canvas.remove_border_port(end)).setObjectName("remove_port")
    else:
        text = tr("Lead {name} out of the subgraph", name=name)
        action = menu.addAction(text, lambda: canvas.lead_out(end, gives))
        action.setObjectName("lead_out")
        if not gives and canvas.document.wire_at(end) is not None:
            action.setEnabled(False)
            action.setToolTip(plain_tip(tr("A wire leads to this port already.")))
    menu.addSeparator()


def inside(menu: QMenu, title: str) -> QMenu:
    """The menu within a menu that has this title, added where there is none yet; the menu itself without a title."""
    if not title:
        return menu
    known = next((action.menu() for action in menu.actions() if action.menu() and action.text() == tr(title)), None)
    return known or menu.addMenu(tr(title))


def _why_not(canvas: Surface, method: str) -> str:
    """Why a command of a selection has nothing to do there; empty where it has."""
    chosen = canvas.selection()
    if method == "share_weights" and len(chosen) == 1:
        return canvas.why_not_share(chosen[0])
    if method.startswith(("align_", "distribute_")):
        least = 3 if method.startswith("distribute_") else 2
        return "" if len(chosen) >= least else tr("Select {least} or more blocks.", least=least)
    if method == "group_selection":
        return canvas.why_not_group()
    if method == "dissolve":
        return canvas.why_not_dissolve()
    if method == "enter_selected" and not (len(chosen) == 1 and canvas.are_copies()):
        return tr("Select a subgraph first.")
    if method == "own_weights" and all(len(canvas.document.places(name)) == 1 for name in chosen):
        return tr("The selected blocks have their own weights.")
    return ""


def _add_repeat(menu: QMenu, canvas: Surface) -> None:
    inside = menu.addMenu(tr("Repeat"))
    chosen = [canvas.document.nodes[name] for name in canvas.selection()]
    fit = [node for node in chosen if canvas.vocabulary.spec(node.block).repeatable]
    inside.setEnabled(bool(fit))
    if not fit:
        inside.menuAction().setToolTip(tr("What goes into the block must come out alike."))
    for count in REPEATS:
        action = inside.addAction(f"×{count}", lambda count=count: canvas.set_repeat(count))
        action.setCheckable(True)
        action.setChecked(bool(fit) and all(node.repeat == count for node in fit))


def _add_exchange(menu: QMenu, canvas: Surface) -> None:
    """The blocks that one selected block could be exchanged for with all its wires."""
    chosen = canvas.selection()
    found = candidates(canvas.document, chosen[0], canvas.vocabulary) if len(chosen) == 1 else []
    inside = menu.addMenu(tr("Exchange for"))
    inside.menuAction().setObjectName("exchange")
    inside.setEnabled(bool(found))
    if not found:
        reason = tr("No other block takes and gives the same.") if chosen[1:] == [] else tr("Select one block.")
        inside.menuAction().setToolTip(plain_tip(reason))
    for key in found:
        action = inside.addAction(said(canvas.vocabulary[key].title).replace("&", "&&"))
        action.setObjectName(f"exchange_for_{key}")
        action.triggered.connect(lambda _=False, key=key: _exchange(canvas, chosen[0], key))
    if found:
        inside.addSeparator()
        every = inside.addAction(
            tr("Try each of them in a sweep"), lambda: canvas.alternativesRequested.emit(chosen[0])
        )
        every.setObjectName("alternatives")


def _exchange(canvas: Surface, node: str, key: str) -> None:
    canvas.propose(exchanged(canvas.document, node, key, canvas.vocabulary), tr("Exchange"))
