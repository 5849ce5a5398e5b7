"""Other people's records as runs of the library, and runs of the library as records of others."""
