"""Negatives as a place: what every pair is contrasted with, chosen by blocks in a row, read by InfoNCE."""
