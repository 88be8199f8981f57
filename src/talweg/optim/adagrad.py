"""AdaGrad: the steps of each weight shrink with the sum of its squared gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from talweg import gates
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.optim.optimizer import NOT_NEGATIVE, Adjustable, Optimizer, State
from talweg.settings import setting


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """AdaGrad: w <- w - lr g / (sqrt(s) + eps), s <- s + g^2.

    Duchi et al. 2011, as in torch.optim.Adagrad (whose lr_decay is a schedule here).
    """

    eps: Adjustable = setting(1e-10, NOT_NEGATIVE)

    def init(self, weights: Array) -> State:
        return {"sum": np.zeros_like(weights)}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        total = state["sum"] + gradient * gradient
        return weights - self.lr * gradient / (gates.sqrt(total) + self.eps), {"sum": total}
