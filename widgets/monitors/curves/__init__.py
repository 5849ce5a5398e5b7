"""Figures of a run as curves and tables over its steps."""
