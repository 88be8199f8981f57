"""Where each parameter lies in the flat vector of weights, and what is made of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import NamedTuple

from talweg import gates
from talweg.gates import Shape
from talweg.graph import Tensor
from talweg.graph.functions import concatenate

BLOCK = 1024
"""The longest row that a parameter is summed up by; its rows are shared out among threads."""


class Cut(NamedTuple):
    """A parameter's place in the flat vector, and a shape for it."""

    start: int
    shape: Shape

    def of(self, flat: Tensor) -> Tensor:
        """The parameter's part; one number for all parameters stays as it is."""
        if not flat.ndim:
            return flat
        ranges = ((self.start, self.start + prod(self.shape), 1),)
        return self.shaped(gates.take_slice(flat, ranges=ranges))

    def of_all(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self.of(each) for name, each in state.items()}

    def shaped(self, piece: Tensor) -> Tensor:
        shaped: Tensor = gates.reshape(piece, shape=self.shape)
        return shaped


def cuts(parameters: Mapping[str, Tensor], in_blocks: bool = True) -> dict[str, Cut]:
    """The place of each: in blocks that can be shared out among threads, or in its own shape."""
    found, start = {}, 0
    for name, each in parameters.items():
        found[name] = Cut(start, _blocks(each.size) if in_blocks else each.shape)
        start += each.size
    return found


def _blocks(size: int) -> Shape:
    """Rows of equal length, whole vectors of 32 if possible; one where it is small or odd."""
    lengths = (
        [each for each in range(BLOCK, 63, -1) if size % each == 0] if size > BLOCK // 2 else []
    )
    length = max(lengths, key=lambda each: (each % 32 == 0, each), default=size)
    return (size // length, length) if length < size else (size,)


def joined(pieces: Iterable[Tensor]) -> Tensor:
    """The pieces as one flat vector."""
    flat = [gates.reshape(each, shape=(each.size,)) for each in pieces]
    whole: Tensor = flat[0] if len(flat) == 1 else concatenate(flat)
    return whole


def total(x: Tensor) -> Tensor:
    """The sum of all elements, row by row."""
    while x.ndim:
        x = x.sum(axis=-1)
    return x
