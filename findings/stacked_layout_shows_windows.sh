#!/usr/bin/env bash
# What:    QStackedLayout.addWidget shows the first widget at once. If the layout is not yet on a widget, that child has no
#          parent, so it is shown as a window of its own, until it is put into its place.
# Version: PySide6-Essentials 6.11.1 (Qt 6.11.1)
# Why:     a window that builds parts behind its first picture loses the focus (activeWindow() is None offscreen) and may
#          flash on a desktop; other layouts (QVBoxLayout) do not do this. Give the child its parent when it is made.
# Source:  measured by this script; Qt's documentation of QStackedLayout says that only one widget is visible at a time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check PySide6-Essentials==6.11.1 2>/dev/null
QT_QPA_PLATFORM=offscreen "$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import PySide6
from PySide6.QtWidgets import QApplication, QLabel, QStackedLayout, QVBoxLayout, QWidget

application = QApplication([])
seen = {}
for name, layout in (("QStackedLayout", QStackedLayout()), ("QVBoxLayout", QVBoxLayout())):
    label = QLabel("part")
    layout.addWidget(label)
    seen[name] = label.isVisible() and label.isWindow()
holder = QWidget()
label, layout = QLabel("part", holder), QStackedLayout()
layout.addWidget(label)
seen["QStackedLayout, child with a parent"] = label.isVisible() and label.isWindow()
print(f"PySide6 {PySide6.__version__}: shown as a window of its own:", seen)
assert list(seen.values()) == [True, False, False], "this has changed"
PYTHON
