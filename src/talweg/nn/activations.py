"""Activations: the nonlinear functions of layers, and the initializer that suits each of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from talweg import gates
from talweg.errors import SettingError, nearest
from talweg.gates import Operand
from talweg.graph.functions import softmax


class Activation(NamedTuple):
    """A function of one tensor, and the initializer of the weights before it."""

    name: str
    function: Callable[[Any], Any]
    init: str = "glorot_uniform"


def identity(x: Operand) -> Operand:
    """x"""
    return x


def leaky_relu(x: Operand, negative_slope: float = 0.01) -> Operand:
    """x if x > 0, else negative_slope x (Maas et al. 2013)."""
    return gates.where(gates.greater(x, 0), x, negative_slope * x)


def elu(x: Operand, alpha: float = 1.0) -> Operand:
    """x if x > 0, else alpha (exp(x) - 1) (Clevert et al. 2016)."""
    # the minimum keeps exp from overflowing in the branch that is not taken
    return gates.where(gates.greater(x, 0), x, alpha * gates.expm1(gates.minimum(x, 0)))


def selu(x: Operand) -> Operand:
    """scale elu(x, alpha), which keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def gelu(x: Operand) -> Operand:
    """x P(Z <= x), Z standard normal: x (1 + erf(x / sqrt(2))) / 2 (Hendrycks & Gimpel 2016)."""
    return 0.5 * x * (1.0 + gates.erf(x * math.sqrt(0.5)))


def silu(x: Operand) -> Operand:
    """x sigmoid(x) (Elfwing et al. 2018)."""
    return x * gates.sigmoid(x)


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("identity", identity),
        Activation("sigmoid", gates.sigmoid),
        Activation("tanh", gates.tanh),
        Activation("relu", gates.relu, "he_uniform"),
        Activation("leaky_relu", leaky_relu, "he_uniform"),
        Activation("elu", elu, "he_uniform"),
        Activation("selu", selu, "lecun_normal"),
        Activation("gelu", gelu, "he_uniform"),
        Activation("silu", silu, "he_uniform"),
        Activation("softplus", gates.softplus, "he_uniform"),
        Activation("softmax", softmax),
    )
}


def as_activation(given: Any) -> Activation:
    """An activation from its name or from any function of a tensor; None is the identity."""
    if given is None:
        return ACTIVATIONS["identity"]
    if isinstance(given, str):
        if given not in ACTIVATIONS:
            raise SettingError(f"no activation is called {given!r}. {nearest(given, ACTIVATIONS)}")
        return ACTIVATIONS[given]
    known = next((act for act in ACTIVATIONS.values() if act.function is given), None)
    if known or callable(given):
        name = getattr(given, "__name__", None) or getattr(given, "name", None)
        return known or Activation(str(name or "function"), given)
    raise SettingError(f"an activation is a name or a function, but {given!r} was given")
