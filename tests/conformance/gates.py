"""The conformance table: one row for each gate. Every test of all gates runs over it.

A row has the domains of the gate's inputs, the shapes and settings to test, and a reference in
plain Python or NumPy that is written independently of the gate.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from talweg import gates
from talweg.gates import Gate, Spec
from talweg.graph import Tensor, gradients

Domain = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

# Domains of inputs --------------------------------------------------------------------------


def real(random: np.random.Generator, shape: Any) -> Any:
    return 1.5 * random.standard_normal(shape)


def positive(random: np.random.Generator, shape: Any) -> Any:
    return random.uniform(0.3, 3.0, shape)


def above_minus_one(random: np.random.Generator, shape: Any) -> Any:
    return random.uniform(-0.7, 2.0, shape)


def off_zero(random: np.random.Generator, shape: Any) -> Any:
    """Either sign, at least 0.3 from the kink or the pole at 0."""
    return random.choice([-1.0, 1.0], shape) * random.uniform(0.3, 2.0, shape)


def distinct(random: np.random.Generator, shape: Any) -> Any:
    """Any two elements differ by at least 0.25."""
    return random.permutation(np.arange(math.prod(shape)) * 0.25 - 1).reshape(shape)


def tied(random: np.random.Generator, shape: Any) -> Any:
    return random.integers(-1, 2, shape).astype(float)


def truth(random: np.random.Generator, shape: Any) -> Any:
    return random.random(shape) < 0.5


def label(random: np.random.Generator, shape: Any) -> Any:
    return random.integers(0, 3, shape)


def step(random: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """A key: a count of steps, above it a seed."""
    return random.integers(0, 2**20, shape) + 2.0**32 * random.integers(0, 2**20, shape)


# Test cases ---------------------------------------------------------------------------------


class Case(NamedTuple):
    """Input shapes and settings."""

    shapes: tuple[tuple[int, ...], ...]
    settings: dict[str, Any] = {}  # noqa: RUF012


ONE = tuple(Case((shape,)) for shape in [(), (0,), (3,), (1, 4), (2, 3, 4)])
TWO = tuple(
    Case(shapes)
    for shapes in [
        ((), ()),
        ((3,), ()),
        ((), (3,)),
        ((2, 1), (1, 3)),
        ((1, 4), (4,)),
        ((4,), (1, 4)),
        ((2, 3, 4), (3, 1)),
        ((4,), (2, 3, 4)),
        ((0, 3), (3,)),
        ((2, 0), (2, 1)),
    ]
)
THREE = tuple(
    Case(shapes)
    for shapes in [
        ((), (), ()),
        ((3,), (), ()),
        ((), (3,), (2, 1)),
        ((2, 1), (1, 3), (3,)),
        ((2, 3, 4), (3, 1), (4,)),
        ((3,), (0, 3), ()),
    ]
)


def cases(*rows: tuple[Any, dict[str, Any]]) -> tuple[Case, ...]:
    """Cases of gates with settings: (shape of the one input, or shapes of several; settings)."""
    return tuple(Case(s if s and isinstance(s[0], tuple) else (s,), more) for s, more in rows)


@dataclass(frozen=True)
class Row:
    """The test cases of one gate, and its reference."""

    gate: Gate
    reference: Callable[..., Any]
    domains: Sequence[Domain] = (real,)
    cases: tuple[Case, ...] = ONE
    keeps_nan: bool = True
    differentiable: Sequence[int] = field(default=(0,))
    """The inputs whose gradients finite differences can check."""

    def inputs(self, case: Case, dtype: str = "float64", seed: int = 0) -> list[np.ndarray]:
        """Arrays for one case; booleans and labels keep their own dtype."""
        random = np.random.default_rng([seed, *map(ord, self.gate.name)])
        domains = itertools.chain(self.domains, itertools.repeat(self.domains[-1]))
        drawn = [np.asarray(make(random, s)) for make, s in zip(domains, case.shapes, strict=False)]
        return [each.astype(dtype) if each.dtype.kind == "f" else each for each in drawn]

    def specs(self, case: Case, dtype: str = "float64") -> list[Spec]:
        return [Spec(each.shape, each.dtype) for each in self.inputs(case, dtype)]


# References ---------------------------------------------------------------------------------


def each(function: Callable[..., Any], kind: type = float) -> Callable[..., Any]:
    """A function of Python numbers, element by element."""
    return np.vectorize(function, otypes=[kind])


def sigmoid(x: float) -> float:
    return 0.5 * (1 + math.tanh(x / 2))


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def erf(x: float) -> float:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, by Gauss's rule of 60 points."""
    points, weights = np.polynomial.legendre.leggauss(60)
    return float(x / math.sqrt(math.pi) * (weights @ np.exp(-((x * (points + 1) / 2) ** 2))))


def over(reduce: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction over `axes` by a function of Python lists."""

    def reduced(x: Any, *, axes: Any, keepdims: bool) -> Any:
        kept = [axis for axis in range(x.ndim) if axis not in axes]
        result = np.empty([x.shape[axis] for axis in kept])
        for place in np.ndindex(result.shape):
            index = dict(zip(kept, place, strict=True))
            group = x[tuple(index.get(axis, slice(None)) for axis in range(x.ndim))]
            result[place] = reduce(group.ravel().tolist())
        return np.expand_dims(result, axes) if keepdims else result

    return reduced


def argmax(x: Any, *, axis: int) -> Any:
    first = over(lambda row: row.index(max(row)))
    return first(x, axes=(axis,), keepdims=False).astype(np.int64)


def taken(x: Any, *, ranges: Any) -> Any:
    return x[np.ix_(*(list(range(*each)) for each in ranges))] if ranges else x


def placed(x: Any, *, shape: Any, ranges: Any) -> Any:
    whole = np.zeros(shape)
    whole[np.ix_(*(list(range(*each)) for each in ranges))] = x
    return whole


def joined(*pieces: Any, axis: int) -> Any:
    rows = [row for piece in pieces for row in np.moveaxis(piece, axis, 0)]
    return np.moveaxis(np.array(rows), 0, axis)


def filled(x: Any, *, shape: Any) -> Any:
    return np.array(x.ravel().tolist()).reshape(shape)


def uniform(key: Any, *, shape: tuple[int, ...], dtype: str, stream: int) -> Any:
    """Word by word, with Python's integers."""

    def mixed(x: int) -> int:
        x ^= x >> 16
        x = x * 0x7FEB352D % 2**32
        x ^= x >> 15
        x = x * 0x846CA68B % 2**32
        return x ^ x >> 16

    low, high = int(key) % 2**32, int(key) // 2**32
    first = mixed((low + stream * 0x9E3779B9) % 2**32)
    words = [mixed((mixed(place ^ first) + high) % 2**32) for place in range(math.prod(shape))]
    unused = 8 if dtype == "float32" else 0
    return np.array([(x >> unused) / 2 ** (32 - unused) for x in words]).reshape(shape)


def one_hot(labels: Any, *, classes: int, dtype: Any) -> Any:
    return each(lambda label, place: label == place)(labels[..., None], range(classes))


def segment_sum(x: Any, codes: Any, *, size: int) -> Any:
    rows = [[row for row, code in zip(x, codes, strict=True) if code == at] for at in range(size)]
    return np.array(
        [[math.fsum(each[i] for each in some) for i in range(x.shape[1])] for some in rows]
    )


def cumulative_sum(x: Any, *, axis: int, reverse: bool) -> Any:
    rows = np.moveaxis(x, axis, 0)[:: -1 if reverse else 1]
    sums = np.empty(rows.shape)
    for at in np.ndindex(rows.shape):
        sums[at] = math.fsum(rows[(place, *at[1:])] for place in range(at[0] + 1))
    return np.moveaxis(sums[:: -1 if reverse else 1], 0, axis)


# The table ----------------------------------------------------------------------------------

both = partial(Row, cases=TWO, differentiable=(0, 1))
compare = partial(Row, domains=(tied,), cases=TWO, differentiable=(), keeps_nan=False)
REDUCTIONS = cases(
    ((), {"axes": (), "keepdims": False}),
    ((3,), {"axes": (0,), "keepdims": False}),
    ((1, 4), {"axes": (1,), "keepdims": True}),
    ((2, 3, 4), {"axes": (0, 2), "keepdims": False}),
    ((2, 3, 4), {"axes": (0, 1, 2), "keepdims": True}),
    ((0, 3), {"axes": (1,), "keepdims": False}),
    ((2, 3), {"axes": (), "keepdims": True}),
)
SLICES = [  # the whole's shape, ranges
    ((), ()),
    ((5,), ((1, 4, 2),)),
    ((5,), ((4, -1, -2),)),
    ((5,), ((3, 3, 1),)),
    ((2, 3, 4), ((0, 2, 1), (2, 3, 1), (3, 0, -1))),
]
LOOKED_UP = [  # a table, codes
    ((3, 1), (1,)),
    ((3, 2), (5,)),
    ((4, 17), (9,)),
    ((3, 5), (0,)),
    ((3, 0), (2,)),
]
ROWS = [
    Row(gates.identity, each(lambda x: x)),
    Row(gates.negative, each(lambda x: -x)),
    Row(gates.exp, each(math.exp)),
    Row(gates.expm1, each(math.expm1)),
    Row(gates.log, each(math.log), [positive]),
    Row(gates.log1p, each(math.log1p), [above_minus_one]),
    Row(gates.sqrt, each(math.sqrt), [positive]),
    Row(gates.sin, each(math.sin)),
    Row(gates.cos, each(math.cos)),
    Row(gates.sign, each(lambda x: (x > 0) - (x < 0)), [off_zero]),
    Row(gates.absolute, each(abs), [off_zero]),
    Row(gates.tanh, each(math.tanh)),
    Row(gates.sigmoid, each(sigmoid)),
    Row(gates.softplus, each(softplus)),
    Row(gates.relu, each(lambda x: max(x, 0.0)), [off_zero]),
    Row(gates.erf, each(erf)),
    both(gates.add, each(lambda x, y: x + y)),
    both(gates.subtract, each(lambda x, y: x - y)),
    both(gates.multiply, each(lambda x, y: x * y)),
    both(gates.divide, each(lambda x, y: x / y), domains=(real, off_zero)),
    both(gates.power, each(math.pow), domains=(positive, real)),
    both(gates.maximum, each(max)),
    both(gates.minimum, each(min)),
    compare(gates.greater, each(lambda x, y: x > y, bool)),
    compare(gates.greater_equal, each(lambda x, y: x >= y, bool)),
    compare(gates.equal, each(lambda x, y: x == y, bool)),
    Row(
        gates.where,
        each(lambda c, x, y: x if c else y),
        (truth, real, real),
        THREE,
        keeps_nan=False,
        differentiable=(1, 2),
    ),
    Row(
        gates.reshape,
        filled,
        cases=cases(
            ((), {"shape": (1, 1)}),
            ((6,), {"shape": (2, 3)}),
            ((2, 3, 4), {"shape": (4, 6)}),
            ((0, 3), {"shape": (3, 0, 2)}),
            ((1,), {"shape": ()}),
        ),
    ),
    Row(
        gates.broadcast_to,
        lambda x, *, shape: np.ones(shape) * x,
        cases=cases(
            ((), {"shape": (2, 3)}),
            ((1, 3), {"shape": (2, 3)}),
            ((3, 1), {"shape": (2, 3, 4)}),
            ((1,), {"shape": (0,)}),
            ((2,), {"shape": (2,)}),
        ),
    ),
    Row(gates.reduce_sum, over(math.fsum), cases=REDUCTIONS),
    Row(gates.reduce_max, over(max), [distinct], REDUCTIONS),
    Row(
        gates.argmax,
        argmax,
        [tied],
        cases(((3,), {"axis": 0}), ((2, 3, 4), {"axis": 1}), ((0, 3), {"axis": 1})),
        keeps_nan=False,
        differentiable=(),
    ),
    Row(
        gates.matmul,
        lambda x, y: np.einsum("...ij,...jk->...ik", x, y),
        cases=cases(
            (((1, 1), (1, 1)), {}),
            (((2, 3), (3, 4)), {}),
            (((5, 2, 3), (3, 4)), {}),
            (((2, 3), (5, 3, 1)), {}),
            (((4, 1, 2, 3), (5, 3, 2)), {}),
            (((0, 3), (3, 2)), {}),
            (((2, 0), (0, 2)), {}),
        ),
        differentiable=(0, 1),
    ),
    Row(
        gates.transpose,
        lambda x, *, axes: np.einsum(x, list(range(x.ndim)), list(axes)),
        cases=cases(
            ((), {"axes": ()}),
            ((2, 3), {"axes": (1, 0)}),
            ((2, 3, 4), {"axes": (2, 0, 1)}),
            ((2, 0), {"axes": (1, 0)}),
        ),
    ),
    Row(
        gates.take_slice,
        taken,
        cases=cases(*((shape, {"ranges": ranges}) for shape, ranges in SLICES)),
    ),
    Row(
        gates.put_slice,
        placed,
        cases=cases(
            *(
                (tuple(len(range(*r)) for r in ranges), {"shape": shape, "ranges": ranges})
                for shape, ranges in SLICES[1:]
            )
        ),
    ),
    Row(
        gates.concatenate,
        joined,
        cases=cases(
            (((3,),), {"axis": 0}),
            (((2,), (0,), (3,)), {"axis": 0}),
            (((2, 1), (2, 3)), {"axis": 1}),
            (((1, 3), (2, 3), (1, 3), (1, 3)), {"axis": 0}),
        ),
        differentiable=(0, 1, 2, 3),
    ),
    Row(
        gates.cast,
        lambda x, *, dtype: np.array(x.tolist(), dtype),
        cases=cases(((), {"dtype": "float64"}), ((2, 3), {"dtype": "float64"})),
    ),
    Row(
        gates.uniform,
        uniform,
        (step,),
        tuple(
            Case(((),), {"shape": shape, "dtype": dtype, "stream": stream})
            for shape, stream in [((), 0), ((3,), 1), ((2, 3, 5), 0), ((1, 33), 2), ((0, 2), 0)]
            for dtype in ("float32", "float64")
        ),
        differentiable=(),
        keeps_nan=False,
    ),
    Row(
        gates.one_hot,
        one_hot,
        [label],
        cases(*((s, {"classes": 3, "dtype": "float64"}) for s in [(), (4,), (2, 3), (0,)])),
        keeps_nan=False,
        differentiable=(),
    ),
    Row(
        gates.take,
        lambda table, codes: one_hot(codes, classes=len(table), dtype=float) @ table,
        (real, label),
        cases=cases(*((shapes, {}) for shapes in LOOKED_UP)),
        keeps_nan=False,
    ),
    Row(
        gates.segment_sum,
        segment_sum,
        (real, label),
        cases=cases(
            *((((n[0], table[1]), n), {"size": table[0]}) for table, n in LOOKED_UP),
        ),
        keeps_nan=False,
    ),
    Row(
        gates.cumulative_sum,
        cumulative_sum,
        cases=cases(
            *(
                (shape, {"axis": axis, "reverse": reverse})
                for shape in [(0,), (1,), (5,), (3, 1), (2, 0, 3), (2, 3, 4), (1, 1)]
                for axis in range(len(shape))
                for reverse in (False, True)
            )
        ),
    ),
    Row(gates.stop_gradient, each(lambda x: x), differentiable=()),
]
TABLE = {row.gate.name: row for row in ROWS}


def forward_and_back(row: Row, case: Case) -> Any:
    """A function of the gate's inputs: its output, and a gradient by each float among them."""

    def function(*inputs: Tensor) -> dict[str, Tensor]:
        output = row.gate(*inputs, **case.settings)
        found = {"output": output}
        floats = [each for each in inputs if each.spec.is_float]
        if output.spec.is_float and floats:
            weights = np.cos(np.arange(output.size, dtype=output.dtype)).reshape(output.shape)
            slopes = gradients((output * weights).sum(), floats)
            found |= {f"gradient {i}": each for i, each in enumerate(slopes)}
        return found

    return function
