"""The running moments of the gradient that Adam and its variants share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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
class Moments(Optimizer):
    """m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2, in step t.

    m^ and v^ are m and v divided by 1 - beta^t, which corrects their bias toward 0.
    """

    lr: Adjustable = setting(0.001, RATE)
    beta1: Adjustable = setting(0.9, SHARE)
    beta2: Adjustable = setting(0.999, SHARE)
    eps: Adjustable = setting(1e-8, NOT_NEGATIVE)

    def init(self, weights: Array) -> State:
        zero = np.zeros_like(weights)
        return {"mean": zero, "square": zero.copy(), "step": first_step()}

    def moments(self, gradient: Tensor, state: Mapping[str, Tensor]) -> State:
        """m, v and t after this step."""
        return {
            "mean": self.beta1 * state["mean"] + (1 - self.beta1) * gradient,
            "square": self.beta2 * state["square"] + (1 - self.beta2) * (gradient * gradient),
            "step": state["step"] + 1.0,
        }
