"""Sizes that may depend on the number of rows N of a batch."""

from __future__ import annotations

from math import prod
from typing import NamedTuple


class Size(NamedTuple):
    """A size: `factor` times the number of rows to the `power`."""

    factor: int
    power: int = 0

    def times(self, other: Size) -> Size:
        return Size(self.factor * other.factor, self.power + other.power if self.factor else 0)

    @property
    def is_known(self) -> bool:
        return self.power == 0

    def of(self, rows: int) -> int:
        """The size for this many rows."""
        return int(self.factor * rows**self.power)

    def __str__(self) -> str:
        rows = {0: "", 1: "N"}.get(self.power, f"N^{self.power}")
        return f"{self.factor}" if not rows else (f"{self.factor} {rows}").removeprefix("1 ")


ZERO, ONE = Size(0), Size(1)
Sizes = tuple[Size, ...]


def element_count(sizes: Sizes) -> Size:
    """How many elements a shape has."""
    return Size(prod(size.factor for size in sizes), sum(size.power for size in sizes))


def shape_text(shape: Sizes) -> str:
    """A shape as plans print it."""
    return f"[{', '.join(map(str, shape))}]"
