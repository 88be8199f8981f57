"""The line of the user's code that made a node."""

from __future__ import annotations

import functools
import os
import sys
from typing import NamedTuple

import numpy as np

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NUMPY = os.path.dirname(os.path.abspath(np.__file__))
_LIBRARIES = (_PACKAGE + os.sep, _NUMPY + os.sep, functools.__file__)


class Line(NamedTuple):
    """A line in a source file."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.number}"


@functools.cache  # recording one gate asks about some fifteen frames
def _is_user_code(file: str) -> bool:
    return not file.startswith(_LIBRARIES)


def calling_line() -> Line:
    """The innermost line on the call stack that is not in talweg, NumPy or functools."""
    frame = sys._getframe(1)
    while frame.f_back and not _is_user_code(frame.f_code.co_filename):
        frame = frame.f_back
    return Line(frame.f_code.co_filename, frame.f_lineno)
