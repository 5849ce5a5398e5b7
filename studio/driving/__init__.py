"""A script drives the open window, over a socket that only its owner can open."""
