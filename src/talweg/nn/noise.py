"""Layers that disturb learning, so that no unit can rely on another: they rest in evaluation."""

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
    """In training, 0 for a share `rate` of the numbers and x / (1 - rate) for the others; else x.

    So the mean is that of x, and evaluation needs no correction ("inverted" dropout). As the first
    layer it drops inputs. Srivastava et al., Dropout (2014).

    >>> Dropout(0.5).apply({}, np.ones((1, 3))).array
    array([[1., 1., 1.]])
    """

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = float(check("Dropout", {"rate": rate}, {"rate": RATE})["rate"])

    def __call__(self, x: Tensor) -> Tensor:
        return _thinned(self, x, self.rate)

    def __repr__(self) -> str:
        return f"Dropout({self.rate:g})"


class GaussianNoise(Module):
    """In training, x + `stddev` times standard normal numbers; else x.

    As the first layer it blurs inputs, which for a linear net is weight decay. Bishop, Training
    with noise is equivalent to Tikhonov regularization (1995).
    """

    def __init__(self, stddev: float = 0.1) -> None:
        self.stddev = float(
            check("GaussianNoise", {"stddev": stddev}, {"stddev": STDDEV})["stddev"]
        )

    def __call__(self, x: Tensor) -> Tensor:
        return _blurred(self, x, self.stddev)

    def __repr__(self) -> str:
        return f"GaussianNoise({self.stddev:g})"


class DropConnect(Dense):
    """A dense layer of which training drops a share `rate` of the weights in each step.

    The others are divided by 1 - rate. One draw serves all rows of a batch. Wan et al.,
    Regularization of neural networks using DropConnect (2013), who draw for each row.
    """

    def __init__(
        self, units: int, activation: Any = "identity", *, rate: float = 0.5, **settings: Any
    ) -> None:
        given = check("DropConnect", {"rate": rate}, {"rate": RATE})
        super().__init__(units, activation, **settings)
        self.rate = float(given["rate"])

    def weight(self, inputs: int) -> Tensor:
        return _thinned(self, super().weight(inputs), self.rate)

    def __repr__(self) -> str:
        return f"DropConnect({self.units}, {self.activation.name!r}, rate={self.rate:g})"


class NoisyDense(Dense):
    """A dense layer whose weights are blurred in training: W + `stddev` times normal numbers."""

    def __init__(
        self, units: int, activation: Any = "identity", *, stddev: float = 0.05, **settings: Any
    ) -> None:
        given = check("NoisyDense", {"stddev": stddev}, {"stddev": STDDEV})
        super().__init__(units, activation, **settings)
        self.stddev = float(given["stddev"])

    def weight(self, inputs: int) -> Tensor:
        return _blurred(self, super().weight(inputs), self.stddev)

    def __repr__(self) -> str:
        return f"NoisyDense({self.units}, {self.activation.name!r}, stddev={self.stddev:g})"


def _thinned(module: Module, x: Tensor, rate: float) -> Tensor:
    if not (rate and module.is_training):
        return x
    kept = gates.greater_equal(module.uniform(x.shape, x.dtype), rate)
    thinned: Tensor = gates.where(kept, x / (1 - rate), 0.0)
    return thinned


def _blurred(module: Module, x: Tensor, stddev: float) -> Tensor:
    return x + stddev * normal(module, x) if stddev and module.is_training else x


def normal(module: Module, x: Tensor) -> Tensor:
    """Standard normal numbers in the shape of x: sqrt(-2 log u) cos(2 pi v). Box & Muller 1958."""
    u, v = (module.uniform(x.shape, x.dtype) for _ in range(2))
    drawn: Tensor = gates.sqrt(-2.0 * gates.log(1.0 - u)) * gates.cos(2 * math.pi * v)
    return drawn
