"""Adam and AdamW: steps scaled by running moments of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

import numpy as np

from talweg import gates
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.optim.moments import Moments
from talweg.optim.optimizer import NOT_NEGATIVE, Adjustable, State
from talweg.settings import Flag, setting


@dataclass(frozen=True)
class Adam(Moments):
    """Adam: w <- w - lr m^ / (sqrt(v^) + eps).

    m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2 are running moments. m^ and v^
    are m and v divided by 1 - beta^t, which corrects their bias toward 0. With `amsgrad`, v^ uses
    the largest v so far. Kingma & Ba 2015, Reddi et al. 2018, as in torch.optim.Adam.
    """

    amsgrad: bool = setting(False, Flag())

    def init(self, weights: Array) -> State:
        largest = {"largest": np.zeros_like(weights)} if self.amsgrad else {}
        return super().init(weights) | largest

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        after = self.moments(gradient, state)
        mean, square, step = after["mean"], after["square"], after["step"]
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
