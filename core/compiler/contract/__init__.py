"""What every block keeps to, measured: the same for the studio's own and for a person's."""
