"""Two layers and the weights between them: what learns from rows alone, without targets."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn, Self

from talweg import gates
from talweg.errors import SettingError, ShapeError
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.graph.functions import matmul, sum as total
from talweg.nn.activations import ACTIVATIONS, as_activation
from talweg.nn.dense import Dense
from talweg.nn.initializers import as_initializer
from talweg.nn.losses import Loss
from talweg.nn.module import Module
from talweg.nn.penalties import L1L2, refuse_other
from talweg.settings import Choice, Constraint, Number, check

_UNITS = Number(at_least=1, whole=True, optional=True)


def _squares(prediction: Tensor, target: Tensor) -> Tensor:
    gap = prediction - target
    squares: Tensor = total(gap * gap, -1)
    return squares


def squared_error(visible: str) -> Loss:
    """The sum of (p - t)^2 over the units, a mean over rows; sigmoid units want t from 0 to 1."""
    return Loss(
        "squared_error", _squares, target_kind="binary" if visible == "sigmoid" else "numbers"
    )


class ReconstructionModel(Module):
    """The base of `RBM` and `DenoisingAutoencoder`: rows v (N, D) and `units` that stand for them.

    hidden = activation(v W + b) and visible = visible(h W^T + a), with W (D, H), b (H) and a (D).
    `visible` is "sigmoid" for rows from 0 to 1, "identity" for others; None is "sigmoid", or as
    `tw.pretrain` finds the rows, which also sets `units` and `activation`. Called, it gives the
    rows as its hidden units have them. `weight_penalty` is one of W.
    """

    bias = True
    seeing: ClassVar[tuple[str, ...]] = ("sigmoid", "identity")
    """What `visible` may be."""

    def __init__(
        self,
        units: int | None = None,
        activation: Any = "sigmoid",
        *,
        visible: str | None = None,
        init: Any = "glorot_uniform",
        weight_penalty: L1L2 | None = None,
    ) -> None:
        rules: dict[str, Constraint] = {
            "units": _UNITS,
            "visible": Choice(self.seeing, optional=True),
        }
        given = check(type(self).__name__, {"units": units, "visible": visible}, rules)
        refuse_other(type(self).__name__, weight_penalty=weight_penalty)
        self.units, self.visible = given["units"], given["visible"] or "sigmoid"
        self.chooses = given["visible"] is None
        self.activation, self.start = as_activation(activation), as_initializer(init)
        self.weight_penalty = weight_penalty

    @property
    def loss(self) -> Loss:
        """What to train it with, on rows that are their own targets."""
        return squared_error(self.visible)

    def beside(self, layer: Dense) -> Self:
        """The same for the units of a layer."""
        if self.units is not None:
            self.refuse(f"has {self.units} units of its own; leave them to the layers: {{}}()")
        pair = copy.copy(self)
        pair.units, pair.activation, pair.bias = layer.units, layer.activation, layer.bias
        pair.refuse_units()
        return pair

    def begun(self, weights: Mapping[str, Array], rows: Array, below: str | None) -> Self:
        """Itself, to start with a layer's weights, and with visible units such as give the rows:
        like those of the layer `below`, where they can be, or as the rows' range allows.
        """
        self.dtype, self.weights = rows.dtype.name, weights
        if self.chooses and below in self.seeing:
            self.visible = below
        elif self.chooses:
            is_share = rows.size and rows.min() >= 0 and rows.max() <= 1
            self.visible = "sigmoid" if is_share else "identity"
        return self

    def refuse_units(self) -> None:
        """Refuse activations that the method knows no way with."""

    def decoder(self) -> Dense:
        """The way back from hidden to visible units, as a layer of its own."""
        own = self.weights.copy()
        back, bias = own.get("visible_weight", own["weight"].T), own["visible_bias"]
        return Dense(bias.size, self.visible, init=back, bias_init=bias)

    def hidden_sums(self, v: Tensor) -> Tensor:
        """v W + b; only inside a call, as all that follows."""
        sums: Tensor = matmul(v, self.weight(v.shape[1]))
        return sums + self.parameter("bias", sums.shape[1:], "zeros") if self.bias else sums

    def hidden(self, v: Tensor) -> Tensor:
        """activation(v W + b)."""
        means: Tensor = self.activation.function(self.hidden_sums(v))
        return means

    def seen(self, h: Tensor, inputs: int) -> Tensor:
        """visible(h W^T + a)."""
        sums = matmul(h, self.way_back(inputs)) + self.visible_bias(inputs)
        means: Tensor = ACTIVATIONS[self.visible].function(sums)
        return means

    def weight(self, inputs: int) -> Tensor:
        """W, (inputs, H)."""
        return self.parameter("weight", (inputs, self.units or 0), self.start)

    def way_back(self, inputs: int) -> Tensor:
        """W^T, (H, inputs)."""
        back: Tensor = gates.transpose(self.weight(inputs), axes=(1, 0))
        return back

    def visible_bias(self, inputs: int) -> Tensor:
        """a, (inputs)."""
        return self.parameter("visible_bias", (inputs,), "zeros")

    def begin(self, v: Tensor) -> None:
        """What a call does first: refuse what cannot be, and penalise W in a step of training."""
        if self.units is None:
            self.refuse("has no units: give it some, as in {}(64), or let tw.pretrain do so")
        self.refuse_units()
        if v.ndim != 2:
            raise ShapeError(f"{type(self).__name__} takes rows (N, D), not {v.describe()}")
        if self.weight_penalty is not None and self.is_training:
            penalty = self.weight_penalty.of_weights(self.weight(v.shape[1]))
            self.training().penalties.append(penalty)

    def refuse(self, words: str) -> NoReturn:
        name = type(self).__name__
        raise SettingError(f"{name} {words.format(name)}")

    def __repr__(self) -> str:
        if self.units is None:
            return f"{type(self).__name__}()"
        return f"{type(self).__name__}({self.units}, {self.activation.name!r})"
