"""What is open: documents, the journal of unsaved work, preferences, queues of runs and sweeps."""
