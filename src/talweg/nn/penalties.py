"""Penalties: what large weights or large outputs cost, added to the loss that training lowers.

Losses that are reported leave them out, so that runs with and without compare.
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

AMOUNT = Number(at_least=0)


@dataclass(frozen=True)
class L1L2(Checked):
    """The sum of l1 |w| + l2 w^2: few weights, and small ones. Zou & Hastie 2005."""

    l1: float = setting(0.01, AMOUNT)
    l2: float = setting(0.01, AMOUNT)

    def each(self, x: Tensor) -> Tensor:
        """The penalty of each number."""
        terms = [self.l1 * gates.absolute(x)] if self.l1 else []
        terms += [self.l2 * (x * x)] if self.l2 or not terms else []
        found: Tensor = sum(terms[1:], terms[0])
        return found

    def of_weights(self, x: Tensor) -> Tensor:
        """The penalty of a parameter: one number."""
        found: Tensor = total(self.each(x))
        return found

    def of_rows(self, x: Tensor) -> Tensor:
        """The penalty of outputs (N, ...): one number a row."""
        found: Tensor = total(self.each(x), tuple(range(1, x.ndim))) if x.ndim > 1 else self.each(x)
        return found


@dataclass(frozen=True)
class L1(L1L2):
    """The sum of l1 |w|, which brings weights to 0: the net chooses its inputs. Tibshirani 1996."""

    l2: float = setting(0.0, AMOUNT)


@dataclass(frozen=True)
class L2(L1L2):
    """The sum of l2 w^2, whose gradient is 2 l2 w: weights shrink. Hoerl & Kennard 1970."""

    l1: float = setting(0.0, AMOUNT)

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(0.0, l2)


def refuse_other(owner: str, **given: Any) -> None:
    """A penalty is one of the above, or None."""
    for name, each in given.items():
        if each is not None and not isinstance(each, L1L2):
            raise SettingError(f"{owner}: {name} is a penalty such as tw.L2(0.001), not {each!r}")


def max_norm(most: float) -> Callable[[Tensor], Tensor]:
    """A limit on the weights (D, ..., H): the norm of those that lead to a unit is at most this.

    Longer ones are made shorter after each step, in the same direction. Srebro & Shraibman 2005.
    """

    def limited(weight: Tensor) -> Tensor:
        norms = gates.sqrt(total(weight * weight, tuple(range(weight.ndim - 1)), keepdims=True))
        shorter: Tensor = weight * (most / gates.maximum(norms, most))
        return shorter

    return limited
