"""Checks of gradients against finite differences, for users who write gates and layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from talweg import gates
from talweg.errors import GradientError, SettingError
from talweg.gates import Array
from talweg.graph.backpropagation import gradients
from talweg.graph.node import ancestors, as_array
from talweg.graph.tensor import Function, Tensor, constant, tensor

Scalar = Callable[..., Tensor]
"""A function of tensors whose result is one number."""
_STEP = float(np.cbrt(np.finfo(np.float64).eps))  # balances rounding against curvature
_MOST_ELEMENTS = 200  # elements that are compared one by one to find the worst


def check_gradients(
    function: Function,
    *arrays: Any,
    order: int = 1,
    seed: int = 0,
    rtol: float = 1e-6,
    atol: float = 1e-7,
) -> None:
    """Raise a GradientError unless backpropagation agrees with central differences.

    With random weights w, the output c becomes one number s = <c, w>. Along a random direction v,
    <ds/dx, v> is compared with (s(x + h v) - s(x - h v)) / 2h, in float64. If `order` is above 1,
    the same check follows for x -> <ds/dx, v>, and so on. The error names the order, the argument
    and element that differ most, and the gate whose backward rule is wrong.

    >>> check_gradients(lambda x: tw.sin(x) * x, np.array([0.5, -2.0]), order=2)
    """
    if order < 1:
        raise SettingError(f"check_gradients: order must be at least 1, but {order} was given")
    random = np.random.Generator(np.random.Philox(key=seed))
    points = [np.array(array, dtype=np.float64) for array in arrays]
    weighted = scalar = _weighted_sum(function, points, random)
    for level in range(1, order + 1):
        directions = [random.standard_normal(point.shape) for point in points]
        slope = _slope_along(scalar, directions)
        actual = float(slope(*map(tensor, points)).item())
        expected = _central_difference(scalar, points, directions)
        if not _agree(actual, expected, rtol, atol):
            culprit = _wrong_gate(weighted(*map(tensor, points)), level)
            raise GradientError(_report(scalar, points, level, actual, expected, culprit))
        scalar = slope


def _agree(actual: float, expected: float, rtol: float, atol: float) -> bool:
    scale = max(abs(actual), abs(expected))
    return bool(abs(actual - expected) <= atol + rtol * scale)


def _weighted_sum(
    function: Function, points: Sequence[Array], random: np.random.Generator
) -> Scalar:
    """<function, w> with random weights w that are drawn once."""
    output = function(*map(tensor, points))
    weights = constant(random.standard_normal(output.shape), dtype=output.dtype)
    return lambda *inputs: (function(*inputs) * weights).sum()


def _slope_along(scalar: Scalar, directions: Sequence[Array]) -> Scalar:
    """x -> <d scalar / dx, directions>, as a graph."""

    def slope(*inputs: Tensor) -> Tensor:
        total = constant(0.0)
        for gradient, direction in zip(gradients(scalar(*inputs), inputs), directions, strict=True):
            total = total + (gradient * constant(direction)).sum()
        return total

    return slope


def _central_difference(
    scalar: Scalar, points: Sequence[Array], directions: Sequence[Array]
) -> float:
    """(s(x + h v) - s(x - h v)) / 2h."""
    pairs = list(zip(points, directions, strict=True))
    ahead = as_array(scalar(*(tensor(x + _STEP * v) for x, v in pairs)))
    behind = as_array(scalar(*(tensor(x - _STEP * v) for x, v in pairs)))
    return float((ahead - behind) / (2 * _STEP))


# Locating the error -------------------------------------------------------------------------


def _report(
    scalar: Scalar,
    points: Sequence[Array],
    level: int,
    actual: float,
    expected: float,
    culprit: str,
) -> str:
    lines = [
        f"the gradient of order {level} is wrong: along a random direction backpropagation "
        f"gives {actual:.10g}, finite differences give {expected:.10g}.",
        _worst_element(scalar, points),
        culprit,
    ]
    return " ".join(line for line in lines if line)


def _worst_element(scalar: Scalar, points: Sequence[Array]) -> str:
    """The argument and element where the two differ most, among the first elements."""
    inputs = [tensor(point) for point in points]
    slopes = [gradient.value for gradient in gradients(scalar(*inputs), inputs)]
    elements = [(i, index) for i, point in enumerate(points) for index in np.ndindex(point.shape)]
    worst = (-1.0, "")
    for i, index in elements[:_MOST_ELEMENTS]:
        directions = [np.zeros(point.shape) for point in points]
        directions[i][index] = 1.0
        expected, actual = _central_difference(scalar, points, directions), float(slopes[i][index])
        where = f"argument {i}" + (f" at {list(index)}" if index else "")
        error = abs(actual - expected)
        text = f"Worst is {where}: {actual:.10g} instead of {expected:.10g}."
        worst = max(worst, (error if np.isfinite(error) else np.inf, text))
    return worst[1]


def _wrong_gate(output: Tensor, level: int) -> str:
    """The first node whose own backward rule disagrees with differences of its gate alone."""
    for node in ancestors([output]):
        if node.gate in (None, gates.stop_gradient) or node.dtype.kind != "f":
            continue
        for position, source in enumerate(node.inputs):
            if source.dtype.kind == "f" and source.varies and not _holds(node, position, level):
                return (
                    f"At fault: gate {node.gate.name if node.gate else '?'}, input {position} "
                    f"({node.line}), unless it has a kink or a jump at this point."
                )
    return (
        "Each gate's own rule is right, so look for a kink or a jump at this point, or for numbers "
        "that left the graph (float(x), x.value, math.sin) and came back as constants."
    )


def _holds(node: Tensor, position: int, level: int) -> bool:
    """Whether one backward rule of a node and its gradients are right, up to an order."""
    gate, settings = node.gate, node.settings
    assert gate is not None
    inputs = [constant(source.array) for source in node.inputs]

    def alone(x: Tensor) -> Any:
        return gate(*inputs[:position], x, *inputs[position + 1 :], **settings)

    random = np.random.Generator(np.random.Philox(key=position))
    point = [node.inputs[position].array]
    scalar = _weighted_sum(alone, point, random)
    for _ in range(level):
        direction = [random.standard_normal(point[0].shape)]
        slope = _slope_along(scalar, direction)
        actual = float(slope(*map(tensor, point)).item())
        if not _agree(actual, _central_difference(scalar, point, direction), 1e-5, 1e-6):
            return False
        scalar = slope
    return True
