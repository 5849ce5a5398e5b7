"""What a run says, brought to the monitors: the pump, the wall, comparisons, the header."""
