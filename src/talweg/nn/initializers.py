"""Starting weights. Each initialiser is a frozen dataclass, called with a shape and a generator.

The fan-in of a (D, H) weight is D, its fan-out H: the number of inputs and outputs of a unit's
connections.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from talweg.errors import SettingError, ShapeError, nearest
from talweg.gates import Array, Shape
from talweg.settings import Checked, Choice, Number, setting

FINITE = Number()
POSITIVE = Number(above=0)
Distribution = Literal["uniform", "normal"]
DISTRIBUTION = Choice(("uniform", "normal"))


class Initializer(Protocol):
    """What draws the starting values of one parameter, in float64."""

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array: ...


def fans(shape: Shape) -> tuple[int, int]:
    """(fan-in, fan-out) of a parameter; a vector of biases has its length as both."""
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    return math.prod(shape[:-1]), shape[-1]


@dataclass(frozen=True)
class Uniform(Checked):
    """U(low, high): from 0 to 1 by default; `Uniform(-r, r)` for +-r."""

    low: float = setting(0.0, FINITE)
    high: float = setting(1.0, FINITE)

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        return random.uniform(self.low, self.high, shape)


@dataclass(frozen=True)
class Normal(Checked):
    """N(mean, stddev^2)."""

    stddev: float = setting(0.05, POSITIVE)
    mean: float = setting(0.0, FINITE)

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        return random.normal(self.mean, self.stddev, shape)


@dataclass(frozen=True)
class Constant(Checked):
    """The same value everywhere."""

    value: float = setting(0.0, FINITE)

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        return np.full(shape, float(self.value))


@dataclass(frozen=True)
class _Scaled(Checked):
    """Zero mean, and a variance that keeps signals of one size from layer to layer."""

    distribution: Distribution = setting("uniform", DISTRIBUTION)

    def variance(self, shape: Shape) -> float:
        raise NotImplementedError

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        std = math.sqrt(self.variance(shape))
        if self.distribution == "normal":
            return random.normal(0.0, std, shape)
        reach = math.sqrt(3.0) * std  # U(-r, r) has the variance r^2 / 3
        return random.uniform(-reach, reach, shape)


class Glorot(_Scaled):
    """Variance 2 / (fan-in + fan-out): for tanh, sigmoid, linear units (Glorot & Bengio 2010)."""

    def variance(self, shape: Shape) -> float:
        return 2.0 / max(sum(fans(shape)), 1)


class He(_Scaled):
    """Variance 2 / fan-in: for units that are 0 on one side, as relu (He et al. 2015)."""

    def variance(self, shape: Shape) -> float:
        return 2.0 / max(fans(shape)[0], 1)


class LeCun(_Scaled):
    """Variance 1 / fan-in: for selu and linear units (LeCun et al. 1998)."""

    def variance(self, shape: Shape) -> float:
        return 1.0 / max(fans(shape)[0], 1)


@dataclass(frozen=True)
class Orthogonal(Checked):
    """Rows or columns of length `gain`, at right angles to each other (Saxe et al. 2014)."""

    gain: float = setting(1.0, POSITIVE)

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        rows, columns = (math.prod(shape[:-1]), shape[-1]) if shape else (1, 1)
        tall = random.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)  # makes the draw uniform over rotations
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@dataclass(frozen=True)
class Given:
    """The values of an array, which must have the parameter's shape."""

    values: Any

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        values = np.array(self.values, dtype=np.float64)
        if values.shape != shape:
            raise ShapeError(f"the given start has shape {values.shape}, the parameter {shape}")
        return values


@dataclass(frozen=True)
class ByShape:
    """0 for a single number and for a vector, as biases are; Glorot's for what has more axes."""

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        return Glorot()(shape, random) if len(shape) > 1 else np.zeros(shape)


INITIALIZERS: dict[str, Initializer] = {
    "uniform": Uniform(),
    "normal": Normal(),
    "glorot_uniform": Glorot("uniform"),
    "glorot_normal": Glorot("normal"),
    "he_uniform": He("uniform"),
    "he_normal": He("normal"),
    "lecun_uniform": LeCun("uniform"),
    "lecun_normal": LeCun("normal"),
    "orthogonal": Orthogonal(),
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
}


def as_initializer(given: Any) -> Initializer:
    """An initialiser from itself, its name, one number, or an array of starting values."""
    if isinstance(given, str):
        if given not in INITIALIZERS:
            raise SettingError(
                f"no initialiser is called {given!r}. {nearest(given, INITIALIZERS)}"
            )
        return INITIALIZERS[given]
    if callable(given):
        called: Initializer = given
        return called
    values = np.asarray(given)
    if values.dtype.kind not in "fiub":
        raise SettingError(f"a start is an initialiser, its name, or numbers, not {given!r}")
    return Constant(float(given)) if values.ndim == 0 else Given(values)
