"""Benches: each file measures one promise of the house and gives its figures."""
