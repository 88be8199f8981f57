"""Adam and AdamW: steps scaled by running moments of the gradient."""

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
    Optimizer,
    State,
    first_step,
    used,
)
from talweg.settings import setting


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: w <- w - lr m^ / (sqrt(v^) + eps).

    m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2 are running moments; m^ and
    v^ are they divided by 1 - beta^t, which takes their start at 0 out. Weight decay adds
    `weight_decay` w to g. Kingma & Ba 2015, as in torch.optim.Adam.
    """

    lr: float = setting(0.001, RATE)
    beta1: float = setting(0.9, SHARE)
    beta2: float = setting(0.999, SHARE)
    eps: float = setting(1e-8, NOT_NEGATIVE)
    weight_decay: float = setting(0.0, NOT_NEGATIVE)

    def init(self, weights: Array) -> State:
        return {
            "mean": np.zeros_like(weights),
            "square": np.zeros_like(weights),
            "step": first_step(),
        }

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        if used(self.weight_decay):
            gradient = gradient + self.weight_decay * weights
        return self._step(weights, gradient, state)

    def _step(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        step = state["step"] + 1.0
        mean = self.beta1 * state["mean"] + (1 - self.beta1) * gradient
        square = self.beta2 * state["square"] + (1 - self.beta2) * (gradient * gradient)
        rate = self.lr / (1 - self.beta1**step)
        root = gates.sqrt(square) * (1 / gates.sqrt(1 - self.beta2**step))
        moved = weights - rate * mean / (root + self.eps)
        return moved, {"mean": mean, "square": square, "step": step}


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: w <- w (1 - lr weight_decay) before Adam's step.

    Loshchilov & Hutter 2019, as in torch.optim.AdamW.
    """

    weight_decay: float = setting(0.01, NOT_NEGATIVE)

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        if used(self.weight_decay):
            weights = weights * (1 - self.lr * self.weight_decay)
        return self._step(weights, gradient, state)
