"""A gate of one's own, made outside of the package, is a gate like any other."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.engine.numpy.interpreter import Interpreter
from talweg.graph import record, simplify

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_gate.py"
PAGE = runpy.run_path(str(EXAMPLE))
softsign, distance = PAGE["softsign"], PAGE["distance"]
ROWS, CENTRES = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0]])


def test_their_values() -> None:
    np.testing.assert_allclose(softsign(np.array([-1.0, 0.0, 3.0])), [-0.5, 0.0, 0.75])
    np.testing.assert_array_equal(distance(ROWS, CENTRES), [[1.0], [18.0]])


def test_their_gradients() -> None:
    PAGE["check"]()


def test_their_errors_name_the_line() -> None:
    with pytest.raises(tw.ShapeError, match=r"\(N, D\) and \(H, D\).*test_own_gate\.py:"):
        distance(tw.tensor(ROWS), np.ones((1, 3)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_engine_runs_them(dtype: str) -> None:
    graph = simplify(
        record(
            lambda x, c: distance(softsign(x), c), np.ones((2, 2), dtype), np.ones((1, 2), dtype)
        )
    )
    rows, centres = ROWS.astype(dtype), CENTRES.astype(dtype)
    found = Interpreter(graph)(x=rows, c=centres)["output"]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, distance(softsign(rows), centres))
    assert graph.cost().operations == 4 * 6 + 3 * 2 * 2


def test_a_network_learns_through_them() -> None:
    run, right = PAGE["train"]()
    assert run.history["loss"][-1] < 0.1 and right > 0.97
    assert "softsign" in repr(run.net.layers[1])


def test_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if len(line) > 80] == []
    assert "agree with finite differences" in printed and "gate wrong" in printed
