"""Ensembles: the mean prediction of several networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from talweg import gates
from talweg.errors import SettingError
from talweg.graph import Tensor
from talweg.graph.functions import softmax
from talweg.nn.module import Module

LEAST = 1e-30  # the smallest probability: float32 holds it, and its logarithm is finite


class Ensemble(Module):
    """The mean of several networks' predictions for the same rows.

    Without `logits` it is the mean of the outputs, 1/M sum_m net_m(x). With `logits` it is
    log(1/M sum_m softmax(net_m(x))), whose softmax is the mean probability. Independent errors of
    the networks cancel out (Hansen & Salamon 1990).

    >>> low, high = (tw.Sequential(tw.Dense(1, init="ones", bias_init=b)) for b in (0.0, 4.0))
    >>> Ensemble(low, high).init(np.ones((1, 1))).predict([[1.0]])
    array([[3.]], dtype=float32)
    """

    def __init__(self, *nets: Module, logits: bool = False) -> None:
        if not nets or not all(isinstance(net, Module) for net in nets):
            raise SettingError(f"Ensemble needs one or more networks, not {nets!r}")
        self.nets, self.logits = nets, bool(logits)
        self.dtype = nets[0].dtype

    def parts(self) -> Iterator[tuple[str, Module]]:
        for position, net in enumerate(self.nets):
            yield str(position), net

    def init_as(self, like: Module, X: Any, *, seed: int = 0) -> Self:
        """Like `init`, for members with the parameters of `like`."""
        if like._declared is None:
            return self.init(X, seed=seed)
        declared = {
            f"{position}.{path}": declaration
            for position in range(len(self.nets))
            for path, declaration in like._declared.items()
        }
        self._initialize(declared, like.row_shape, seed)
        return self

    def __call__(self, x: Tensor) -> Tensor:
        total = self._prediction(self.nets[0], x)
        for net in self.nets[1:]:
            total = total + self._prediction(net, x)
        mean = total / len(self.nets)
        return gates.log(gates.maximum(mean, LEAST)) if self.logits else mean

    def _prediction(self, net: Module, x: Tensor) -> Tensor:
        output = net(x)
        return softmax(output) if self.logits else output

    def __repr__(self) -> str:
        return f"Ensemble({', '.join(map(repr, self.nets))})"
