"""Graphs on an engine against the interpreter: gates, any number of rows, random graphs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import talweg as tw
from conformance.engines import computed, for_any_rows
from conformance.gates import TABLE, Case, forward_and_back
from conformance.random_graphs import Recipe, run, value_and_slopes
from talweg import gates
from talweg.engine.numpy.interpreter import Interpreter
from talweg.graph import Graph, Tensor, gradients, record, recorded as for_rows, simplify

ULPS = 32


EXACT = {
    *("identity", "negative", "sqrt", "sign", "absolute", "relu", "add", "subtract", "multiply"),
    *("divide", "maximum", "minimum", "greater", "greater_equal", "equal", "where", "reshape"),
    *(
        "broadcast_to",
        "reduce_max",
        "argmax",
        "transpose",
        "take_slice",
        "put_slice",
        "concatenate",
    ),
    *("cast", "one_hot", "stop_gradient", "uniform", "take", "segment_sum", "cumulative_sum"),
}


"""Gates that move or compare numbers, or do what IEEE 754 rounds correctly."""


Found = Mapping[str, Any]


def check(found: Found, expected: Found, exact: Callable[[str], bool] = lambda name: False) -> None:
    """The same shapes, dtypes and numbers, but for some units in the last place of the largest.

    Of the largest of all outputs: a sum over rows that is fed to a sine has moved by its own units.
    """
    floats = [
        np.abs(x[np.isfinite(x)]).max(initial=1.0) for x in map(np.asarray, expected.values())
    ]
    for name, wanted in expected.items():
        given, wanted = np.asarray(found[name]), np.asarray(wanted)
        assert (given.shape, given.dtype) == (wanted.shape, wanted.dtype), name
        if exact(name) or wanted.dtype.kind != "f":
            np.testing.assert_array_equal(given, wanted, name)
        else:
            close = ULPS * float(np.finfo(wanted.dtype).eps)
            np.testing.assert_allclose(given, wanted, close, close * max(floats), err_msg=name)


def compare(graph: Graph, arrays: list[Any], exact: bool = False) -> None:
    given = dict(zip(graph.inputs, arrays, strict=True))
    found, expected = computed(simplify(graph), given), Interpreter(graph)(**given)
    check(found, expected, lambda name: exact and name == "output")


def check_each_case(name: str, dtype: str) -> None:
    for case in TABLE[name].cases:
        arrays = TABLE[name].inputs(case, dtype)
        graph = record(forward_and_back(TABLE[name], case), *arrays)
        compare(graph, arrays, exact=name in EXACT)


def check_the_largest_cases(dtype: str) -> None:
    drawn = [(row, max(row.cases, key=size)) for row in TABLE.values()]
    arrays = [row.inputs(case, dtype) for row, case in drawn]

    def function(*inputs: Tensor) -> dict[str, Tensor]:
        waiting, outputs = list(inputs), {}
        for row, case in drawn:
            mine = [waiting.pop(0) for _ in case.shapes]
            found = forward_and_back(row, case)(*mine)
            outputs |= {f"{name} of {row.gate.name}": each for name, each in found.items()}
        return outputs

    flat = [each for some in arrays for each in some]
    compare(record(function, *flat), flat)


def size(case: Case) -> int:
    return sum(int(np.prod(shape)) for shape in case.shapes)


ELEMENTWISE = [name for name, row in TABLE.items() if row.gate.kind == "elementwise"]


COUNTS = (1, 2, 3, 7, 8, 9, 64, 241, 500)


D = 5


SHAPES = {"x": (D,), "y": (D,), "s": (2, 3), "t": (3, 2)}


"""Shapes of a row; other inputs are the same for all rows."""


FIXED = {"w": (D, 3), "v": (D,)}


def inputs_of(name: str) -> int:
    return len(TABLE[name].cases[0].shapes)


def every_gate_of_one(x: Tensor) -> dict[str, Tensor]:
    names = [name for name in ELEMENTWISE if inputs_of(name) == 1]
    return {name: TABLE[name].gate(abs(x) + 0.5) for name in names}


def every_gate_of_two(x: Tensor, y: Tensor, v: Tensor) -> dict[str, Tensor]:
    names = [name for name in ELEMENTWISE if inputs_of(name) == 2]
    first, found = abs(x) + 0.5, {}
    for name in names:
        for other, each in {"rows": y, "numbers": v, "a column": y[:, :1], "one": v[0]}.items():
            found[f"{name} with {other}"] = TABLE[name].gate(first, each)
    return found


ON_ROWS: dict[str, Callable[..., Any]] = {
    "every gate of one input": every_gate_of_one,
    "every gate of two inputs": every_gate_of_two,
    "numbers by rows": lambda x, v: x * v + x[:, :1] / (2.0 + abs(v)),
    "where": lambda x, y: tw.where(x > y, x - y, tw.minimum(x, 0.5 * y)),
    "sum over rows": lambda x: x.sum(axis=0),
    "sum over columns": lambda x: x.sum(axis=1),
    "sum over all": lambda x: x.sum(),
    "sums that stay": lambda x: x - x.sum(axis=1, keepdims=True) - x.sum(axis=0, keepdims=True),
    "mean over rows": lambda x: x - x.mean(axis=0),
    "sums of three axes": lambda s: {str(a): s.sum(a) for a in (0, 1, 2, (0, 1), (0, 2), (1, 2))},
    "largest": lambda x: {"row": x.max(axis=1), "column": x.max(axis=0), "all": x.max()},
    "place of the largest": lambda x: {"row": tw.argmax(x, 1), "column": tw.argmax(x, 0)},
    "labels": lambda x: tw.one_hot(tw.argmax(x), classes=D, dtype=x.dtype) * x,
    "rows of a table": lambda x, w: gates.take(w, tw.argmax(x)) * x[:, :1],
    "rows of a turned table": lambda x, w: gates.take(w.T, tw.argmax(x[:, ::2])),
    "rows of a piece of a table": lambda x, w: gates.take(w[1:4, ::-1], tw.argmax(x[:, :3])),
    "rows of no table": lambda x, w: gates.take(w, tw.cast(20.0 * x[:, 0], dtype="int64")),
    "rows in a piece of a row": lambda x, w: tw.concatenate(
        [x, gates.take(w, tw.argmax(x)), x[:, :2]], axis=1
    ),
    "a column of codes": lambda x, w: gates.take(w, tw.cast(2.0 * abs(x), dtype="int32")[:, 1]),
    "a table of ten rows each": lambda x: gates.take(x.reshape(-1, 1), tw.argmax(x)),
    "some of the rows": lambda x: gates.take(tw.sin(x), np.array([1, 0, 0])),
    "rows of a table of one number": lambda x: (
        x[:, :2] * gates.take(np.full((D, 2), 0.5, x.dtype), tw.argmax(x))
    ),
    "the mean of rows of a table": lambda x, w: gates.take(w, tw.argmax(x)).mean(),
    "how often a code occurs": lambda x: (
        x[:, :2].sum(axis=0)
        * gates.segment_sum(np.ones((len(x), 2), x.dtype), tw.argmax(x), size=D)
    ),
    "sums of one number": lambda x: gates.segment_sum(
        gates.broadcast_to(tw.tanh(x.mean()), shape=(len(x), 3)), tw.argmax(x), size=D
    ),
    "sums by code": lambda x, y: tw.tanh(gates.segment_sum(x * y, tw.argmax(x), size=D)),
    "sums by codes of no sum": lambda x: gates.segment_sum(
        x, tw.cast(20.0 * x[:, 0], dtype="int64"), size=3
    ),
    "sums by row": lambda x: gates.segment_sum(x[:, 1:3], tw.argmax(x.T, 0), size=len(x)),
    "running sums by row": lambda x: tw.cumulative_sum(tw.sin(x)) * x,
    "running sums over rows": lambda x: x * tw.cumulative_sum(x * x, axis=0, reverse=True),
    "running sums of three axes": lambda s: {
        str(axis): tw.cumulative_sum(2.0 * s, axis, reverse=axis == 1) for axis in range(3)
    },
    "running sums of a transpose": lambda x: tw.cumulative_sum(tw.exp(x).T, axis=0),
    "running sums of columns": lambda x: tw.cumulative_sum(x[:, ::2], axis=1),
    "running sums of one number": lambda x: (
        x[:, :3]
        * tw.cumulative_sum(gates.broadcast_to(tw.tanh(x.mean()), shape=(len(x), 3)), axis=0)
        / len(x)  # sines of large sums would amplify the last bit of the mean
    ),
    "running sums of a vector": lambda x: tw.cumulative_sum(x.mean(axis=1)),
    "running sums of weights": lambda x, w: x[:, :3] * tw.cumulative_sum(w, axis=0)[-1],
    "product": lambda x, w: tw.tanh(x @ w),
    "product with a transpose": lambda x, w: (x @ w) @ w.T,
    "product over rows": lambda x, y: x.T @ y,
    "product of rows with rows": lambda x, y: x @ y.T,
    "product with one column": lambda x, w: (x @ w[:, :1]) * x,
    "transpose": lambda x: {"plain": x.T, "computed": tw.exp(x).T * 2.0},
    "columns": lambda x: x[:, 1:4] * x[:, ::-2] + x[:, 2:3],
    "one column": lambda x: x[:, 2],
    "side by side": lambda x, y: tw.concatenate([x, y * y, x[:, :1]], axis=1),
    "below each other": lambda x, y: tw.concatenate([x, tw.exp(y)], axis=0),
    "reshape": lambda s: {"flat": tw.sin(s.reshape(-1, 6)), "rows": s.reshape(-1, 3) * 2.0},
    "reshape of a transpose": lambda s: (2.0 * s).T.reshape(6, -1),
    "axes moved": lambda s: gates.transpose(s, axes=(1, 0, 2)) * 1.5,
    "batched product": lambda s, t: s @ t,
    "batched product with one": lambda x, w: tw.sigmoid(x.reshape(-1, 1, D) @ w),
    "stretched": lambda x: gates.broadcast_to(x.reshape(-1, 1, D), shape=(len(x), 4, D)) * 1.0,
    "softmax": lambda x: tw.softmax(x),
    "softmax over rows": lambda x: tw.softmax(x, axis=0),
    "attention": lambda s, t: tw.softmax(s @ t) @ s,
    "cast": lambda x: tw.cast(tw.cast(x > 0.0, dtype="int64"), dtype=x.dtype) * x,
    "an input as it is": lambda x: x,
    "a constant": lambda x: x * np.arange(D).astype(x.dtype) + 1.0,
    "a column of ones beside": lambda x: (
        tw.concatenate([x, np.ones((len(x), 1), x.dtype)], axis=1) * 2.0
    ),
    "a mean of squares over all rows": lambda x: (x * x).mean() + x.mean() / len(x),
}


def with_slopes(function: Callable[..., Any], names: list[str]) -> Callable[..., dict[str, Tensor]]:
    """A function's outputs, and the gradients of the sum of their sines."""

    def both(*inputs: Tensor) -> dict[str, Tensor]:
        found = function(*inputs)
        outputs = found if isinstance(found, dict) else {"output": found}
        first, *others = [tw.sin(x).sum() for x in outputs.values() if x.spec.is_float] or [None]
        if first is None:
            return outputs
        slopes = gradients(sum(others, first), inputs)
        return outputs | {f"slope {n}": x for n, x in zip(names, slopes, strict=True)}

    return both


def drawn(names: list[str], rows: int, dtype: str) -> list[Any]:
    random = np.random.default_rng(rows)
    shapes = [(rows, *SHAPES[name]) if name in SHAPES else FIXED[name] for name in names]
    return [random.uniform(-1.5, 1.5, shape).astype(dtype) for shape in shapes]


def check_any_number_of_rows(name: str, planned_for: int, dtype: str) -> None:
    function = ON_ROWS[name]
    names = list(inspect.signature(function).parameters)

    def recorded(rows: int) -> Graph:
        return record(with_slopes(function, names), *drawn(names, rows, dtype))

    graph = simplify(recorded(max(planned_for, 2)))
    program = for_any_rows(for_rows(lambda rows: simplify(recorded(rows)), planned_for))
    for rows in COUNTS:
        arrays = drawn(names, rows, dtype)
        given = dict(zip(graph.inputs, arrays, strict=True))
        check(program(**given), Interpreter(recorded(rows))(**given))


CLOSE = {"float32": 2e-5, "float64": 1e-12}


def check_recipe(recipe: Recipe) -> None:
    """Numbers within rounding of the interpreter's, on arrays other than those recorded."""
    graph = simplified(recipe)
    arrays = recipe.arrays(1)
    found = computed(graph, dict(zip(graph.inputs, arrays, strict=True)))
    expected = {name: np.asarray(each) for name, each in run(graph, arrays).items()}
    assert {name: (x.shape, x.dtype) for name, x in found.items()} == {
        name: (x.shape, x.dtype) for name, x in expected.items()
    }
    close = CLOSE[recipe.dtype]
    largest = max(largest_of(each) for each in expected.values())
    for name, each in expected.items():
        np.testing.assert_allclose(found[name], each, close, close * largest, err_msg=name)


def largest_of(array: Any) -> float:
    return float(np.abs(array[np.isfinite(array)]).max(initial=1.0))


def simplified(recipe: Recipe) -> Graph:
    return simplify(record(value_and_slopes(recipe), *recipe.arrays(0)))
