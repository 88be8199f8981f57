"""NAdam: Adam with Nesterov's look ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from talweg import gates
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.optim.optimizer import (
    NOT_NEGATIVE,
    RATE,
    SHARE,
    Adjustable,
    Optimizer,
    State,
    first_step,
)
from talweg.settings import setting


@dataclass(frozen=True)
class NAdam(Optimizer):
    """NAdam: w <- w - lr ((1 - b_t) g / (1 - p_t) + b_t+1 m / (1 - p_t+1)) / (sqrt(v^) + eps).

    b_t = beta1 (1 - 0.96^(t momentum_decay) / 2) and p_t is the product of all b up to t; m and
    v^ are Adam's. Dozat 2016, as in torch.optim.NAdam.
    """

    lr: Adjustable = setting(0.002, RATE)
    beta1: Adjustable = setting(0.9, SHARE)
    beta2: Adjustable = setting(0.999, SHARE)
    eps: Adjustable = setting(1e-8, NOT_NEGATIVE)
    momentum_decay: Adjustable = setting(0.004, NOT_NEGATIVE)

    def init(self, weights: Array) -> State:
        zero = np.zeros_like(weights)
        numbers = {"product": np.ones(()), "step": first_step()}
        return {"mean": zero, "square": zero.copy(), **numbers}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        step = state["step"] + 1.0
        now, ahead = self._momentum(step), self._momentum(step + 1.0)
        product = state["product"] * now
        mean = self.beta1 * state["mean"] + (1 - self.beta1) * gradient
        square = self.beta2 * state["square"] + (1 - self.beta2) * (gradient * gradient)
        root = gates.sqrt(square) * (1 / gates.sqrt(1 - self.beta2**step))
        of_gradient = self.lr * (1 - now) / (1 - product)
        of_mean = self.lr * ahead / (1 - product * ahead)
        moved = weights - (of_gradient * gradient + of_mean * mean) / (root + self.eps)
        return moved, {"mean": mean, "square": square, "product": product, "step": step}

    def _momentum(self, step: Tensor) -> Tensor:
        momentum: Tensor = self.beta1 * (1 - 0.5 * 0.96 ** (step * self.momentum_decay))
        return momentum
