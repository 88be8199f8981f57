"""NAdam: Adam with Nesterov momentum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from talweg import gates
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.optim.moments import Moments
from talweg.optim.optimizer import NOT_NEGATIVE, RATE, Adjustable, State
from talweg.settings import setting


@dataclass(frozen=True)
class NAdam(Moments):
    """NAdam: w <- w - lr ((1 - b_t) g / (1 - p_t) + b_t+1 m / (1 - p_t+1)) / (sqrt(v^) + eps).

    b_t = beta1 (1 - 0.96^(t momentum_decay) / 2) and p_t is the product of all b up to t; m and
    v^ are Adam's. Dozat 2016, as in torch.optim.NAdam.
    """

    lr: Adjustable = setting(0.002, RATE)
    momentum_decay: Adjustable = setting(0.004, NOT_NEGATIVE)

    def init(self, weights: Array) -> State:
        return {**super().init(weights), "product": np.ones(())}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        after = self.moments(gradient, state)
        mean, square, step = after["mean"], after["square"], after["step"]
        now, ahead = self._momentum(step), self._momentum(step + 1.0)
        product = state["product"] * now
        root = gates.sqrt(square) * (1 / gates.sqrt(1 - self.beta2**step))
        of_gradient = self.lr * (1 - now) / (1 - product)
        of_mean = self.lr * ahead / (1 - product * ahead)
        moved = weights - (of_gradient * gradient + of_mean * mean) / (root + self.eps)
        return moved, {**after, "product": product}

    def _momentum(self, step: Tensor) -> Tensor:
        momentum: Tensor = self.beta1 * (1 - 0.5 * 0.96 ** (step * self.momentum_decay))
        return momentum
