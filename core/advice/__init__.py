"""What a drawing and its data suggest: decision trees of the field, each proposal with its reason, its source and how sure it is. No torch."""
