"""Many runs at once: which settings and figures they have, which of them a person means, groups over seeds. No Qt, no torch."""
