"""Monitors: what a run said, as pictures at the cursor. One file each, in a room by what it shows; the folders are the list."""
