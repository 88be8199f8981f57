"""Muon: orthogonalized momentum for matrices, AdamW for all other parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from talweg import gates
from talweg.graph import Tensor
from talweg.graph.functions import matmul
from talweg.optim.adam import AdamW
from talweg.optim.optimizer import SHARE, Adjustable, State
from talweg.settings import Flag, setting

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_STEPS = 5
_LEAST = 1e-7


@dataclass(frozen=True)
class Muon(AdamW):
    """Muon: W <- W - lr 0.2 sqrt(max(rows, columns)) O for matrices W; AdamW for other parameters.

    M <- momentum M + (1 - momentum) G for the gradient G. O is the orthogonal matrix nearest to
    (1 - momentum) G + momentum M with `nesterov`, else to M, by Newton-Schulz iterations. The
    factor makes steps as long as AdamW's, so one lr suits both. Jordan et al. 2024, Liu et
    al. 2025, as in torch.optim.Muon with match_rms_adamw, which iterates in bfloat16.
    """

    momentum: Adjustable = setting(0.95, SHARE)
    nesterov: bool = setting(True, Flag())
    by_parameter: ClassVar[bool] = True

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        if weights.ndim != 2:
            return super().update(weights, gradient, state)
        mean = self.momentum * state["mean"] + (1 - self.momentum) * gradient
        ahead = (1 - self.momentum) * gradient + self.momentum * mean if self.nesterov else mean
        rate = self.lr * (0.2 * math.sqrt(max(weights.shape)))
        after = {**state, "mean": mean, "step": state["step"] + 1.0}
        return weights - rate * orthogonal(ahead), after


def orthogonal(x: Tensor) -> Tensor:
    """The approximate nearest orthogonal matrix to x (rows, columns): U V^T of x = U S V^T.

    Each iteration x <- a x + b (x x^T) x + c (x x^T)^2 x moves the singular values toward 1.
    """
    if x.shape[0] > x.shape[1]:
        wide = orthogonal(gates.transpose(x, axes=(1, 0)))
        tall: Tensor = gates.transpose(wide, axes=(1, 0))
        return tall
    norm = gates.sqrt((x * x).sum(axis=1).sum())
    x = x / gates.maximum(norm, _LEAST)
    a, b, c = _COEFFICIENTS
    for _ in range(_STEPS):
        square = matmul(x, gates.transpose(x, axes=(1, 0)))
        x = a * x + matmul(b * square + c * matmul(square, square), x)
    return x
