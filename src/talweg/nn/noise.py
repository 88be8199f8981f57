"""Stochastic regularizers: dropout and noise, which act in training only."""

from __future__ import annotations

import math
from typing import Any

from talweg import gates
from talweg.graph import Tensor
from talweg.nn.dense import Dense
from talweg.nn.module import Module
from talweg.settings import Number, check

RATE = Number(at_least=0, below=1)
STDDEV = Number(at_least=0)


class Dropout(Module):
    """In training, sets a random fraction `rate` of x to 0 and divides the rest by 1 - rate.

    The mean stays that of x, so evaluation needs no correction ("inverted" dropout). As the first
    layer it drops inputs. Srivastava et al., Dropout (2014).

    >>> Dropout(0.5).apply({}, np.ones((1, 3))).array
    array([[1., 1., 1.]])
    """

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = float(check("Dropout", {"rate": rate}, {"rate": RATE})["rate"])

    def __call__(self, x: Tensor) -> Tensor:
        return _dropped(self, x, self.rate)

    def __repr__(self) -> str:
        return f"Dropout({self.rate:g})"


class GaussianNoise(Module):
    """In training, adds normal noise with mean 0 and standard deviation `stddev`.

    Noise on the inputs of a linear network is equivalent to weight decay. Bishop, Training with
    noise is equivalent to Tikhonov regularization (1995).
    """

    def __init__(self, stddev: float = 0.1) -> None:
        given = check("GaussianNoise", {"stddev": stddev}, {"stddev": STDDEV})
        self.stddev = float(given["stddev"])

    def __call__(self, x: Tensor) -> Tensor:
        return _noisy(self, x, self.stddev)

    def __repr__(self) -> str:
        return f"GaussianNoise({self.stddev:g})"


class DropConnect(Dense):
    """A dense layer that, in training, drops a random fraction `rate` of its weights.

    The remaining weights are divided by 1 - rate. One draw serves all rows of a batch. Wan et al.,
    Regularization of neural networks using DropConnect (2013), draw for each row.
    """

    def __init__(
        self, units: int, activation: Any = "identity", *, rate: float = 0.5, **settings: Any
    ) -> None:
        given = check("DropConnect", {"rate": rate}, {"rate": RATE})
        super().__init__(units, activation, **settings)
        self.rate = float(given["rate"])

    def weight(self, inputs: int) -> Tensor:
        return _dropped(self, super().weight(inputs), self.rate)

    def __repr__(self) -> str:
        return f"DropConnect({self.units}, {self.activation.name!r}, rate={self.rate:g})"


class NoisyDense(Dense):
    """A dense layer that, in training, adds normal noise of `stddev` to its weights."""

    def __init__(
        self, units: int, activation: Any = "identity", *, stddev: float = 0.05, **settings: Any
    ) -> None:
        given = check("NoisyDense", {"stddev": stddev}, {"stddev": STDDEV})
        super().__init__(units, activation, **settings)
        self.stddev = float(given["stddev"])

    def weight(self, inputs: int) -> Tensor:
        return _noisy(self, super().weight(inputs), self.stddev)

    def __repr__(self) -> str:
        return f"NoisyDense({self.units}, {self.activation.name!r}, stddev={self.stddev:g})"


def _dropped(module: Module, x: Tensor, rate: float) -> Tensor:
    if not (rate and module.is_training):
        return x
    kept = gates.greater_equal(module.uniform(x.shape, x.dtype), rate)
    dropped: Tensor = gates.where(kept, x / (1 - rate), 0.0)
    return dropped


def _noisy(module: Module, x: Tensor, stddev: float) -> Tensor:
    return x + stddev * standard_normal(module, x) if stddev and module.is_training else x


def standard_normal(module: Module, x: Tensor) -> Tensor:
    """Standard normal numbers of the shape of x: sqrt(-2 log u) cos(2 pi v).

    Box & Muller 1958.
    """
    u, v = (module.uniform(x.shape, x.dtype) for _ in range(2))
    numbers: Tensor = gates.sqrt(-2.0 * gates.log(1.0 - u)) * gates.cos(2 * math.pi * v)
    return numbers
