"""Blocks that make pictures and sounds."""
