"""Checking gradients against finite differences: what users of own gates and layers call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from talweg import gates
from talweg.errors import GradientError, SettingError
from talweg.gates import Array
from talweg.graph.backpropagation import as_array, gradients
from talweg.graph.tensor import Function, Tensor, constant, tensor
from talweg.graph.topological_order import ancestors

_STEP = float(np.cbrt(np.finfo(np.float64).eps))  # balances rounding against curvature


def check_gradients(
    function: Function,
    *arrays: Any,
    order: int = 1,
    seed: int = 0,
    rtol: float = 1e-6,
    atol: float = 1e-7,
) -> None:
    """Raise a GradientError unless backpropagation agrees with central differences.

    The function's output c is weighted to one number s = <c, w> by random w; along a random
    direction v, <ds/dx, v> is compared with (s(x + h v) - s(x - h v)) / 2h, in float64. With
    `order` above 1 the same is then asked of x -> <ds/dx, v>, and so on. The error names the
    order, the argument and element that differ most, and the gate whose rule is at fault.

    >>> check_gradients(lambda x: tw.sin(x) * x, np.array([0.5, -2.0]), order=2)
    """
    if order < 1:
        raise SettingError(f"check_gradients: order must be at least 1, but {order} was given")
    random = np.random.Generator(np.random.Philox(key=seed))
    points = [np.array(each, dtype=np.float64) for each in arrays]
    weighted = scalar = _weighted(function, points, random)
    for level in range(1, order + 1):
        directions = [random.standard_normal(point.shape) for point in points]
        slope = _slope_function(scalar, directions)
        found = float(slope(*map(tensor, points)).item())
        expected = _difference(scalar, points, directions)
        if not _agree(found, expected, rtol, atol):
            guilty = _guilty_gate(weighted(*map(tensor, points)), level)
            raise GradientError(_report(scalar, points, level, found, expected, guilty))
        scalar = slope


def _agree(found: Any, expected: Any, rtol: float, atol: float) -> bool:
    scale = np.maximum(np.abs(found), np.abs(expected))
    return bool(np.all(np.abs(found - expected) <= atol + rtol * scale))


def _weighted(
    function: Function, points: Sequence[Array], random: np.random.Generator
) -> Callable[..., Tensor]:
    """The function's output, weighted to one number by weights drawn once."""
    output = function(*map(tensor, points))
    weights = constant(random.standard_normal(output.shape), dtype=output.dtype)
    return lambda *inputs: (function(*inputs) * weights).sum()


def _slope_function(
    scalar: Callable[..., Tensor], directions: Sequence[Array]
) -> Callable[..., Tensor]:
    """x -> <d scalar / dx, directions>, as a graph."""

    def slope(*inputs: Tensor) -> Tensor:
        found = gradients(scalar(*inputs), inputs)
        total = constant(0.0)
        for gradient, direction in zip(found, directions, strict=True):
            total = total + (gradient * constant(direction)).sum()
        return total

    return slope


def _difference(
    scalar: Callable[..., Any], points: Sequence[Array], directions: Sequence[Array]
) -> float:
    """(s(x + h v) - s(x - h v)) / 2h."""
    pairs = list(zip(points, directions, strict=True))
    ahead = as_array(scalar(*(tensor(x + _STEP * v) for x, v in pairs)))
    behind = as_array(scalar(*(tensor(x - _STEP * v) for x, v in pairs)))
    return float((ahead - behind) / (2 * _STEP))


# Finding where it fails ---------------------------------------------------------------------


def _report(
    scalar: Callable[..., Tensor],
    points: Sequence[Array],
    level: int,
    found: float,
    expected: float,
    guilty: str,
) -> str:
    lines = [
        f"the gradient of order {level} is wrong: along a random direction backpropagation "
        f"gives {found:.10g}, finite differences give {expected:.10g}.",
        _worst_element(scalar, points),
        guilty,
    ]
    return " ".join(line for line in lines if line)


def _worst_element(scalar: Callable[..., Tensor], points: Sequence[Array]) -> str:
    """The argument and element where the two differ most, among the first 200 elements."""
    inputs = [tensor(point) for point in points]
    by_backpropagation = [each.value for each in gradients(scalar(*inputs), inputs)]
    places = [(i, index) for i, point in enumerate(points) for index in np.ndindex(point.shape)]
    worst = (-1.0, "")
    for i, index in places[:200]:
        directions = [np.zeros(point.shape) for point in points]
        directions[i][index] = 1.0
        expected = _difference(scalar, points, directions)
        found = float(by_backpropagation[i][index])
        where = f"argument {i}" + (f" at {list(index)}" if index else "")
        gap = abs(found - expected)
        text = f"Worst is {where}: {found:.10g} against {expected:.10g}."
        worst = max(worst, (gap if np.isfinite(gap) else np.inf, text))
    return worst[1]


def _guilty_gate(output: Tensor, level: int) -> str:
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
        "Each gate's own rule holds, so look for a kink or a jump at this point, or for numbers "
        "that left the graph (float(x), x.value, math.sin) and came back as constants."
    )


def _holds(node: Tensor, position: int, level: int) -> bool:
    """Whether one backward rule of a node is right, and its own gradient, up to an order."""
    gate, settings = node.gate, node.settings
    assert gate is not None
    inputs = [constant(each.array) for each in node.inputs]

    def alone(x: Tensor) -> Any:
        return gate(*inputs[:position], x, *inputs[position + 1 :], **settings)

    random = np.random.Generator(np.random.Philox(key=position))
    point = [node.inputs[position].array]
    scalar = _weighted(alone, point, random)
    for _ in range(level):
        direction = [random.standard_normal(point[0].shape)]
        slope = _slope_function(scalar, direction)
        found = float(slope(*map(tensor, point)).item())
        if not _agree(found, _difference(scalar, point, direction), 1e-5, 1e-6):
            return False
        scalar = slope
    return True
