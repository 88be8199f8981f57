"""Adam and its kin that differ in a setting: steps scaled by running moments of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

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
from talweg.settings import Flag, setting


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: w <- w - lr m^ / (sqrt(v^) + eps).

    m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2 are running moments; m^ and
    v^ are they divided by 1 - beta^t, which takes their start at 0 out. With `amsgrad`, v^ has
    the largest v so far. Kingma & Ba 2015, Reddi et al. 2018, as in torch.optim.Adam.
    """

    lr: Adjustable = setting(0.001, RATE)
    beta1: Adjustable = setting(0.9, SHARE)
    beta2: Adjustable = setting(0.999, SHARE)
    eps: Adjustable = setting(1e-8, NOT_NEGATIVE)
    amsgrad: bool = setting(False, Flag())

    def init(self, weights: Array) -> State:
        names = ["mean", "square", *["largest"] * self.amsgrad]
        return {**{name: np.zeros_like(weights) for name in names}, "step": first_step()}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        step = state["step"] + 1.0
        mean = self.beta1 * state["mean"] + (1 - self.beta1) * gradient
        square = self.beta2 * state["square"] + (1 - self.beta2) * (gradient * gradient)
        after = {"mean": mean, "square": square, "step": step}
        if self.amsgrad:
            square = after["largest"] = gates.maximum(state["largest"], square)
        rate = self.lr / (1 - self.beta1**step)
        root = gates.sqrt(square) * (1 / gates.sqrt(1 - self.beta2**step))
        return weights - rate * mean / (root + self.eps), after


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: w <- w (1 - lr weight_decay) before Adam's step.

    Loshchilov & Hutter 2019, as in torch.optim.AdamW.
    """

    _: KW_ONLY
    weight_decay: Adjustable = setting(0.01, NOT_NEGATIVE)
    decoupled_weight_decay: bool = setting(True, Flag())
