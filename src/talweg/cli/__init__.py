"""The command line: `talweg demo`, `train`, `predict`, `show` and `compare`. It reads arguments,
calls what a Python user would call, and prints; errors become one message and exit status 2.
Everything heavy is imported inside of the command that needs it.
"""
