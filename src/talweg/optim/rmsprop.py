"""RMSProp: steps scaled by a running mean of the squared gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from talweg import gates
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.optim.optimizer import NOT_NEGATIVE, SHARE, Adjustable, Optimizer, State, used
from talweg.settings import Flag, setting


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """RMSProp: w <- w - lr d, d = g / (sqrt(v) + eps), v <- alpha v + (1 - alpha) g^2.

    If `centered`, max(v - m^2, 0) replaces v, with m <- alpha m + (1 - alpha) g. With `momentum`,
    the step is along b <- momentum b + d. Tieleman & Hinton
    2012, Graves 2013, as in torch.optim.RMSprop.
    """

    alpha: Adjustable = setting(0.99, SHARE)
    eps: Adjustable = setting(1e-8, NOT_NEGATIVE)
    momentum: Adjustable = setting(0.0, SHARE)
    centered: bool = setting(False, Flag())

    def init(self, weights: Array) -> State:
        names = ["square", *["mean"] * self.centered, *["velocity"] * used(self.momentum)]
        return {name: np.zeros_like(weights) for name in names}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        square = self.alpha * state["square"] + (1 - self.alpha) * (gradient * gradient)
        after, variance = {"square": square}, square
        if self.centered:
            mean = after["mean"] = self.alpha * state["mean"] + (1 - self.alpha) * gradient
            variance = gates.maximum(square - mean * mean, 0)
        direction = gradient / (gates.sqrt(variance) + self.eps)
        if used(self.momentum):
            direction = after["velocity"] = self.momentum * state["velocity"] + direction
        return weights - self.lr * direction, after
