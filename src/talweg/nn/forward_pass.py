"""A network's call that is under way: where its parameters come from, what training asks for."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from talweg import gates
from talweg.errors import RecordingError, ShapeError, nearest
from talweg.gates import Array, Shape
from talweg.graph import Tensor
from talweg.nn.initializers import as_initializer
from talweg.random import INITIAL_WEIGHTS, generator
from talweg.settings import Number, plain

if TYPE_CHECKING:
    from talweg.nn.module import Module

_SIZE = Number(at_least=0, whole=True)
Declare = Callable[[str, Shape, Any], Tensor]
"""What gives the tensor of one parameter: (its full name, shape, initialiser)."""
Limit = Callable[[Tensor], Tensor]
"""A parameter after a step -> the parameter within its limits."""


@dataclass
class TrainingStep:
    """What a step of training is to the modules of a network: random numbers for them, and what
    they ask for beside their outputs.

    `key` is the number of the step, and above 2^32 some bits of the run's seed; each `uniform` is a
    stream of its own, in order of the calls. `row_weights` (N) is 0 for rows that fill up a batch.
    """

    key: Tensor
    row_weights: Tensor
    streams: int = 0
    penalties: list[Tensor] = field(default_factory=list)
    """What is added to the loss: single numbers, or one a row (N), reduced as the loss is."""
    limits: dict[str, Limit] = field(default_factory=dict)
    """What each of these parameters is brought back to after the step."""
    assigned: dict[str, Tensor] = field(default_factory=dict)
    """What these parameters, which nothing is learnt for, are after the step."""

    def uniform(self, shape: Shape, dtype: npt.DTypeLike) -> Tensor:
        name = np.dtype(dtype).name
        drawn: Tensor = gates.uniform(self.key, shape=tuple(shape), dtype=name, stream=self.streams)
        self.streams += 1
        return drawn


class ForwardPass(NamedTuple):
    """A network's call that is under way: where parameters come from, what parts are called.

    `training` is there in a step of training, and None otherwise.
    """

    declare: Declare
    paths: Mapping[int, str]
    training: TrainingStep | None = None

    def path(self, module: Module) -> str:
        """What the network calls one of its parts; RecordingError for a stranger."""
        if id(module) in self.paths:
            return self.paths[id(module)]
        raise RecordingError(
            f"{module!r} is used in a call, but is no part of the network: make it in __init__ and "
            "keep it in an attribute (or a list or dict in one) without a leading underscore"
        )


current_pass: ContextVar[ForwardPass | None] = ContextVar("recording", default=None)
"""The call that this thread, or task, is in the middle of."""


def look_up(tensors: Mapping[str, Tensor]) -> Declare:
    def find(path: str, shape: Shape, init: Any) -> Tensor:
        if path not in tensors:
            raise RecordingError(
                f"there is no parameter {path!r}, which the network did not ask for when it was "
                f"initialised. {nearest(path, tensors)} Call init again if its parts have changed."
            )
        return checked(tensors[path], shape)

    return find


def checked(found: Tensor, shape: Shape) -> Tensor:
    if found.shape != shape:
        raise ShapeError(
            f"{found.name}: this input asks for shape {shape}, but the network was made with "
            f"{found.shape}; check the number of columns, or call init with the new data"
        )
    return found


def sizes_of(name: str, shape: Any) -> Shape:
    """The shape of a parameter as Python's own whole numbers."""
    sizes: Shape | None = plain(tuple(shape)) if isinstance(shape, Iterable) else None
    if sizes is None or not all(map(_SIZE.allows, sizes)):
        raise ShapeError(
            f"parameter({name!r}): its shape must be a tuple of whole numbers from 0 on, such as "
            f"(3,) or (), not {shape!r}"
        )
    return sizes


def first_values(
    path: str, shape: Shape, init: Any, given: Mapping[str, Any], seed: int | None, index: int
) -> Array:
    """The starting values of one parameter: the given ones, or a draw of its own stream."""
    if path in given:
        values = np.asarray(given[path])
        if values.shape != shape:
            raise ShapeError(f"{path}: weights of shape {values.shape} given, {shape} needed")
        return values
    if seed is None:
        raise ShapeError(f"{path}: no weights given; give all of them, or call net.init(X)")
    if math.prod(shape) > sys.maxsize // 8:  # bytes of a float64; NumPy has no error of its own
        raise ShapeError(f"{path}: no memory holds weights of shape {shape}; use fewer units")
    return as_initializer(init)(shape, generator(seed, INITIAL_WEIGHTS, index))
