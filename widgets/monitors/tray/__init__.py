"""The tray: what was picked from monitors, of any run and step, side by side."""
