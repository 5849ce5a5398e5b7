"""What stands on an axis of seconds: marked stretches and offsets between sound and picture."""
