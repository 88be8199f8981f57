"""Lion: steps of a fixed size along the sign of an averaged gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

import numpy as np

from talweg import gates
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.optim.optimizer import RATE, SHARE, Adjustable, Optimizer, State
from talweg.settings import Flag, setting


@dataclass(frozen=True)
class Lion(Optimizer):
    """Lion: w <- w - lr sign(beta1 m + (1 - beta1) g), then m <- beta2 m + (1 - beta2) g.

    Weight decay is decoupled. Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms".
    """

    lr: Adjustable = setting(0.0001, RATE)
    beta1: Adjustable = setting(0.9, SHARE)
    beta2: Adjustable = setting(0.99, SHARE)
    _: KW_ONLY
    decoupled_weight_decay: bool = setting(True, Flag())

    def init(self, weights: Array) -> State:
        return {"mean": np.zeros_like(weights)}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        direction = gates.sign(self.beta1 * state["mean"] + (1 - self.beta1) * gradient)
        mean = self.beta2 * state["mean"] + (1 - self.beta2) * gradient
        return weights - self.lr * direction, {"mean": mean}
