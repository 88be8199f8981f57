"""Adamax: Adam with a running maximum of the gradient in place of its mean square."""

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
class Adamax(Optimizer):
    """Adamax: w <- w - lr / (1 - beta1^t) m / u.

    m <- beta1 m + (1 - beta1) g, u <- max(beta2 u, |g| + eps). Kingma & Ba 2015, section 7.1, as
    in torch.optim.Adamax.
    """

    lr: Adjustable = setting(0.002, RATE)
    beta1: Adjustable = setting(0.9, SHARE)
    beta2: Adjustable = setting(0.999, SHARE)
    eps: Adjustable = setting(1e-8, NOT_NEGATIVE)

    def init(self, weights: Array) -> State:
        zero = np.zeros_like(weights)
        return {"mean": zero, "largest": zero.copy(), "step": first_step()}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        step = state["step"] + 1.0
        mean = self.beta1 * state["mean"] + (1 - self.beta1) * gradient
        largest = gates.maximum(self.beta2 * state["largest"], abs(gradient) + self.eps)
        rate = self.lr / (1 - self.beta1**step)
        after = {"mean": mean, "largest": largest, "step": step}
        return weights - rate * mean / largest, after
