"""AdaDelta: the step size follows earlier steps, so no learning rate needs tuning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from talweg import gates
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.optim.optimizer import NOT_NEGATIVE, RATE, SHARE, Adjustable, Optimizer, State
from talweg.settings import setting


@dataclass(frozen=True)
class AdaDelta(Optimizer):
    """AdaDelta: w <- w - lr d, d = g sqrt(u + eps) / sqrt(v + eps).

    v <- rho v + (1 - rho) g^2, and after the step u <- rho u + (1 - rho) d^2. Zeiler 2012, as in
    torch.optim.Adadelta.
    """

    lr: Adjustable = setting(1.0, RATE)
    rho: Adjustable = setting(0.9, SHARE)
    eps: Adjustable = setting(1e-6, NOT_NEGATIVE)

    def init(self, weights: Array) -> State:
        return {"square": np.zeros_like(weights), "moved": np.zeros_like(weights)}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        square = self.rho * state["square"] + (1 - self.rho) * (gradient * gradient)
        root = gates.sqrt(state["moved"] + self.eps) / gates.sqrt(square + self.eps)
        delta = root * gradient
        moved = self.rho * state["moved"] + (1 - self.rho) * (delta * delta)
        return weights - self.lr * delta, {"square": square, "moved": moved}
