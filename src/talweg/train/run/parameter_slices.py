"""Slices of the flat weight vector, one per parameter, and functions of all parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import NamedTuple

from talweg import gates
from talweg.gates import Shape
from talweg.graph import Tensor
from talweg.graph.functions import concatenate

BLOCK = 1024
"""The longest row by which a parameter is summed. Threads share its rows."""


class Cut(NamedTuple):
    """The start of a parameter in the flat vector, and a shape for it."""

    start: int
    shape: Shape

    def of(self, flat: Tensor) -> Tensor:
        """The parameter's part of a vector; a single number stays as it is."""
        if not flat.ndim:
            return flat
        ranges = ((self.start, self.start + prod(self.shape), 1),)
        return self.shaped(gates.take_slice(flat, ranges=ranges))

    def of_all(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self.of(value) for name, value in state.items()}

    def shaped(self, piece: Tensor) -> Tensor:
        shaped: Tensor = gates.reshape(piece, shape=self.shape)
        return shaped


def cuts(parameters: Mapping[str, Tensor], in_blocks: bool = True) -> dict[str, Cut]:
    """The slice of each parameter, in blocks that threads can share or in its own shape."""
    slices, start = {}, 0
    for name, parameter in parameters.items():
        shape = _blocks(parameter.size) if in_blocks else parameter.shape
        slices[name] = Cut(start, shape)
        start += parameter.size
    return slices


def _blocks(size: int) -> Shape:
    """Rows of equal length, multiples of 32 if possible; one row if the size is small or odd."""
    lengths = (
        [length for length in range(BLOCK, 63, -1) if size % length == 0]
        if size > BLOCK // 2
        else []
    )
    length = max(lengths, key=lambda n: (n % 32 == 0, n), default=size)
    return (size // length, length) if length < size else (size,)


def joined(pieces: Iterable[Tensor]) -> Tensor:
    """The pieces as one flat vector."""
    flat = [gates.reshape(piece, shape=(piece.size,)) for piece in pieces]
    whole: Tensor = flat[0] if len(flat) == 1 else concatenate(flat)
    return whole


def total(x: Tensor) -> Tensor:
    """The sum of all elements, row by row."""
    while x.ndim:
        x = x.sum(axis=-1)
    return x
