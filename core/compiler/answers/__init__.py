"""What a plan can be asked, and how what is asked and found goes through it."""
