"""The dense layer: every input is connected to every unit."""

from __future__ import annotations

from typing import Any

from talweg.errors import ShapeError
from talweg.graph import Tensor
from talweg.graph.functions import matmul
from talweg.nn.activations import as_activation
from talweg.nn.initializers import as_initializer
from talweg.nn.module import Module
from talweg.nn.penalties import L1L2, check_penalties, max_norm
from talweg.settings import Constraint, Flag, Number, check

_CONSTRAINTS: dict[str, Constraint] = {
    "units": Number(at_least=1, whole=True),
    "bias": Flag(),
    "max_norm": Number(above=0, optional=True),
}


class Dense(Module):
    """activation(x W + b), with x (N, D), W (D, H) and b (H): D comes from the data, H is `units`.

    `init` and `bias_init` are initializers, their names, a number, or arrays of initial values; by
    default W has the initializer that suits the activation, and b starts at 0. x may have more axes
    before D. Training adds `weight_penalty` of W and `activity_penalty` of the outputs, such as
    tw.L2(0.001), to the loss; `max_norm` bounds the norm of the weights of each unit.

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
        weight_penalty: L1L2 | None = None,
        activity_penalty: L1L2 | None = None,
        max_norm: float | None = None,
    ) -> None:
        given = check("Dense", {"units": units, "bias": bias, "max_norm": max_norm}, _CONSTRAINTS)
        check_penalties("Dense", weight_penalty=weight_penalty, activity_penalty=activity_penalty)
        self.units, self.bias, self.max_norm = given["units"], given["bias"], given["max_norm"]
        self.activation = as_activation(activation)
        self.initializer = as_initializer(self.activation.init if init is None else init)
        self.bias_initializer = as_initializer(bias_init)
        self.weight_penalty, self.activity_penalty = weight_penalty, activity_penalty

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim < 2:
            raise ShapeError(
                f"Dense needs rows (N, D), but {x.describe()} has one axis; give a single column "
                "as X[:, None], a single row as X[None]"
            )
        sums = matmul(x, self.weight(x.shape[-1]))
        if self.bias:
            sums = sums + self.parameter("bias", (self.units,), self.bias_initializer)
        output: Tensor = self.activation.function(sums)
        if self.activity_penalty is not None and self.is_training:
            self.training().penalties.append(self.activity_penalty.of_rows(output))
        return output

    def weight(self, inputs: int) -> Tensor:
        """W, (inputs, H)."""
        weight = self.parameter("weight", (inputs, self.units), self.initializer)
        if self.weight_penalty is not None and self.is_training:
            self.training().penalties.append(self.weight_penalty.of_weights(weight))
        if self.max_norm is not None and self.is_training:
            self.training().limits[self.path_of("weight")] = max_norm(self.max_norm)
        return weight

    def __repr__(self) -> str:
        bias = "" if self.bias else ", bias=False"
        return f"Dense({self.units}, {self.activation.name!r}{bias})"
