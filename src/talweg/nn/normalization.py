"""Layers that keep their inputs at mean 0 and variance 1, whatever the layers before do."""

from __future__ import annotations

from talweg import gates
from talweg.errors import ShapeError
from talweg.graph import Tensor
from talweg.graph.functions import mean, reshape, sum as total
from talweg.nn.module import Module
from talweg.settings import Number, check

EPS = Number(above=0)
SHARE = Number(above=0, at_most=1)


class LayerNorm(Module):
    """gain (x - mean) / sqrt(variance + eps) + shift, over the last axis of each row.

    The same in training and evaluation. Ba, Kiros & Hinton 2016; as torch.nn.LayerNorm.
    """

    def __init__(self, *, eps: float = 1e-5) -> None:
        self.eps = float(check("LayerNorm", {"eps": eps}, {"eps": EPS})["eps"])

    def __call__(self, x: Tensor) -> Tensor:
        _refuse_flat("LayerNorm", x)
        centred = x - mean(x, -1, keepdims=True)
        variance = mean(centred * centred, -1, keepdims=True)
        scaled: Tensor = _scaled(self, centred / gates.sqrt(variance + self.eps))
        return scaled

    def __repr__(self) -> str:
        return "LayerNorm()"


class BatchNorm(Module):
    """gain (x - mean) / sqrt(variance + eps) + shift, with moments over all axes but the last.

    In training they are those of the batch, and running ones move a share `momentum` towards them;
    evaluation takes the running ones, `running_mean` and `running_variance` among the weights.
    Rows that only fill up a batch do not count. Ioffe & Szegedy 2015; as torch.nn.BatchNorm1d.
    """

    def __init__(self, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        given = {"momentum": momentum, "eps": eps}
        given = check("BatchNorm", given, {"momentum": SHARE, "eps": EPS})
        self.momentum, self.eps = float(given["momentum"]), float(given["eps"])

    def __call__(self, x: Tensor) -> Tensor:
        _refuse_flat("BatchNorm", x)
        centre = self.parameter("running_mean", x.shape[-1:], "zeros")
        spread = self.parameter("running_variance", x.shape[-1:], "ones")
        if self.is_training:
            centre, spread = self._moments(x, centre, spread)
        return _scaled(self, (x - centre) / gates.sqrt(spread + self.eps))

    def _moments(self, x: Tensor, centre: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the batch; the running ones, with n - 1, are on their way."""
        training = self.training()
        counts = gates.cast(gates.greater(training.row_weights, 0), dtype=x.dtype)
        counts = reshape(counts, (x.shape[0], *(1 for _ in x.shape[1:])))
        others = 1
        for size in x.shape[1:-1]:
            others *= size
        number, axes = total(counts) * float(others), tuple(range(x.ndim - 1))
        found = total(counts * x, axes) / number
        gaps = x - found
        variance = total(counts * (gaps * gaps), axes) / number
        unbiased = variance * (number / gates.maximum(number - 1.0, 1.0))
        for name, running, now in (
            ("running_mean", centre, found),
            ("running_variance", spread, unbiased),
        ):
            training.assigned[self.path_of(name)] = running + self.momentum * (now - running)
        return found, variance

    def __repr__(self) -> str:
        return "BatchNorm()"


def _scaled(module: Module, x: Tensor) -> Tensor:
    gain = module.parameter("gain", x.shape[-1:], "ones")
    return x * gain + module.parameter("shift", x.shape[-1:], "zeros")


def _refuse_flat(name: str, x: Tensor) -> None:
    if x.ndim < 2:
        raise ShapeError(f"{name} takes rows, (N, ..., D), but {x.describe()} has one axis")
