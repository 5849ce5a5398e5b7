"""What a run made: pictures, sounds, codes, beside what was asked for."""
