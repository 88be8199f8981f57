"""Stochastic gradient descent, with momentum and Nesterov momentum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from talweg.errors import SettingError
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.optim.optimizer import SHARE, Adjustable, Optimizer, State, used
from talweg.settings import Flag, setting


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent: w <- w - lr v.

    v = g, or with momentum m, v <- m v + g. With `nesterov`, g + m v replaces v. As in
    torch.optim.SGD (Sutskever et al. 2013 for this form of Nesterov momentum).
    """

    momentum: Adjustable = setting(0.0, SHARE)
    nesterov: bool = setting(False, Flag())

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise SettingError("SGD: nesterov needs a momentum above 0; give one")

    def init(self, weights: Array) -> State:
        return {"velocity": np.zeros_like(weights)} if used(self.momentum) else {}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        if not used(self.momentum):
            return weights - self.lr * gradient, {}
        velocity = self.momentum * state["velocity"] + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return weights - self.lr * direction, {"velocity": velocity}
