"""The base of models that learn from rows without targets, by reconstructing them."""

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
from talweg.nn.penalties import L1L2, check_penalties
from talweg.settings import Choice, Constraint, Number, check

_UNITS = Number(at_least=1, whole=True, optional=True)


def _sum_of_squares(prediction: Tensor, target: Tensor) -> Tensor:
    error = prediction - target
    squares: Tensor = total(error * error, -1)
    return squares


def squared_error(visible: str) -> Loss:
    """The sum of (p - t)^2 over units, averaged over rows; for sigmoid units, t is from 0 to 1."""
    kind = "binary" if visible == "sigmoid" else "numbers"
    return Loss("squared_error", _sum_of_squares, target_kind=kind)  # type: ignore[arg-type]


class ReconstructionModel(Module):
    """The base of `RBM` and `DenoisingAutoencoder`: visible units v (N, D), hidden units h (N, H).

    h = activation(v W + b) and v = visible(h W^T + a), with W (D, H), b (H) and a (D). `visible` is
    "sigmoid" for rows from 0 to 1 and "identity" for others. With None it is "sigmoid", or what
    suits the rows if `tw.pretrain` trains the model, which also sets `units` and `activation`. A
    call gives the reconstruction of the rows. `weight_penalty` is a penalty on W.
    """

    bias = True
    visible_activations: ClassVar[tuple[str, ...]] = ("sigmoid", "identity")
    """The possible values of `visible`."""

    def __init__(
        self,
        units: int | None = None,
        activation: Any = "sigmoid",
        *,
        visible: str | None = None,
        init: Any = "glorot_uniform",
        weight_penalty: L1L2 | None = None,
    ) -> None:
        constraints: dict[str, Constraint] = {
            "units": _UNITS,
            "visible": Choice(self.visible_activations, optional=True),
        }
        given = check(type(self).__name__, {"units": units, "visible": visible}, constraints)
        check_penalties(type(self).__name__, weight_penalty=weight_penalty)
        self.units, self.visible = given["units"], given["visible"] or "sigmoid"
        self.adapts_visible = given["visible"] is None
        self.activation, self.initializer = as_activation(activation), as_initializer(init)
        self.weight_penalty = weight_penalty

    @property
    def loss(self) -> Loss:
        """The loss to train with, on rows that are their own targets."""
        return squared_error(self.visible)

    # Pretraining ----------------------------------------------------------------------------

    def for_layer(self, layer: Dense) -> Self:
        """A copy with the units and the activation of a layer."""
        if self.units is not None:
            self.refuse(
                f"has {self.units} units, but pretrain uses those of each layer; leave them "
                "out: {}()"
            )
        model = copy.copy(self)
        model.units, model.activation, model.bias = layer.units, layer.activation, layer.bias
        model.check_units()
        return model

    def start_from(self, weights: Mapping[str, Array], rows: Array, below: str | None) -> Self:
        """Take a layer's weights, and visible units that suit the rows; returns the model.

        The visible units have the activation of the layer `below` if that is possible, else the one
        that the range of the rows allows.
        """
        self.dtype, self.weights = rows.dtype.name, weights
        if self.adapts_visible and below in self.visible_activations:
            self.visible = below
        elif self.adapts_visible:
            is_in_unit_range = rows.size and rows.min() >= 0 and rows.max() <= 1
            self.visible = "sigmoid" if is_in_unit_range else "identity"
        return self

    def decoder(self) -> Dense:
        """The map from hidden to visible units, as a layer."""
        own = self.weights.copy()
        weight, bias = own.get("visible_weight", own["weight"].T), own["visible_bias"]
        return Dense(bias.size, self.visible, init=weight, bias_init=bias)

    # Inside a call --------------------------------------------------------------------------

    def begin_call(self, v: Tensor) -> None:
        """Check the units and the rows, and add the penalty on W in a training step."""
        if self.units is None:
            self.refuse("has no units: give it some, as in {}(64), or let tw.pretrain do so")
        self.check_units()
        if v.ndim != 2:
            raise ShapeError(f"{type(self).__name__} takes rows (N, D), not {v.describe()}")
        if self.weight_penalty is not None and self.is_training:
            penalty = self.weight_penalty.of_weights(self.weight(v.shape[1]))
            self.training().penalties.append(penalty)

    def hidden_sums(self, v: Tensor) -> Tensor:
        """v W + b."""
        sums: Tensor = matmul(v, self.weight(v.shape[1]))
        return sums + self.parameter("bias", sums.shape[1:], "zeros") if self.bias else sums

    def hidden(self, v: Tensor) -> Tensor:
        """activation(v W + b)."""
        means: Tensor = self.activation.function(self.hidden_sums(v))
        return means

    def reconstruct(self, h: Tensor, inputs: int) -> Tensor:
        """visible(h W^T + a)."""
        sums = matmul(h, self.decoder_weight(inputs)) + self.visible_bias(inputs)
        means: Tensor = ACTIVATIONS[self.visible].function(sums)
        return means

    def weight(self, inputs: int) -> Tensor:
        """W, (inputs, H)."""
        return self.parameter("weight", (inputs, self.units or 0), self.initializer)

    def decoder_weight(self, inputs: int) -> Tensor:
        """W^T, (H, inputs)."""
        weight: Tensor = gates.transpose(self.weight(inputs), axes=(1, 0))
        return weight

    def visible_bias(self, inputs: int) -> Tensor:
        """a, (inputs)."""
        return self.parameter("visible_bias", (inputs,), "zeros")

    # Errors ---------------------------------------------------------------------------------

    def check_units(self) -> None:
        """Raise a SettingError for activations that the model cannot handle."""

    def refuse(self, words: str) -> NoReturn:
        name = type(self).__name__
        raise SettingError(f"{name} {words.format(name)}")

    def __repr__(self) -> str:
        if self.units is None:
            return f"{type(self).__name__}()"
        return f"{type(self).__name__}({self.units}, {self.activation.name!r})"
