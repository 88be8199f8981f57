"""The dense layer: every input reaches every unit."""

from __future__ import annotations

from typing import Any

from talweg.errors import ShapeError
from talweg.graph import Tensor
from talweg.graph.functions import matmul
from talweg.nn.activations import as_activation
from talweg.nn.initializers import as_initializer
from talweg.nn.module import Module
from talweg.settings import Flag, Number, Rule, check

_RULES: dict[str, Rule] = {"units": Number(at_least=1, whole=True), "bias": Flag()}


class Dense(Module):
    """activation(x W + b), with x (N, D), W (D, H) and b (H): D comes from the data, H is `units`.

    `init` and `bias_init` are initialisers, their names, a number, or arrays of starting values;
    by default W starts as the activation likes it, b at 0. More axes before D are kept.

    >>> layer = Dense(2, "relu", init=np.array([[1.0, -1.0]]))
    >>> layer.init(np.ones((1, 1))).predict(np.array([[3.0]]))
    array([[3., 0.]], dtype=float32)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "identity",
        *,
        bias: bool = True,
        init: Any = None,
        bias_init: Any = "zeros",
    ) -> None:
        check("Dense", {"units": units, "bias": bias}, _RULES)
        self.units = int(units)
        self.bias = bias
        self.activation = as_activation(activation)
        self.start = as_initializer(self.activation.init if init is None else init)
        self.bias_start = as_initializer(bias_init)

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim < 2:
            raise ShapeError(
                f"Dense takes rows, (N, D), but {x.describe()} has one axis; give a "
                "single column as X[:, None], a single row as X[None]"
            )
        weight = self.parameter("weight", (x.shape[-1], self.units), self.start)
        total = matmul(x, weight)
        if self.bias:
            total = total + self.parameter("bias", (self.units,), self.bias_start)
        output: Tensor = self.activation.function(total)
        return output

    def __repr__(self) -> str:
        bias = "" if self.bias else ", bias=False"
        return f"Dense({self.units}, {self.activation.name!r}{bias})"
