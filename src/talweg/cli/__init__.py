"""The command line: `talweg demo`, `train`, `predict`, `show` and `compare`. `main` runs a command
through the API that a Python user calls; an error becomes one message and exit status 2. The
options of a command stand beside it (`train_options` and `train`), so that `--help` needs no heavy
import.
"""
