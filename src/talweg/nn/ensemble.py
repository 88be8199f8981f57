"""Several nets as one: what they say on average."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from talweg import gates
from talweg.errors import SettingError
from talweg.graph import Tensor
from talweg.graph.functions import softmax
from talweg.nn.module import Module

LEAST = 1e-30  # of a probability that float32 holds, and whose logarithm is finite


class Ensemble(Module):
    """The mean of what nets say of the same rows: of numbers, or with `logits` of probabilities.

    Numbers: 1/M sum_m net_m(x). Logits: log(1/M sum_m softmax(net_m(x))), of which the softmax is
    the mean probability. Errors that nets make apart from each other cancel out (Hansen & Salamon
    1990).

    >>> low, high = (tw.Sequential(tw.Dense(1, init="ones", bias_init=b)) for b in (0.0, 4.0))
    >>> Ensemble(low, high).init(np.ones((1, 1))).predict([[1.0]])
    array([[3.]], dtype=float32)
    """

    def __init__(self, *nets: Module, logits: bool = False) -> None:
        if not nets or not all(isinstance(each, Module) for each in nets):
            raise SettingError(f"Ensemble takes one or more nets, not {nets!r}")
        self.nets, self.logits = nets, bool(logits)
        self.dtype = nets[0].dtype

    def parts(self) -> Iterator[tuple[str, Module]]:
        for position, net in enumerate(self.nets):
            yield str(position), net

    def init_as(self, like: Module, X: Any, *, seed: int = 0) -> Self:
        """As `init`, where each member asks for what `like` asked for."""
        if like._asked is None:
            return self.init(X, seed=seed)
        asked = {
            f"{place}.{path}": each
            for place in range(len(self.nets))
            for path, each in like._asked.items()
        }
        self._declare(asked, like.row_shape, seed)
        return self

    def __call__(self, x: Tensor) -> Tensor:
        total = self._said(self.nets[0], x)
        for net in self.nets[1:]:
            total = total + self._said(net, x)
        mean = total / len(self.nets)
        return gates.log(gates.maximum(mean, LEAST)) if self.logits else mean

    def _said(self, net: Module, x: Tensor) -> Tensor:
        said = net(x)
        return softmax(said) if self.logits else said

    def __repr__(self) -> str:
        return f"Ensemble({', '.join(map(repr, self.nets))})"
