"""Value rules over other array libraries than NumPy: every gate computes the same."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import talweg as tw
from conformance.gates import TABLE, Row
from talweg.engine.numpy.interpreter import Interpreter
from talweg.gates import counting
from talweg.graph import Graph, Tensor

_NAMES = """
arange asarray empty empty_like eye full full_like linspace meshgrid ones ones_like
tril triu zeros zeros_like
astype can_cast finfo iinfo isdtype result_type broadcast_arrays broadcast_to
abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift
bitwise_invert bitwise_or bitwise_right_shift bitwise_xor ceil clip conj copysign
cos cosh divide equal exp expm1 floor floor_divide greater greater_equal hypot imag
isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and
logical_not logical_or logical_xor maximum minimum multiply negative nextafter
not_equal positive pow real reciprocal remainder round sign signbit sin sinh square
sqrt subtract tan tanh trunc
take take_along_axis
matmul matrix_transpose tensordot vecdot
concat expand_dims flip moveaxis permute_dims repeat reshape roll squeeze stack tile
unstack
argmax argmin count_nonzero nonzero searchsorted where
unique_all unique_counts unique_inverse unique_values
argsort sort
cumulative_prod cumulative_sum max mean min prod std sum var
all any diff
"""
STANDARD = set(_NAMES.split())
"""The functions of the array API standard, 2024.12."""
DTYPES = {"float32", "float64", "int64", "int32", "uint32", "uint8", "bool"}
OPERATORS = [
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift"),
    *("rshift", "lt", "le", "gt", "ge", "eq", "ne"),
]


class Plain:
    """An immutable array of a library that offers what the standard says and nothing more."""

    def __init__(self, value: Any) -> None:
        self.value = np.asarray(value)
        self.shape, self.dtype = self.value.shape, self.value.dtype

    def __array_namespace__(self) -> Any:
        return NAMESPACE

    def __getitem__(self, index: Any) -> Plain:
        return Plain(self.value[_bare(index)])

    def __neg__(self) -> Plain:
        return Plain(-self.value)

    def __invert__(self) -> Plain:
        return Plain(~self.value)


def _operator(name: str, swapped: bool) -> Callable[[Plain, Any], Plain]:
    function = getattr(operator, f"{name}_" if name in ("and", "or") else name)

    def apply(first: Plain, second: Any) -> Plain:
        both = (first.value, _bare(second))
        return Plain(function(*(both[::-1] if swapped else both)))

    return apply


for each in OPERATORS:
    setattr(Plain, f"__{each}__", _operator(each, swapped=False))
    setattr(Plain, f"__r{each}__", _operator(each, swapped=True))


def _bare(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_bare, value))
    return value.value if isinstance(value, Plain) else value


class Namespace:
    """NumPy's functions, of those in `STANDARD`, on `Plain` arrays."""

    nan = math.nan

    def __getattr__(self, name: str) -> Any:
        if name in DTYPES:
            return np.dtype(name)
        if name not in STANDARD:
            raise AttributeError(f"the array API has no {name}")

        def function(*arrays: Any, **settings: Any) -> Plain:
            return Plain(getattr(np, name)(*map(_bare, arrays), **settings))

        return function

    def erf(self, x: Plain) -> Plain:
        """A special function, which libraries may offer beside the standard."""
        return Plain(np.vectorize(math.erf, otypes=[x.dtype])(x.value))


NAMESPACE = Namespace()


class Library(NamedTuple):
    """How an array library makes an array of NumPy's, and how it compiles a function."""

    array: Callable[[Any], Any]
    compiled: Callable[[Callable[..., Any]], Callable[..., Any]]


@contextmanager
def standard() -> Iterator[Library]:
    if not hasattr(np, "astype"):
        pytest.skip("NumPy follows the array API since 2.1")
    yield Library(Plain, lambda function: function)


@contextmanager
def jax_numpy() -> Iterator[Library]:
    """One compilation of a gate takes less than one of each operation in it."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        quickly = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
        yield Library(jax.numpy.asarray, partial(jax.jit, compiler_options=quickly))


LIBRARIES = pytest.mark.parametrize(
    "library", [standard, pytest.param(jax_numpy, marks=pytest.mark.slow)]
)
BOTH_DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
OWN = {
    "count_change": ("uint8", "bool"),
    "widen_count": ("int32", "uint8", "int32"),
    "byte_difference": ("uint8", "uint8"),
}
"""The gates beside the table, and the dtypes of their inputs."""


@LIBRARIES
@BOTH_DTYPES
@pytest.mark.parametrize("row", TABLE.values(), ids=list(TABLE))
def test_each_gate_of_the_table(row: Row, dtype: str, library: Any) -> None:
    with library() as (array, compiled):
        for case in row.cases:
            inputs = row.inputs(case, dtype)
            value = compiled(partial(row.gate.value, **case.settings))(*map(array, inputs))
            check(value, row.gate.on_numpy(*inputs, **case.settings), type(array(0.0)))


@LIBRARIES
@pytest.mark.parametrize("name", OWN)
def test_gates_that_count(name: str, library: Any) -> None:
    random = np.random.default_rng(0)
    inputs = [random.integers(0, 256, 50).astype(dtype) for dtype in OWN[name]]
    gate = getattr(counting, name)
    with library() as (array, compiled):
        check(compiled(gate.value)(*map(array, inputs)), gate.on_numpy(*inputs), type(array(0.0)))


@pytest.mark.slow
def test_jax_compiles_a_whole_step() -> None:
    jax = pytest.importorskip("jax")
    X, y = np.linspace(-1, 1, 24).reshape(8, 3), np.arange(8) % 3
    net = tw.Sequential(tw.Dense(4, "gelu"), tw.Dropout(0.25), tw.Dense(3)).init(X, seed=1)
    step = tw.lower(net, X, y, loss="cross_entropy", batch_size=4, watch="step").graph
    inputs = {name: _drawn(name, node.spec, net) for name, node in step.inputs.items()}
    expected = Interpreter(step)(**inputs)
    with jax.enable_x64(True):
        found = jax.jit(lambda given: computed(step, given))(inputs)
    for name, value in expected.items():
        check(found[name], value, jax.Array)


def _drawn(name: str, spec: Any, net: tw.Module) -> Any:
    if name == "weights":
        return net.weights.flat
    if name == "state.draws":
        return np.float64(5 + 7 * 2.0**32)
    if spec.dtype.kind in "iub":
        return np.arange(spec.size).reshape(spec.shape).astype(spec.dtype) % 3
    return np.random.default_rng(len(name)).uniform(0.1, 1.0, spec.shape).astype(spec.dtype)


def computed(graph: Graph, given: dict[str, Any]) -> dict[str, Any]:
    """The outputs of a graph, node by node."""
    values = {node.number: _traced(given[name]) for name, node in graph.inputs.items()}
    for node in graph.nodes:
        if node.number not in values:
            values[node.number] = _computed(node, [values[x.number] for x in node.inputs])
    return {name: values[node.number] for name, node in graph.outputs.items()}


def _computed(node: Tensor, sources: list[Any]) -> Any:
    if node.gate is None:
        return _traced(node.array)
    return node.gate.value(*sources, **node.settings)


def _traced(value: Any) -> Any:
    import jax

    return jax.numpy.asarray(value)


def check(value: Any, expected: Any, kind: type) -> None:
    """An array of the library, with NumPy's shape, dtype and, to some units of the last place,
    numbers.
    """
    assert isinstance(value, kind)
    found, expected = np.asarray(_bare(value)), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    close = 64 * np.finfo(found.dtype).eps if found.dtype.kind == "f" else 0
    np.testing.assert_allclose(found, expected, rtol=close, atol=close)
