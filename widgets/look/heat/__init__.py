"""Weights over pictures, frames and words, as attention is drawn everywhere."""
