"""How things are told: problems as sentences, tables on the command line, what is installed."""
