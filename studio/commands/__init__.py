"""The command line, one file a command: ``describe(parser)`` adds its flags, ``run(flags)`` gives the exit code."""
