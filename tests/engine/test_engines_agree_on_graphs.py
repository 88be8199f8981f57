"""Native code against the interpreter on random graphs and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import talweg as tw
from conformance.compiled_graphs import check_recipe, largest_of
from conformance.engines import for_any_rows
from conformance.random_graphs import (
    KINKED,
    SMOOTH,
    Recipe,
    bounded,
    recipes,
    run,
)
from talweg import gates
from talweg.graph import Graph, Tensor, gradients, record, recorded, simplify

pytestmark = pytest.mark.usefixtures("engine")


@bounded(15)
@given(recipes(SMOOTH + KINKED, 6))
def check_some(recipe: Recipe) -> None:
    check_recipe(recipe)


def test_some_graphs_and_their_gradients() -> None:
    check_some()


@pytest.mark.slow
@bounded(300)
@given(recipes(SMOOTH + KINKED, 8))
def test_graphs_and_their_gradients(recipe: Recipe) -> None:
    check_recipe(recipe)


# Any number of rows -----------------------------------------------------------------------------

Step = Callable[[Tensor, Tensor, Tensor], Tensor]
D = 4
STEPS: dict[str, Step] = {  # x and y are (N, D), w is (D, D), and so is what they give (N, D)
    "tanh": lambda x, y, w: tw.tanh(x),
    "product": lambda x, y, w: x @ w,
    "product with a transpose": lambda x, y, w: (y @ w.T) * 0.5,
    "sum of both": lambda x, y, w: x + 0.5 * y,
    "product of both": lambda x, y, w: tw.tanh(x) * y,
    "where": lambda x, y, w: tw.where(x > y, x, y),
    "softmax": lambda x, y, w: tw.softmax(x),
    "less the mean of columns": lambda x, y, w: x - x.mean(axis=1, keepdims=True),
    "less the mean of rows": lambda x, y, w: x - tw.tanh(x.mean(axis=0)),
    "less the mean of all": lambda x, y, w: x - tw.tanh(x.mean()),
    "by the largest of rows": lambda x, y, w: x / (1.0 + abs(x).max(axis=0)),
    "softmax over rows": lambda x, y, w: tw.softmax(x, axis=0) * y,
    "turned": lambda x, y, w: tw.sin(x.T).T,
    "reversed": lambda x, y, w: x[:, ::-1],
    "some columns and others": lambda x, y, w: tw.concatenate([x[:, :1], y[:, 1:]], axis=1),
    "one column for all": lambda x, y, w: x[:, 2:3] * y,
    "halves": lambda x, y, w: tw.exp(tw.tanh(x.reshape(-1, 2))).reshape(-1, D),
    "three axes": lambda x, y, w: (x.reshape(-1, 2, 2) @ y.reshape(-1, 2, 2)).reshape(-1, D) * 0.2,
    "axes swapped": lambda x, y, w: (
        gates.transpose(x.reshape(-1, 2, 2), axes=(0, 2, 1)).reshape(-1, D)
    ),
    "weights of rows": lambda x, y, w: x @ tw.tanh(x.T @ y) * 0.1,
    "hot": lambda x, y, w: tw.one_hot(tw.argmax(x), classes=D, dtype=x.dtype) * y,
    "rows of weights": lambda x, y, w: gates.take(w, tw.argmax(x)) * y,
    "sums by label": lambda x, y, w: x @ gates.segment_sum(y, tw.argmax(x), size=D) * 0.1,
    "weights once more": lambda x, y, w: x * w[0] + w.sum(axis=1),
}  # fmt: skip


@dataclass(frozen=True)
class RowRecipe:
    """Steps over rows; each uses the results of two earlier steps."""

    steps: list[tuple[str, int, int]]
    planned_for: int

    def __call__(self, x: Tensor, y: Tensor, w: Tensor) -> dict[str, Tensor]:
        nodes = [x, y]
        for name, one, other in self.steps:
            nodes.append(STEPS[name](nodes[one % len(nodes)], nodes[other % len(nodes)], w))
        slopes = gradients(tw.sin(nodes[-1] + x * y).sum(), [x, w])
        outputs = {"last": nodes[-1], "one before": nodes[-2]}
        return outputs | dict(zip(["slope x", "slope w"], slopes, strict=True))

    def recorded(self, rows: int) -> Graph:
        return simplify(record(self, *drawn(rows)))


def drawn(rows: int) -> list[Any]:
    random = np.random.default_rng(rows)
    return [random.uniform(-1, 1, shape) for shape in ((rows, D), (rows, D), (D, D))]


def row_recipes() -> st.SearchStrategy[RowRecipe]:
    place = st.integers(0, 6)
    steps = st.lists(st.tuples(st.sampled_from([*STEPS]), place, place), min_size=1, max_size=6)
    return st.builds(RowRecipe, steps, st.sampled_from([1, 5, 64]))


@pytest.mark.slow
@bounded(200)
@given(row_recipes())
def test_graphs_on_any_number_of_rows(recipe: RowRecipe) -> None:
    planned_for = recipe.planned_for
    program = for_any_rows(recorded(recipe.recorded, planned_for))
    for rows in (1, 2, 3, 7, 64, 241, 500):
        arrays = dict(zip("xyw", drawn(rows), strict=True))
        found, expected = program(**arrays), run(recipe.recorded(rows), [*arrays.values()])
        for name, each in expected.items():
            close = 1e-11 * largest_of(each)
            np.testing.assert_allclose(found[name], each, 1e-11, close, err_msg=f"{name}, {rows}")
