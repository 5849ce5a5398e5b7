"""One file a kind of attention."""
