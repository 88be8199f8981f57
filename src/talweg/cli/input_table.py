"""The input table of a command: a path, or standard input."""

from __future__ import annotations

import sys

from talweg.data.io.files import Source, source_of
from talweg.errors import DataError

STANDARD_INPUT = ("-", "/dev/stdin")


def input_table(path: str) -> Source:
    """The table at this path, or standard input, which is read once and kept in memory."""
    if path not in STANDARD_INPUT:
        return source_of(path)
    if sys.stdin is None:
        raise DataError("Standard input is closed. Give a file, or pipe in a table.")
    return source_of(getattr(sys.stdin, "buffer", sys.stdin), "standard input")
