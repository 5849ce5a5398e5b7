"""Monitors: what a run said, as pictures at the cursor. One file each; the folder is the list."""
