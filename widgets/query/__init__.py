"""The query page: ask a trained run."""
