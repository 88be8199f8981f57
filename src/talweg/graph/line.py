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


def calling_line() -> Line:
    """The innermost line outside of this package, NumPy, and what they call it through."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        frame = frame.f_back
    return Line(frame.f_code.co_filename, frame.f_lineno)
