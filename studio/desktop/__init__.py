"""What the desktop is told: a menu entry, an icon, the type of experiments' files."""
