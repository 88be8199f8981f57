"""BFGS and L-BFGS: the line search, the curvature, whole runs beside SciPy's, and refusals."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.errors import SettingError, TrainingWarning
from talweg.optim.bfgs import DenseInverse, LimitedMemory
from talweg.optim.full_batch import Point
from talweg.optim.line_search import LineSearch, Trial, cubic_minimum

BOTH = pytest.mark.parametrize("engine", ("numpy", "native"))
DTYPES = pytest.mark.parametrize("dtype", ("float32", "float64"))
RULES = pytest.mark.parametrize("rule", [tw.BFGS(), tw.LBFGS()], ids=["BFGS", "LBFGS"])

# The line search alone ----------------------------------------------------------------------------

CURVES = {
    "parabola": (lambda a: (a - 3.0) ** 2, lambda a: 2 * (a - 3.0)),
    "far": (lambda a: (a / 1e3 - 1) ** 2, lambda a: 2e-3 * (a / 1e3 - 1)),
    "near": (lambda a: (1e3 * a - 1) ** 2, lambda a: 2e3 * (1e3 * a - 1)),
    "waves": (lambda a: a * a / 40 - math.sin(3 * a), lambda a: a / 20 - 3 * math.cos(3 * a)),
    "More & Thuente 5.1": (
        lambda a: -a / (a * a + 2),
        lambda a: (a * a - 2) / (a * a + 2) ** 2,
    ),
    "wall": (
        lambda a: (a - 0.05) ** 2 if a < 0.1 else math.nan,
        lambda a: 2 * (a - 0.05) if a < 0.1 else math.nan,
    ),
}


def along(name: str):
    """A curve as trials, and the step lengths that were tried."""
    height, slope = CURVES[name]
    tried: list[float] = []

    def at(rate: float) -> Trial:
        tried.append(rate)
        gradient = np.array([slope(rate)])
        return Trial(rate, Point(np.array([rate]), height(rate), gradient), slope(rate))

    return at, tried


@pytest.mark.parametrize("c2", (0.9, 0.1))
@pytest.mark.parametrize("rate", (1.0, 1e-2, 30.0))
@pytest.mark.parametrize("name", CURVES)
def test_strong_wolfe(name: str, rate: float, c2: float) -> None:
    at, tried = along(name)
    start = at(0.0)
    search = LineSearch(at, start, 1e-4, c2, 40)
    end = search.run(rate)
    assert end is not None
    assert end.value <= start.value + 1e-4 * end.length * start.slope
    assert abs(end.slope) <= -c2 * start.slope
    assert search.done == len(tried) - 1 <= 16
    assert tried[1] == rate


def test_the_search_stops_after_max_eval_and_keeps_the_lowest_point() -> None:
    at, tried = along("waves")
    search = LineSearch(at, at(0.0), 1e-4, 1e-9, 4)
    assert search.run(1.0) is None
    assert len(tried) == 5
    assert search.lowest.value == min(CURVES["waves"][0](rate) for rate in tried)


def test_a_gradient_of_nan_counts_as_infinite() -> None:
    """The loss may still be finite there, and lower."""
    beyond = Trial(1.0, Point(np.zeros(1), -5.0, np.array([math.nan])), math.nan)
    assert beyond.value == math.inf


def test_the_start_is_returned_if_no_point_is_lower() -> None:
    """A wrong slope: the curve only rises."""

    def at(rate: float) -> Trial:
        return Trial(rate, Point(np.zeros(1), rate, np.ones(1)), -1.0)

    search = LineSearch(at, at(0.0), 1e-4, 0.9, 8)
    assert search.run(1.0) is None
    assert search.lowest is search.start


def test_cubic_minimum() -> None:
    """That of a^3 - 3 a + 2 is at 1, from any two points; a line has none."""

    def at(a: float) -> Trial:
        return Trial(a, Point(np.zeros(1), a**3 - 3 * a + 2, np.zeros(0)), 3 * a * a - 3)

    for first, second in ((0.0, 3.0), (3.0, 0.0), (0.2, 0.4), (1.5, 2.0)):
        assert cubic_minimum(at(first), at(second)) == pytest.approx(1.0)
    line = [Trial(a, Point(np.zeros(1), -a, np.zeros(0)), -1.0) for a in (0.0, 1.0)]
    assert math.isnan(cubic_minimum(*line))


# The curvature alone ------------------------------------------------------------------------------


def steps_on_a_bowl(size: int, count: int):
    """Steps s and changes y = A s of the gradient of 1/2 w'Aw."""
    random = np.random.default_rng(3)
    half = random.normal(size=(size, size))
    bowl = half @ half.T + np.eye(size)
    return bowl, [(step, bowl @ step) for step in random.normal(size=(count, size))]


def test_the_inverse_hessian_agrees_with_the_book() -> None:
    """Equation 6.17, written out, and the secant equation H y = s."""
    _, steps = steps_on_a_bowl(6, 5)
    matrix, identity = DenseInverse(), np.eye(6)
    (step, change) = steps[0]
    expected = identity * (step @ change) / (change @ change)
    for step, change in steps:
        matrix.update(step, change)
        r = 1 / (change @ step)
        left = identity - r * np.outer(step, change)
        expected = left @ expected @ left.T + r * np.outer(step, step)
        assert_allclose(matrix.times(change), step, rtol=1e-10, atol=1e-12)
    gradient = np.arange(6.0)
    assert_allclose(matrix.times(gradient), expected @ gradient, rtol=1e-10)


def test_the_two_loop_recursion_agrees_with_the_matrix() -> None:
    """L-BFGS is BFGS on the stored pairs, starting from I s'y/y'y of the last pair."""
    _, steps = steps_on_a_bowl(6, 7)
    pairs, identity = LimitedMemory(4), np.eye(6)
    for step, change in steps:
        pairs.update(step, change)
    step, change = steps[-1]
    expected = identity * (step @ change) / (change @ change)
    for step, change in steps[-4:]:
        left = identity - np.outer(step, change) / (change @ step)
        expected = left @ expected @ left.T + np.outer(step, step) / (change @ step)
    gradient = np.arange(6.0)
    assert_allclose(pairs.times(gradient), expected @ gradient, rtol=1e-10)


# Whole runs ---------------------------------------------------------------------------------------


class Place(tw.Module):
    """A network whose output is a point, whatever the rows."""

    def __init__(self, start, dtype: str = "float64") -> None:
        self.dtype, self.start = dtype, np.array(start, float)

    def __call__(self, x):
        return 0.0 * x + self.parameter("place", self.start.shape, self.start)


def valley(place, target):
    """Rosenbrock's function in any number of dimensions."""
    x, y = place[:, :-1], place[:, 1:]
    return tw.sum((1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2, 1)


def go(start, rule, loss=valley, dtype: str = "float64", epochs: int = 300, **settings) -> tw.Run:
    rows = np.zeros((1, len(start)))
    settings = {"batch_size": None, **settings}
    net = Place(start, dtype)
    return tw.fit(net, rows, rows, loss=loss, optimizer=rule, epochs=epochs, **settings)


@pytest.mark.slow
@BOTH
@RULES
@pytest.mark.parametrize("size", (2, 10))
def test_rosenbrock_agrees_with_scipy(size: int, rule: tw.FullBatch, engine: str) -> None:
    """From SciPy's usual start, or one from which it finds the lower of two minima."""
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")
    start = [-1.2, 1.0] if size == 2 else [0.5, -0.3] * 5
    name, settings = ("BFGS", {}) if isinstance(rule, tw.BFGS) else ("L-BFGS-B", {"ftol": 1e-15})
    theirs = optimize.minimize(
        optimize.rosen, start, jac=optimize.rosen_der, method=name, options=settings
    )
    assert theirs.fun < 1e-8
    run = go(start, rule, engine=engine)
    losses, passes = run.history["loss"], run.watched["passes"].cumsum()
    done = int(np.argmax(losses < max(theirs.fun, 1e-13)))
    assert 0 < done <= 1.5 * theirs.nit + 3
    assert passes[done - 1] <= 1.5 * theirs.nfev + 3
    assert losses[-1] < 1e-8
    assert_allclose(run.net.weights["place"], 1, atol=1e-8)


@DTYPES
@RULES
def test_rosenbrock_ends_by_itself(rule: tw.FullBatch, dtype: str) -> None:
    run = go([-1.2, 1.0], rule, dtype=dtype)
    assert run.stopped_by == "no_descent"
    assert "no step along the gradient lowers the loss" in run.stop_reason
    assert run.epochs == run.steps < 100
    assert run.watched["step_length"][-1] == 0
    assert_allclose(run.net.weights["place"], 1, atol=1e-3 if dtype == "float32" else 1e-8)
    assert (np.diff(run.history["loss"]) <= 0).all()


DATA = np.random.default_rng(0)
X = DATA.normal(size=(120, 4))
Y = np.sin(2 * X[:, :1]) * X[:, 1:2] + 0.1 * DATA.normal(size=(120, 1))


def net_of(dtype: str = "float64") -> tw.Module:
    net = tw.Sequential(tw.Dense(12, "tanh"), tw.Dense(1))
    net.dtype = dtype
    return net


def train(rule, epochs: int = 40, dtype: str = "float64", **settings) -> tw.Run:
    settings = {"batch_size": None, **settings}
    return tw.fit(net_of(dtype), X, Y, optimizer=rule, epochs=epochs, **settings)


@pytest.mark.quick("float64-BFGS")
@RULES
@DTYPES
def test_a_net_learns_more_than_by_gradient_descent(rule: tw.FullBatch, dtype: str) -> None:
    """With the same number of passes, at the best of several learning rates."""
    run = train(rule, 60, dtype)
    passes = int(run.watched["passes"].sum()) + 1
    rates = (0.01, 0.03, 0.1, 0.3)
    plain = [train(tw.SGD(lr=rate), passes, dtype).history["loss"][-1] for rate in rates]
    assert run.history["loss"][-1] < 0.2 * min(plain)


@pytest.mark.slow
@RULES
def test_a_network_trains_as_with_scipy(rule: tw.FullBatch) -> None:
    """The same loss and gradient, minimised by SciPy, falls about as fast: in geometric mean.

    BFGS is allowed more, since SciPy's starts with H = I, which fits this net, but not its unit.
    """
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")
    net = net_of()
    net.init(X)
    sizes = [(name, each.shape, each.size) for name, each in net.weights.items()]

    def height(w):
        at, start = {}, 0
        for name, shape, size in sizes:
            at[name], start = w[start : start + size].reshape(shape), start + size
        hidden = np.tanh(X @ at["0.weight"] + at["0.bias"])
        gap = hidden @ at["1.weight"] + at["1.bias"] - Y
        back = 2 * gap / gap.size
        inner = (back @ at["1.weight"].T) * (1 - hidden**2)
        found = {"0.weight": X.T @ inner, "0.bias": inner.sum(0)}
        found |= {"1.weight": hidden.T @ back, "1.bias": back.sum(0)}
        return (gap**2).mean(), np.concatenate([found[name].ravel() for name, *_ in sizes])

    name = "BFGS" if isinstance(rule, tw.BFGS) else "L-BFGS-B"
    ratios = []
    for seed in range(3):
        net.init(X, seed=seed)
        first = net.weights.flat.copy()
        theirs = optimize.minimize(height, first, jac=True, method=name, options={"maxiter": 60})
        run = tw.fit(net, X, Y, optimizer=rule, epochs=61, batch_size=None)
        assert run.history["loss"][0] == pytest.approx(height(first)[0], rel=1e-12)
        assert run.watched["passes"][:60].sum() < 1.2 * theirs.nfev
        ratios.append(run.history["loss"][60] / theirs.fun)
    assert np.exp(np.log(ratios).mean()) < (2.5 if isinstance(rule, tw.BFGS) else 1.3)


@RULES
def test_engines_agree(rule: tw.FullBatch) -> None:
    """Up to rounding errors, which grow during a search."""
    runs = [train(rule, 15, engine=engine, metrics="mae") for engine in ("numpy", "native")]
    for name in ("loss", "mae"):
        assert_allclose(*(each.history[name] for each in runs), rtol=1e-7)
    assert_array_equal(*(each.watched["passes"] for each in runs))
    assert_allclose(*(each.net.weights.flat for each in runs), rtol=1e-5, atol=1e-7)


def test_a_longer_history_converges_faster() -> None:
    """A history of 20 steps reaches a lower loss than a history of one."""
    found = {size: train(tw.LBFGS(history_size=size), 40).history["loss"][-1] for size in (1, 20)}
    assert found[20] < 0.8 * found[1]


# In a run like any other --------------------------------------------------------------------------


@BOTH
def test_validation_stops_and_keeps_the_best(engine: str) -> None:
    run = train(
        tw.LBFGS(), 200, validation=0.5, stop=tw.EarlyStopping(10), metrics="mae", engine=engine
    )
    assert run.stopped_by == "early_stopping"
    assert set(run.history) == {"loss", "mae", "val_loss", "val_mae"}
    best = int(np.argmin(run.history["val_loss"]))
    assert run.best_epoch == best + 1 < run.epochs
    assert len(run.watched["passes"]) == run.epochs


def test_the_best_weights_have_the_lowest_loss_over_all_rows() -> None:
    run = train(tw.LBFGS(), 12, restore_best=True, engine="numpy")
    more = train(tw.LBFGS(), 13, engine="numpy")
    gap = run.net.predict(X) - Y
    assert run.best_epoch == 12
    assert (gap**2).mean() == pytest.approx(more.history["loss"][12], rel=1e-12)


@BOTH
def test_time_budget(engine: str) -> None:
    run = train(tw.LBFGS(), 10**6, stop=tw.TimeBudget(0.05), engine=engine)
    assert run.stopped_by in ("time_budget", "no_descent")
    assert run.epochs == len(run.history["loss"]) > 0


def test_penalties_are_part_of_the_objective() -> None:
    """Ridge regression, the mean of (x'w - y)^2 plus 0.3 w'w, has a single minimum."""
    net = tw.Sequential(tw.Dense(1, bias=False, weight_penalty=tw.L2(0.3)))
    net.dtype = "float64"
    run = tw.fit(net, X, Y, loss="mse", optimizer=tw.LBFGS(), epochs=100, batch_size=None)
    expected = np.linalg.solve(X.T @ X / 120 + 0.3 * np.eye(4), X.T @ Y / 120)
    assert_allclose(run.net.weights["0.weight"], expected, atol=1e-7)
    assert run.stopped_by == "no_descent"


def test_sweeps_take_them() -> None:
    over = {"optimizer": [tw.LBFGS(), tw.BFGS()], "seed": [0, 1, 2]}
    swept = tw.sweep(net_of, X, Y, over=over, epochs=5, batch_size=None)
    assert swept.programs == 1  # the passes are the same
    for rule, seed, found in zip([*[0] * 3, *[1] * 3], [0, 1, 2] * 2, swept.runs, strict=True):
        alone = train(over["optimizer"][rule], 5, seed=seed)
        assert_array_equal(found.net.weights.flat, alone.net.weights.flat)


def test_full_batch_methods_run_separately_in_a_sweep() -> None:
    """Optimizers with one step a batch train networks of this size as replicas."""
    build, rows = (lambda: tw.Sequential(tw.Dense(1))), (X[:4], Y[:4])
    settings = {"optimizer": tw.LBFGS(), "epochs": 3, "batch_size": None}
    swept = tw.sweep(build, *rows, over={"seed": range(6)}, **settings)
    for seed, found in enumerate(swept.runs):
        alone = tw.fit(build(), *rows, seed=seed, **settings)
        assert_array_equal(found.net.weights.flat, alone.net.weights.flat)


# What goes wrong ----------------------------------------------------------------------------------


def box(place, target):
    """-log x - log(1 - x) + x: no number outside of (0, 1), and a gradient that leads there."""
    x = place[:, 0]
    return x - 0.01 * tw.log(x) - 0.01 * tw.log(1.0 - x)


@BOTH
@DTYPES
@RULES
def test_a_trial_of_nan_shortens_the_step(rule: tw.FullBatch, dtype: str, engine: str) -> None:
    run = go([0.9], rule, box, dtype, engine=engine)
    assert run.failure is None
    x = run.net.weights["place"][0]
    assert 1 - 0.01 / x + 0.01 / (1 - x) == pytest.approx(
        0, abs=1e-2 if dtype == "float32" else 1e-6
    )


@BOTH
def test_a_run_from_nan_fails(engine: str) -> None:
    with pytest.warns(TrainingWarning, match="first NaN or infinity came from gate log"):
        run = go([-1.0], tw.LBFGS(), box, engine=engine)
    assert run.stopped_by == "non_finite"
    assert run.failure is not None
    assert "other weights" in run.stop_reason
    assert "lr" not in run.stop_reason
    assert run.epochs == 0
    assert_array_equal(run.net.weights["place"], [-1.0])


def test_a_failed_line_search_continues_from_the_lowest_point() -> None:
    """With few passes a step, many line searches fail, but the loss still falls."""
    run = go([-1.2, 1.0], tw.BFGS(max_eval=5, c2=1e-4), epochs=3000)
    assert (np.diff(run.history["loss"]) <= 0).all()
    assert run.history["loss"][-1] < 1e-3 * run.history["loss"][0]


def test_a_run_ends_with_a_reason_at_a_kink() -> None:
    """|x| + 3 |y| has a gradient at its minimum, which leads no lower."""

    def kinks(place, target):
        return tw.absolute(place[:, 0]) + 3.0 * tw.absolute(place[:, 1])

    run = go([1.0, 2.0], tw.LBFGS(), kinks)
    assert run.stopped_by == "no_descent"
    assert run.epochs < 300
    assert run.history["loss"][-1] < run.history["loss"][0]
    assert_array_equal(run.history["loss"][-1], np.abs(run.net.weights["place"]) @ [1, 3])


DROPS = (
    (tw.Dropout(0.5), "draws random numbers"),
    (tw.BatchNorm(), "BatchNorm; LayerNorm does not"),
)


@RULES
@pytest.mark.parametrize(("layer", "words"), DROPS)
def test_unsuitable_networks_are_refused(rule: tw.FullBatch, layer: tw.Module, words: str) -> None:
    net = tw.Sequential(tw.Dense(5), layer, tw.Dense(1))
    with pytest.raises(SettingError, match=words):
        tw.fit(net, X, Y, optimizer=rule, batch_size=None)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"batch_size": 32},
            (
                "LBFGS uses all 120 rows in each step, but batch_size=32 was given; give "
                "batch_size=None"
            ),
        ),
        ({"watch": "epoch"}, "watch needs an optimizer that makes one step per batch"),
        (
            {"lr_multipliers": {"0": 0.1}},
            "lr_multipliers needs an optimizer that makes one step per batch",
        ),
    ],
)
def test_invalid_settings_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        train(tw.LBFGS(), **settings)


def test_a_matrix_that_is_too_large_is_refused() -> None:
    net = tw.Sequential(tw.Dense(1000), tw.Dense(1))
    with pytest.raises(SettingError, match=r"6001 by 6001 .* use tw\.LBFGS"):
        tw.fit(net, X, Y, optimizer="bfgs", batch_size=None)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (tw.LBFGS, {"history_size": 0}),
        (tw.LBFGS, {"history_size": tw.CosineDecay(10)}),
        (tw.BFGS, {"max_eval": 4}),
        (tw.BFGS, {"c1": 0}),
        (tw.BFGS, {"c2": 1.0}),
    ],
)
def test_invalid_numbers_are_refused(kind: type, settings: dict) -> None:
    with pytest.raises(SettingError, match=f"{kind.__name__}: {next(iter(settings))} must be"):
        kind(**settings)


def test_losses_by_name() -> None:
    assert_array_equal(train("lbfgs", 3).net.weights.flat, train(tw.LBFGS(), 3).net.weights.flat)
