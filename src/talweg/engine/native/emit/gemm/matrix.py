"""Where the elements of a matrix lie, and which of them a call takes."""

from __future__ import annotations

from typing import NamedTuple

from talweg.engine.native.llvm.values import Index, Value


class Matrix(NamedTuple):
    """Element (i, j) is at pointer + i row + j column, in elements."""

    pointer: Value
    row: Index
    column: Index = 1


class Panels(NamedTuple):
    """Element (p, j) of B is at pointer + (j // width) panel + p step + j % width."""

    pointer: Value
    step: Index
    panel: Index


class Range(NamedTuple):
    """The numbers low <= i < high."""

    low: Index
    high: Index
