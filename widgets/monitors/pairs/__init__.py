"""Pairs: how alike, how found, and what stands behind a brushed range."""
