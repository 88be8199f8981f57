"""Random graphs: running, simplifying and differentiating keep their meaning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

import talweg as tw
from conformance.random_graphs import (
    KINKED,
    SMOOTH,
    Recipe,
    bounded,
    recipes,
    run,
    takes_two,
    value_and_slopes,
)
from talweg import gates
from talweg.graph import record


@pytest.mark.slow
@bounded(300)
@given(recipes(SMOOTH + KINKED, 8))
def test_running_a_graph_gives_the_recorded_values(recipe: Recipe) -> None:
    graph = record(value_and_slopes(recipe), *recipe.arrays(0))
    eager = value_and_slopes(recipe)(*map(tw.tensor, recipe.arrays(1)))
    for name, value in run(graph, recipe.arrays(1)).items():
        assert np.asarray(value).dtype == eager[name].dtype == recipe.dtype
        assert np.asarray(value).tobytes() == eager[name].value.tobytes()


@pytest.mark.slow
@bounded(300)
@given(recipes(SMOOTH + KINKED, 8))
def test_simplification_changes_no_value(recipe: Recipe) -> None:
    graph = record(value_and_slopes(recipe), *recipe.arrays(0))
    simple = tw.graph.simplify(graph)
    assert len(simple.nodes) <= len(graph.nodes)
    assert simple.cost().operations <= graph.cost().operations
    expected = run(graph, recipe.arrays(1))
    for name, value in run(simple, recipe.arrays(1)).items():
        assert np.asarray(value).tobytes() == np.asarray(expected[name]).tobytes()


@pytest.mark.slow
@bounded(200)
@given(recipes(SMOOTH, 5))
def test_gradients_of_random_graphs_are_right(recipe: Recipe) -> None:
    tw.check_gradients(recipe, *recipe.arrays(0), order=2, rtol=1e-4, atol=1e-5)


def test_the_pool_of_functions_covers_all_gates() -> None:
    """Each step works on a matrix, and between them they use most gates."""
    graph = record(
        lambda x: {
            str(i): step(x, x) if takes_two(step) else step(x)
            for i, step in enumerate(SMOOTH + KINKED)
        },
        np.ones((2, 3)),
    )
    used = {node.gate.name for node in graph.nodes if node.gate}
    assert len(set(gates.GATES) - used) <= 10
