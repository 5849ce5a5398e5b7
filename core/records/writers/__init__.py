"""One file for each kind of record that is written for other programs."""
