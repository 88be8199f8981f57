"""Initializers: frozen dataclasses that draw the initial values of a parameter.

The fan-in of a weight (D, H) is D and its fan-out is H: the numbers of inputs and of units that it
connects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from talweg.errors import SettingError, ShapeError, nearest
from talweg.gates import Array, Shape
from talweg.numerics import orthonormal
from talweg.settings import Checked, Choice, Number, setting

FINITE = Number()
POSITIVE = Number(above=0)
Distribution = Literal["uniform", "normal"]
DISTRIBUTION = Choice(("uniform", "normal"))


class Initializer(Protocol):
    """Draws the initial values of one parameter, in float64."""

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array: ...


def fans(shape: Shape) -> tuple[int, int]:
    """(fan-in, fan-out) of a parameter; for a vector, both are its length."""
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    return math.prod(shape[:-1]), shape[-1]


@dataclass(frozen=True)
class Uniform(Checked):
    """U(low, high)."""

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
    """The same value for all elements."""

    value: float = setting(0.0, FINITE)

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        return np.full(shape, float(self.value))


@dataclass(frozen=True)
class _Scaled(Checked):
    """Mean 0, and a variance that keeps the scale of signals from layer to layer."""

    distribution: Distribution = setting("uniform", DISTRIBUTION)

    def variance(self, shape: Shape) -> float:
        raise NotImplementedError

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        std = math.sqrt(self.variance(shape))
        if self.distribution == "normal":
            return random.normal(0.0, std, shape)
        limit = math.sqrt(3.0) * std  # U(-r, r) has the variance r^2 / 3
        return random.uniform(-limit, limit, shape)


class Glorot(_Scaled):
    """Variance 2 / (fan-in + fan-out), for tanh, sigmoid and linear units.

    Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks
    (2010).
    """

    def variance(self, shape: Shape) -> float:
        return 2.0 / max(sum(fans(shape)), 1)


class He(_Scaled):
    """Variance 2 / fan-in, for relu and its variants (He et al. 2015)."""

    def variance(self, shape: Shape) -> float:
        return 2.0 / max(fans(shape)[0], 1)


class LeCun(_Scaled):
    """Variance 1 / fan-in, for selu and linear units. LeCun et al., Efficient backprop (1998)."""

    def variance(self, shape: Shape) -> float:
        return 1.0 / max(fans(shape)[0], 1)


@dataclass(frozen=True)
class Orthogonal(Checked):
    """Orthogonal rows or columns of length `gain` (Saxe et al. 2014)."""

    gain: float = setting(1.0, POSITIVE)

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        rows, columns = (math.prod(shape[:-1]), shape[-1]) if shape else (1, 1)
        tall = random.standard_normal((max(rows, columns), min(rows, columns)))
        q = orthonormal(tall)  # uniform over all orthogonal matrices
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@dataclass(frozen=True)
class Given:
    """The values of an array of the parameter's shape."""

    values: Any

    def __call__(self, shape: Shape, random: np.random.Generator) -> Array:
        values = np.array(self.values, dtype=np.float64)
        if values.shape != shape:
            raise ShapeError(f"the initial values have shape {values.shape}, the parameter {shape}")
        return values


@dataclass(frozen=True)
class ByShape:
    """0 for a vector and a single number, as for biases; Glorot's for arrays with more axes."""

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
    """An initializer from itself, its name, one number, or an array of initial values."""
    if isinstance(given, str):
        if given not in INITIALIZERS:
            raise SettingError(
                f"no initializer is called {given!r}. {nearest(given, INITIALIZERS)}"
            )
        return INITIALIZERS[given]
    if callable(given):
        called: Initializer = given
        return called
    values = np.asarray(given)
    if values.dtype.kind not in "fiub":
        raise SettingError(f"init takes an initializer, its name, or numbers, not {given!r}")
    return Constant(float(given)) if values.ndim == 0 else Given(values)
