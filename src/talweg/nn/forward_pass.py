"""The forward pass of a network: where its parameters come from, and what a training step adds."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from talweg import gates
from talweg.errors import RecordingError, ShapeError, nearest
from talweg.gates import Array, Shape
from talweg.graph import Tensor
from talweg.nn.initializers import as_initializer
from talweg.random import INITIAL_WEIGHTS, generator
from talweg.settings import Number, plain

_SIZE = Number(at_least=0, whole=True)
ParameterSource = Callable[[str, Shape, Any], Tensor]
"""Gives the tensor of a parameter: (its path, shape, initializer) -> tensor."""
Limit = Callable[[Tensor], Tensor]
"""A parameter after a step -> the parameter within its limits."""


@dataclass
class TrainingStep:
    """What the modules of a network get from a training step, and what they add to it.

    `key` is the number of the step plus 2^32 times some bits of the run's seed; every call of
    `uniform` draws from a separate stream. `row_weights` (N) is 0 for rows that pad the batch.
    """

    key: Tensor
    row_weights: Tensor
    streams: int = 0
    penalties: list[Tensor] = field(default_factory=list)
    """Added to the loss: single numbers, or one per row (N), reduced like the loss."""
    limits: dict[str, Limit] = field(default_factory=dict)
    """By parameter, the limit that is applied after the step."""
    assigned: dict[str, Tensor] = field(default_factory=dict)
    """By parameter, the value after the step: for parameters that are computed, not learned."""

    def uniform(self, shape: Shape, dtype: npt.DTypeLike) -> Tensor:
        """Random numbers from [0, 1), different ones in each call and each step."""
        name = np.dtype(dtype).name
        numbers: Tensor = gates.uniform(
            self.key, shape=tuple(shape), dtype=name, stream=self.streams
        )
        self.streams += 1
        return numbers


class ForwardPass(NamedTuple):
    """A call of a network in progress: the source of its parameters, and the paths of its parts.

    `training` is None outside of a training step.
    """

    parameters: ParameterSource
    paths: Mapping[int, str]
    training: TrainingStep | None = None

    def path(self, module: object) -> str:
        """The path of a part in the network; RecordingError for a module that is not a part."""
        if id(module) in self.paths:
            return self.paths[id(module)]
        raise RecordingError(
            f"{module!r} is used in a call, but is not part of the network: make it in __init__ "
            "and keep it in an attribute (or a list or dict in one) whose name has no leading "
            "underscore"
        )


current_pass: ContextVar[ForwardPass | None] = ContextVar("current_pass", default=None)
"""The forward pass that this thread, or task, is in."""


def from_tensors(tensors: Mapping[str, Tensor]) -> ParameterSource:
    """A source that looks parameters up by path."""

    def look_up(path: str, shape: Shape, init: Any) -> Tensor:
        if path not in tensors:
            raise RecordingError(
                f"there is no parameter {path!r}: the network did not use it when it was "
                f"initialized. {nearest(path, tensors)} Call init again if its parts have "
                "changed."
            )
        return with_shape(tensors[path], shape)

    return look_up


def with_shape(parameter: Tensor, shape: Shape) -> Tensor:
    """The parameter itself; ShapeError if its shape is not the one that a call asks for."""
    if parameter.shape != shape:
        raise ShapeError(
            f"{parameter.name}: this input needs shape {shape}, but the network was initialized "
            f"with {parameter.shape}; check the number of columns, or call init with the new data"
        )
    return parameter


def parameter_shape(name: str, shape: Any) -> Shape:
    """The shape of a parameter as a tuple of Python integers."""
    sizes: Shape | None = plain(tuple(shape)) if isinstance(shape, Iterable) else None
    if sizes is None or not all(map(_SIZE.allows, sizes)):
        raise ShapeError(
            f"parameter({name!r}): its shape must be a tuple of non-negative integers, such as "
            f"(3,) or (), not {shape!r}"
        )
    return sizes


def initial_values(
    path: str, shape: Shape, init: Any, given: Mapping[str, Any], seed: int | None, index: int
) -> Array:
    """The initial values of one parameter: given ones, or drawn from a separate random stream."""
    if path in given:
        values = np.asarray(given[path])
        if values.shape != shape:
            raise ShapeError(
                f"{path}: weights of shape {values.shape} were given, but {shape} is needed"
            )
        return values
    if seed is None:
        raise ShapeError(f"{path}: no weights were given; give all of them, or call net.init(X)")
    if math.prod(shape) > sys.maxsize // 8:  # bytes of a float64; NumPy raises no clear error
        raise ShapeError(f"{path}: not enough memory for weights of shape {shape}; use fewer units")
    return as_initializer(init)(shape, generator(seed, INITIAL_WEIGHTS, index))
