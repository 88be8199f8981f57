"""RAdam: Adam with a warmup that lasts while the second moment is too uncertain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from talweg import gates
from talweg.graph import Tensor
from talweg.optim.moments import Moments
from talweg.optim.optimizer import State

_CERTAIN = 5.0
"""The length of the running mean above which the second moment is used."""


@dataclass(frozen=True)
class RAdam(Moments):
    """Rectified Adam: w <- w - lr m^ r / (sqrt(v^) + eps / sqrt(1 - beta2^t)) if p > 5, else
    w <- w - lr m^.

    P = 2 / (1 - beta2) - 1 and p = P - 2 t beta2^t / (1 - beta2^t) are the lengths of the running
    mean, r^2 = (p - 4) (p - 2) P / ((P - 4) (P - 2) p); m^ and v^ are Adam's. Liu et al. 2020, as
    in torch.optim.RAdam.
    """

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        after = self.moments(gradient, state)
        mean, square, step = after["mean"], after["square"], after["step"]
        is_certain, scale = self._rectified(step)
        divisor = gates.where(is_certain, gates.sqrt(square) + self.eps, 1.0)
        rate = self.lr * scale / (1 - self.beta1**step)
        return weights - rate * mean / divisor, after

    def _rectified(self, step: Tensor) -> tuple[Tensor, Tensor]:
        """Whether p > 5, and r sqrt(1 - beta2^t) or else 1."""
        power = self.beta2**step
        most = 2 / (1 - self.beta2) - 1
        length = most - 2 * step * power / (1 - power)
        is_certain = gates.greater(length, _CERTAIN)
        p, P = gates.maximum(length, _CERTAIN), gates.maximum(most, _CERTAIN)  # so that r exists
        square = (p - 4) * (p - 2) * P / ((P - 4) * (P - 2) * p)
        return is_certain, gates.where(is_certain, gates.sqrt(square * (1 - power)), 1.0)
