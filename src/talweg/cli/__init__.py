"""The command line: `talweg demo`, `train`, `predict`, `show` and `compare`. It reads arguments,
calls what a Python user would call, and prints; an error becomes one message and exit status 2.
Heavy modules are imported inside the command that needs them.
"""
