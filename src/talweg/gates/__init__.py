"""What a node computes. A gate is one record: its rule of shape and dtype, its NumPy value, its
gradient written in gates, its cost, and a place for native code. All that the project knows
about one operation stands in its record; the rest of talweg composes them. A gate of your own
is made the same way, with `Gate` or `elementwise`, and needs no registration.
"""

from talweg.gates.broadcast import broadcast_to, reduce_sum, reshape, unbroadcast
from talweg.gates.contract import matmul
from talweg.gates.convert import cast, one_hot, stop_gradient
from talweg.gates.elementwise import (
    absolute,
    add,
    cos,
    divide,
    elementwise,
    equal,
    erf,
    exp,
    expm1,
    greater,
    greater_equal,
    identity,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    relu,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    subtract,
    tanh,
    where,
)
from talweg.gates.record import Array, Cost, Gate, Operand, Shape, Spec, cost_per_element
from talweg.gates.reduce import argmax, reduce_max
from talweg.gates.shape import concatenate, place, take_slice, transpose

GATES: dict[str, Gate] = {
    each.name: each for each in list(globals().values()) if isinstance(each, Gate)
}
"""Every gate that talweg ships, by name."""

__all__ = [
    "GATES",
    "Array",
    "Cost",
    "Gate",
    "Operand",
    "Shape",
    "Spec",
    "absolute",
    "add",
    "argmax",
    "broadcast_to",
    "cast",
    "concatenate",
    "cos",
    "cost_per_element",
    "divide",
    "elementwise",
    "equal",
    "erf",
    "exp",
    "expm1",
    "greater",
    "greater_equal",
    "identity",
    "log",
    "log1p",
    "matmul",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "one_hot",
    "place",
    "power",
    "reduce_max",
    "reduce_sum",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "sqrt",
    "stop_gradient",
    "subtract",
    "take_slice",
    "tanh",
    "transpose",
    "unbroadcast",
    "where",
]
