"""One file for each kind of record that others keep."""
