"""The Inspect page: where a trained model looks in one sample, by layer, head and rule, and whether such a map can be trusted."""
