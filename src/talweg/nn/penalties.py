"""Penalties on large weights or outputs, added to the loss in training.

Reported losses leave them out, so that runs with and without penalties can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from talweg import gates
from talweg.errors import SettingError
from talweg.graph import Tensor
from talweg.graph.functions import sum as total
from talweg.settings import Checked, Number, setting

STRENGTH = Number(at_least=0)


@dataclass(frozen=True)
class L1L2(Checked):
    """The elastic net, the sum of l1 |w| + l2 w^2: few and small weights. Zou & Hastie 2005."""

    l1: float = setting(0.01, STRENGTH)
    l2: float = setting(0.01, STRENGTH)

    def of_elements(self, x: Tensor) -> Tensor:
        """The penalty of each element."""
        terms = [self.l1 * gates.absolute(x)] if self.l1 else []
        terms += [self.l2 * (x * x)] if self.l2 or not terms else []
        penalty: Tensor = sum(terms[1:], terms[0])
        return penalty

    def of_weights(self, x: Tensor) -> Tensor:
        """The penalty of a parameter, one number."""
        penalty: Tensor = total(self.of_elements(x))
        return penalty

    def of_rows(self, x: Tensor) -> Tensor:
        """The penalty of outputs (N, ...), one number per row."""
        elements = self.of_elements(x)
        penalty: Tensor = total(elements, tuple(range(1, x.ndim))) if x.ndim > 1 else elements
        return penalty


@dataclass(frozen=True)
class L1(L1L2):
    """The lasso, the sum of l1 |w|, which sets weights to 0. Tibshirani 1996."""

    l2: float = setting(0.0, STRENGTH)


@dataclass(frozen=True)
class L2(L1L2):
    """Ridge, the sum of l2 w^2, whose gradient 2 l2 w shrinks weights. Hoerl & Kennard 1970."""

    l1: float = setting(0.0, STRENGTH)

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(0.0, l2)


def check_penalties(owner: str, **given: Any) -> None:
    """Raise a SettingError for a setting that is neither a penalty nor None."""
    for name, penalty in given.items():
        if penalty is not None and not isinstance(penalty, L1L2):
            raise SettingError(
                f"{owner}: {name} must be a penalty such as tw.L2(0.001), not {penalty!r}"
            )


def max_norm(limit: float) -> Callable[[Tensor], Tensor]:
    """A limit on weights (D, ..., H): the norm of the weights of each unit is at most `limit`.

    After each step, longer weight vectors are scaled down. Srebro & Shraibman 2005.
    """

    def limited(weight: Tensor) -> Tensor:
        norms = gates.sqrt(total(weight * weight, tuple(range(weight.ndim - 1)), keepdims=True))
        scaled: Tensor = weight * (limit / gates.maximum(norms, limit))
        return scaled

    return limited
