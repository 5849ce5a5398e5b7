"""Attention maps over pictures, words, sounds and frames."""
