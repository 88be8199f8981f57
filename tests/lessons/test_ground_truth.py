"""Every published number of the tutorials, computed by the lessons on both engines.

A row holds a function that computes the number, the published digits, and the tolerance.
`published.LEFT_OUT` lists the published numbers without a row, and why.
"""

import itertools
import os
import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from conformance.published import (
    ADDITION,
    ALPHAS,
    AT_START,
    CHAPTERS,
    CIRCUITS,
    CLOSER_LOOK,
    ERRORS,
    FIRST_WEIGHTS,
    PASSES,
    SECOND_WEIGHTS,
)
from talweg.engine.native.function import CompiledGraph
from talweg.engine.numpy.interpreter import Interpreter
from talweg.graph import Graph, gradients

LESSONS = Path(__file__).parents[2] / "examples" / "lessons"
ENGINES = ("native", "numpy")
DIGITS_8 = {"rtol": 0, "atol": 5.1e-9}
DIGITS_12 = {"rtol": 0, "atol": 1e-11}
CLOSE = {"rtol": 1e-14, "atol": 1e-16}  # the last bit of a sum over a pass may differ
SQUARES = {"rtol": 1e-11}  # squares of small differences
OTHER_START = {"rtol": 1e-3}  # the tutorial draws its initial weights at another point


@pytest.fixture(scope="session", autouse=True)
def _drawing_can_be_imported() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(LESSONS))
        yield


@cache
def names(lesson: str) -> dict[str, Any]:
    """The names that a lesson defines, without running its `main`."""
    return runpy.run_path(str(LESSONS / f"{lesson}.py"), run_name="lesson")


# (a) Andrew Trask's posts: eleven lines, thirteen lines -------------------------------------------


@cache
def two_layers(engine: str) -> tuple[np.ndarray, np.ndarray]:
    """The outputs before the article's last update, and the weights after it."""
    lesson = names("thirteen_lines")
    net = lesson["network"](1)
    lesson["train"](net, lesson["FIRST_COLUMN"], 9_999, engine=engine)
    output = net.predict(lesson["X"])[:, 0]
    lesson["train"](net, lesson["FIRST_COLUMN"], 1, engine=engine)
    return output, net.weights.flat


def three_layers(engine: str) -> np.ndarray:
    lesson = names("thirteen_lines")
    net = lesson["network"](4, 1)
    run = lesson["train"](net, lesson["EXCLUSIVE_OR"], 60_000, engine=engine)
    return run.history["mae"][::10_000]


def additions(engine: str) -> np.ndarray:
    """The error before each thousandth sum, and the answer."""
    lesson = names("binary_addition")
    outputs, _ = lesson["train"](every=1000, engine=engine)
    answers = lesson["number"](np.array([stretch[0] for stretch in outputs]))
    return np.stack([lesson["errors"](outputs)[:, 0], answers], axis=1)


def two_columns(engine: str) -> np.ndarray:
    """Part 2, whose target is the first input: outputs before the last update, final weights."""
    X, y = np.array([[0, 1], [0, 1], [1, 0], [1, 0]]), np.array([0, 0, 1, 1])
    np.random.seed(1)
    net = tw.Sequential(tw.Dense(1, "sigmoid", bias=False), dtype="float64")
    net.weights = {"0.weight": 2 * np.random.random((2, 1)) - 1}
    settings = {"loss": "half_sse", "optimizer": tw.SGD(lr=1.0), "batch_size": None}
    tw.fit(net, X, y, epochs=9_999, engine=engine, **settings)
    output = net.predict(X)[:, 0]
    tw.fit(net, X, y, epochs=1, engine=engine, **settings)
    return np.append(output, net.weights.flat)


@cache
def alphas() -> dict[tuple[int, float], tw.Run]:
    sweep = names("hidden_sizes")["train"]()
    keys = [(point["hidden"], point["lr"]) for point in sweep.points]
    return dict(zip(keys, sweep.runs, strict=True))


BOTH = pytest.mark.parametrize("engine", ENGINES)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("hidden", ERRORS)
def test_errors_of_each_alpha(hidden: int, alpha: float) -> None:
    errors, tolerance = ERRORS[hidden][alpha]
    measured = alphas()[hidden, alpha].history["mae"][::10_000]
    assert_allclose(measured[0], AT_START[hidden], **DIGITS_12)
    assert_allclose(measured[1:], errors, **tolerance)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_final_weights_and_their_direction_changes(alpha: float) -> None:
    run, look = alphas()[4, alpha], CLOSER_LOOK[alpha]
    assert_weights(alpha, (run.net.weights["0.weight"], run.net.weights["1.weight"][:, 0]))
    if alpha < 1000:  # at 1000 the weights stand still, and the article counts gradients
        assert_array_equal(run.direction_changes["0.weight"], look.changes_of_first)
        assert_array_equal(run.direction_changes["1.weight"][:, 0], look.changes_of_second)


def assert_weights(alpha: float, layers: tuple[np.ndarray, np.ndarray]) -> None:
    look = CLOSER_LOOK[alpha]
    columns = slice(None) if alpha < 1000 else [0, 3]  # the columns that other machines get too
    for weights, published in zip(layers, (look.first, look.second), strict=True):
        assert_allclose(weights[..., columns], np.array(published)[..., columns], **look.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("hidden", ERRORS)
def test_all_alphas_side_by_side(hidden: int, engine: str) -> None:
    """Seven networks in one run: the interpreter takes 60,000 steps in 20 s instead of 100."""
    run = names("hidden_sizes")["train_side_by_side"](hidden, engine=engine)
    for index, alpha in enumerate(ALPHAS):
        errors, tolerance = ERRORS[hidden][alpha]
        measured = run.history[f"alpha {alpha:g}"][::10_000]
        assert_allclose(measured[0], AT_START[hidden], **DIGITS_12)
        assert_allclose(measured[1:], errors, **tolerance)
        if hidden == 4:
            weights, look = run.net.weights["weights"][index], CLOSER_LOOK[alpha]
            assert_weights(alpha, (weights[:3], weights[3]))
            changes = np.array([*look.changes_of_first, look.changes_of_second])
            assert_array_equal(run.net.weights["changes"][index], changes)
            if alpha < 1000:
                assert_array_equal(run.direction_changes["weights"][index], changes)


def test_initial_weights() -> None:
    lesson = names("thirteen_lines")
    net = lesson["network"](4, 1).init(lesson["X"])
    assert_allclose(net.weights["0.weight"], FIRST_WEIGHTS, **DIGITS_8)
    assert_allclose(net.weights["1.weight"][:, 0], SECOND_WEIGHTS, **DIGITS_8)
    single = lesson["network"](1).init(lesson["X"]).weights.flat
    assert_allclose(single, FIRST_WEIGHTS[0][:3], **DIGITS_8)


def test_the_articles_claims_about_alpha() -> None:
    runs = alphas()
    best = {hidden: min(ALPHAS, key=lambda a: _last(runs[hidden, a])) for hidden in (4, 32)}
    assert best == {4: 10.0, 32: 10.0}
    assert _last(runs[32, 10.0]) < 0.00095 < 0.0013 < _last(runs[4, 10.0])
    changes = {a: sum(int(x.sum()) for x in runs[4, a].direction_changes.values()) for a in ALPHAS}
    assert changes[0.001] < 10 < changes[1000.0] < changes[10.0] == max(changes.values())


def _last(run: tw.Run) -> float:
    return run.history["mae"][50_000]


# (b) Grokking Deep Learning, chapters 5, 6 and 8 to 10 --------------------------------------------


# The last pass tested on the interpreter, which needs six minutes for all of them.
LAST = {"plain": 20, "dropout": 20, "convolution": 0}
LAST = {} if os.environ.get("TALWEG_ALL_PASSES") else LAST


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_thousand_digits(name: str, engine: str) -> None:
    folder = Path(__file__).parents[3] / "shared" / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip(f"no MNIST in {folder}")
    lesson, published = names("overfitting"), CHAPTERS[name]
    epochs = [e for e in published if engine == "native" or e <= LAST.get(name, e)]
    measured = lesson["learn"](name, lesson["digits"](folder), epochs, engine=engine)
    for epoch, numbers in zip(epochs, measured, strict=True):
        for number, digits in zip(numbers, published[epoch], strict=True):
            assert f"{number + 1e-9:.12f}".startswith(digits), (epoch, numbers)


def streetlights(engine: str, rows: slice = slice(None), epochs: int = 40) -> tw.Run:
    return names("streetlights")["train"](rows, epochs, engine=engine)


def errors_of_passes(engine: str, epochs: int = 40) -> np.ndarray:
    return names("streetlights")["errors"](streetlights(engine, epochs=epochs))


def first_predictions(engine: str) -> list[float]:
    """The prediction for each row before its own step, after training on the rows before it."""
    lesson = names("streetlights")
    predictions = []
    for row, lights in enumerate(lesson["LIGHTS"]):
        net = lesson["one_unit"](lesson["START"])
        if row:
            net = lesson["train"](slice(row), 1, engine=engine).net
        predictions.append(net.predict(lights[None]).item())
    return predictions


def row_0_after(steps: int, engine: str) -> np.ndarray:
    lesson = names("streetlights")
    net = (
        streetlights(engine, slice(0, 1), steps).net
        if steps
        else lesson["one_unit"](lesson["START"])
    )
    return net.predict(lesson["LIGHTS"][:1])[0, 0]


def chapter_5(engine: str) -> list[float]:
    """One unit, one row of three inputs: its predictions, then the weights after the first step."""
    net = names("streetlights")["one_unit"](np.array([[0.1], [0.2], [-0.1]]))
    row, predictions, weights = np.array([[8.5, 0.65, 1.2]]), [], None
    for _ in range(3):
        predictions.append(net.predict(row).item())
        tw.fit(net, row, [1.0], loss="half_sse", optimizer=tw.SGD(lr=0.01), epochs=1, engine=engine)
        weights = net.weights.flat.copy() if weights is None else weights
    return [*predictions, *weights]


def overfit(engine: str) -> list[float]:
    """The errors of row 0 with weights that happen to fit it, and the weights after five steps."""
    start = np.array([[0.5], [0.48], [-0.5]])
    run = names("streetlights")["train"](slice(0, 1), 5, start=start, engine=engine)
    return [*run.history["sse"], *run.net.weights.flat]


def in_code(engine: str, rows: str = "FOUR", draw: int = 1) -> np.ndarray:
    lesson = names("backpropagation_in_code")
    lights, walk = lesson[rows], lesson[f"WALK_OF_{rows}"]
    return lesson["train"](lights, walk, draw, engine=engine).history["sse"] * len(lights)


# (d) Adventure of the Neurons ---------------------------------------------------------------------


def tree(engine: str) -> list[float]:
    """Prediction, loss, new w1, new prediction."""
    lesson = names("tree_age")
    net = lesson["network"]()
    before = net.predict(lesson["TREE"]).item()
    loss = lesson["one_step"](net, engine=engine).history["loss"][0]
    return [before, loss, net.weights["0.weight"][0, 0], net.predict(lesson["TREE"]).item()]


def spiral(engine: str, name: str) -> list[float]:
    """Initial loss, last printed loss, and the accuracy to two digits."""
    (*losses, accuracy), _ = names("spiral")["train"](name, engine=engine)
    return [*losses, round(accuracy, 2)]


class Row(NamedTuple):
    compute: Callable[[str], Any]
    published: Any
    tolerance: dict[str, float]


ROWS = {
    "a: two layers, outputs": Row(
        lambda e: two_layers(e)[0], [0.00966449, 0.00786506, 0.99358898, 0.99211957], DIGITS_8
    ),
    "a: two layers, weights": Row(
        lambda e: two_layers(e)[1], [9.67299303, -0.2078435, -4.62963669], DIGITS_8
    ),
    "a: three layers": Row(three_layers, [AT_START[4], *ERRORS[4][1.0][0]], DIGITS_12),
    "a: two columns": Row(
        two_columns,
        [0.00505119, 0.00505119, 0.99494905, 0.99494905, 5.28316618, -5.28311816],
        DIGITS_8,
    ),
    "a: binary addition": Row(additions, [*ADDITION.values()], DIGITS_8),
    "b: chapter 5": Row(
        chapter_5, [0.86, 0.9637575, 0.9906177228125002, 0.1119, 0.20091, -0.09832], CLOSE
    ),
    "b: row 0 alone": Row(
        lambda e: streetlights(e, slice(0, 1), 20).history["sse"][[0, -1]],
        [0.04, 8.307674973656916e-06],
        CLOSE,
    ),
    "b: row 0 alone, predictions": Row(
        lambda e: [float(row_0_after(steps, e)) for steps in (0, 1, 19)],
        [-0.2, -0.16, -0.002882303761517324],
        CLOSE,
    ),
    "b: streetlights, errors": Row(
        lambda e: errors_of_passes(e)[[0, 1, 2, 3, 4, -1]], PASSES["streetlights"], CLOSE
    ),
    "b: streetlights, from pass 90": Row(
        lambda e: errors_of_passes(e, 190)[-1], 3.6815855403914943e-13, {"rtol": 1e-6}
    ),
    "b: streetlights, first predictions": Row(
        first_predictions, [-0.2, -0.2, -0.56, 0.616, 0.1728, 0.17552], CLOSE
    ),
    "b: streetlights, weights": Row(
        lambda e: streetlights(e).net.weights.flat, [0.01389228, 1.0138147, -0.01599277], DIGITS_8
    ),
    "b: overfit by accident": Row(overfit, [0, 0, 0, 0, 0, 0.5, 0.48, -0.5], CLOSE),
    "b: four rows, passes 10, 20, ..": Row(lambda e: in_code(e)[9::10], PASSES["four"], SQUARES),
    "b: four rows, passes 1, 11, ..": Row(
        lambda e: in_code(e)[::10], PASSES["four, before"], SQUARES
    ),
    "b: six rows": Row(lambda e: in_code(e, "SIX")[9::10], PASSES["six"], SQUARES),
    "b: the fifth pair of weights": Row(
        lambda e: in_code(e, draw=5)[::10], PASSES["fifth draw"], SQUARES
    ),
    "c: the spiral, last of the softmax": Row(
        lambda e: spiral(e, "softmax alone")[1:], [0.786302, 0.49], {"rtol": 0, "atol": 5.1e-7}
    ),
    "c: the spiral, first of the softmax": Row(
        lambda e: spiral(e, "softmax alone")[0], 1.096956, OTHER_START
    ),
    "c: the spiral, hidden units": Row(
        lambda e: spiral(e, "100 hidden units"), [1.098744, 0.245292, 0.98], OTHER_START
    ),
    "d: one step": Row(tree, [6.25, 1.5625, -0.1125, -3.3303], {"rtol": 0, "atol": 5e-5}),
}
LONG = {"a: two layers, outputs", "a: two layers, weights", "a: two columns"}
LONGER = {"a: binary addition", "c: the spiral, hidden units"}
SLOW = {(name, "numpy") for name in LONG} | {*itertools.product(LONGER, ENGINES)}
ELSEWHERE = {("a: three layers", "numpy")}  # tested with all alphas side by side, as alpha 1


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        pytest.param(*case, marks=[pytest.mark.slow] * (case in SLOW))
        for case in itertools.product(ROWS, ENGINES)
        if case not in ELSEWHERE
    ],
)
def test_a_published_number(name: str, engine: str) -> None:
    row = ROWS[name]
    assert_allclose(row.compute(engine), row.published, **row.tolerance)


def test_the_pressure_of_each_row_on_the_weights() -> None:
    lesson = names("streetlights")
    pushes = [lesson["push"](*row) for row in zip(lesson["LIGHTS"], lesson["WALK"], strict=True)]
    signs = [[-1, 0, -1], [0, 1, 1], [0, 0, -1], [1, 1, 1], [0, 1, 1], [-1, 0, -1]]
    assert_array_equal(pushes, signs)
    pushes = [lesson["push"](*row) for row in zip(*lesson["CONFLICTING"], strict=True)]
    assert_array_equal(pushes, [[1, 0, 1], [0, 1, 1], [0, 0, -1], [-1, -1, -1]])


# (c) The circuits of CS231n -----------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("name", CIRCUITS)
def test_a_circuit(name: str, engine: str) -> None:
    """Values and gradients of all named nodes, computed as one graph."""
    output = names("circuits")[name]()
    nodes = {label: output.find(label) for label in CIRCUITS[name]}
    slopes = dict(zip(nodes, gradients(output, list(nodes.values())), strict=True))
    outputs = {f"{label} value": node for label, node in nodes.items()}
    outputs |= {f"{label} gradient": slope for label, slope in slopes.items()}
    inputs = {label: node for label, node in nodes.items() if node.gate is None}
    graph = Graph(inputs, outputs)
    values = {label: node.array for label, node in inputs.items()}
    if engine == "numpy":
        results = dict(zip(outputs, Interpreter(graph).run(*values.values()), strict=True))
    else:
        results = CompiledGraph(graph)(**values)
    for label, published in CIRCUITS[name].items():
        computed = [float(results[f"{label} {part}"]) for part in ("value", "gradient")]
        assert computed == pytest.approx(published, rel=1e-12, abs=1e-12), label
