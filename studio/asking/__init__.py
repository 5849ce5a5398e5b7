"""Questions that need the engine: queries to trained runs, judged pairs, exports, columns of a table."""
