"""From pictures to few tokens or codes, and back."""
