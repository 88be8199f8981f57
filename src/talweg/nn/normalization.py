"""Normalization layers: they keep their outputs at mean 0 and variance 1 before gain and shift."""

from __future__ import annotations

import math

from talweg import gates
from talweg.errors import ShapeError
from talweg.graph import Tensor
from talweg.graph.functions import mean, reshape, sum as total
from talweg.nn.module import Module
from talweg.settings import Number, check

EPS = Number(above=0)
FRACTION = Number(above=0, at_most=1)


class LayerNorm(Module):
    """gain (x - mean) / sqrt(variance + eps) + shift, over the last axis of each row.

    The same in training and in evaluation. Ba, Kiros & Hinton 2016; as torch.nn.LayerNorm.
    """

    def __init__(self, *, eps: float = 1e-5) -> None:
        self.eps = float(check("LayerNorm", {"eps": eps}, {"eps": EPS})["eps"])

    def __call__(self, x: Tensor) -> Tensor:
        _refuse_vector("LayerNorm", x)
        centered = x - mean(x, -1, keepdims=True)
        variance = mean(centered * centered, -1, keepdims=True)
        output: Tensor = _gain_and_shift(self, centered / gates.sqrt(variance + self.eps))
        return output

    def __repr__(self) -> str:
        return "LayerNorm()"


class BatchNorm(Module):
    """gain (x - mean) / sqrt(variance + eps) + shift, with moments over all axes but the last.

    Training uses the moments of the batch, and moves the running moments a fraction `momentum`
    toward them. Evaluation uses the running moments, `running_mean` and `running_variance` among
    the weights. Rows that pad a batch do not count. Ioffe & Szegedy 2015; as torch.nn.BatchNorm1d.
    """

    def __init__(self, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        given = {"momentum": momentum, "eps": eps}
        given = check("BatchNorm", given, {"momentum": FRACTION, "eps": EPS})
        self.momentum, self.eps = float(given["momentum"]), float(given["eps"])

    def __call__(self, x: Tensor) -> Tensor:
        _refuse_vector("BatchNorm", x)
        center = self.parameter("running_mean", x.shape[-1:], "zeros")
        variance = self.parameter("running_variance", x.shape[-1:], "ones")
        if self.is_training:
            center, variance = self._batch_moments(x, center, variance)
        return _gain_and_shift(self, (x - center) / gates.sqrt(variance + self.eps))

    def _batch_moments(
        self, x: Tensor, running_mean: Tensor, running_variance: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean and variance of the batch; assigns the running moments, unbiased with n - 1."""
        training = self.training()
        counts = gates.cast(gates.greater(training.row_weights, 0), dtype=x.dtype)
        counts = reshape(counts, (x.shape[0], *(1 for _ in x.shape[1:])))
        number, axes = total(counts) * float(math.prod(x.shape[1:-1])), tuple(range(x.ndim - 1))
        center = total(counts * x, axes) / number
        deviations = x - center
        variance = total(counts * (deviations * deviations), axes) / number
        unbiased = variance * (number / gates.maximum(number - 1.0, 1.0))
        for name, running, now in (
            ("running_mean", running_mean, center),
            ("running_variance", running_variance, unbiased),
        ):
            training.assigned[self.path_of(name)] = running + self.momentum * (now - running)
        return center, variance

    def __repr__(self) -> str:
        return "BatchNorm()"


def _gain_and_shift(module: Module, x: Tensor) -> Tensor:
    gain = module.parameter("gain", x.shape[-1:], "ones")
    return x * gain + module.parameter("shift", x.shape[-1:], "zeros")


def _refuse_vector(name: str, x: Tensor) -> None:
    if x.ndim < 2:
        raise ShapeError(f"{name} needs rows (N, ..., D), but {x.describe()} has one axis")
