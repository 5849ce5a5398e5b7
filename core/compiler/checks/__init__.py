"""What stands against a run of a drawing, or would surprise in it: one kind of Problem a file."""
