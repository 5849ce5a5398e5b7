"""The library of runs: a table to sort, filter and edit, and a view that compares."""
