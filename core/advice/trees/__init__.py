"""One decision tree a file; a folder is the registry."""
