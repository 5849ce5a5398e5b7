"""The inference desk: ask a trained run."""
