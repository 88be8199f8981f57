"""Where in the user's code a node was made."""

from __future__ import annotations

import functools
import os
import sys
from typing import NamedTuple

import numpy as np

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NUMPY = os.path.dirname(os.path.abspath(np.__file__))
_NOT_THE_USERS = (_PACKAGE + os.sep, _NUMPY + os.sep, functools.__file__)


class Line(NamedTuple):
    """A place in someone's code."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.number}"


@functools.cache  # each gate that is recorded asks of some fifteen lines
def _is_the_users(file: str) -> bool:
    return not file.startswith(_NOT_THE_USERS)


def calling_line() -> Line:
    """The innermost line outside of this package, NumPy, and what they call it through."""
    frame = sys._getframe(1)
    while frame.f_back and not _is_the_users(frame.f_code.co_filename):
        frame = frame.f_back
    return Line(frame.f_code.co_filename, frame.f_lineno)
