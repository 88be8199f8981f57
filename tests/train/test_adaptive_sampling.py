"""Adaptive sampling: it is unbiased, follows the gradient of the variance, and minimizes it."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.engine.numpy.interpreter import Interpreter
from talweg.engine.run.outcome import Control
from talweg.errors import SettingError, ShapeError
from talweg.train.methods.adaptive_sampling import PREFIX
from talweg.train.run.job import job_of
from talweg.train.run.lower import DEFAULTS

BOTH = pytest.mark.parametrize("engine", ("numpy", "native"))
SHAPES = [("rows", 1), ("classes", 1), ("rows", 2), ("classes", 2), ("classes", 3), ("given", 3)]
OVER = {"rows": "rows", "classes": "classes", "given": ["b", "a", "a", "c", "b", "a"]}
NEVER = 1e-300  # a learning rate that changes no weight


def table(rows: int = 6, seed: int = 0):
    """A table with few rows of class 1, which are well separated."""
    random = np.random.default_rng(seed)
    y = (np.arange(rows) >= rows - max(1, rows // 20)).astype(int)
    return random.normal(size=(rows, 2)) + 2.0 * y[:, None], y


def network(**settings):
    return tw.Sequential(tw.Dense(3, "tanh", **settings), tw.Dense(1), dtype="float64")


def job(over, size, penalty=None, net=None, X=None, y=None, **settings):
    """A run whose steps move the weights by minus the gradient."""
    X, y = table() if X is None else (X, y)
    net = net or network(weight_penalty=penalty)
    given = {"optimizer": tw.SGD(lr=1.0), "loss": "binary_cross_entropy", "batch_size": size}
    sampler = tw.AdaptiveSampling(strata=over, exploration=0.2, lr=1e-3)
    return job_of(net, X, y, {**DEFAULTS, "sampler": None, **given, **settings}, sampler)


class Enumerated:
    """All possible batches of a run, their probabilities, and a step on each from one state."""

    def __init__(self, job, tau, level=3.0) -> None:
        self.program, self.rows, self.net = job.program, job.rows, job.net
        self.groups = job.program.method.groups
        self.level = level
        self.tau = np.asarray(tau, float)
        soft = np.exp(self.tau) / np.exp(self.tau).sum()
        self.q = 0.8 * soft + 0.2 * self.groups.shares
        self.interpreter = Interpreter(self.program.step)

    def each(self):
        """(probability, d, what tau becomes) for each batch."""
        groups, rows = self.groups, self.rows
        chance = (self.q / groups.sizes)[groups.group_of]
        ratio = (groups.shares / self.q)[groups.group_of]
        state = {f"state.{name}": x for name, x in self.program.state.items()}
        learned = {"tau": self.tau, "shares": self.q, "level": self.level, "steps": 7.0}
        state |= {f"state.{PREFIX}{name}": np.asarray(x) for name, x in learned.items()}
        settings = {f"settings.{name}": x for name, x in self.program.schedule.settings.items()}
        before = self.net.weights.flat
        for places in itertools.product(range(len(rows)), repeat=self.program.schedule.batch_size):
            at = list(places)
            batch = {"x": rows.x[at], "y": rows.y[at], "groups": groups.group_of[at]}
            batch |= {"row_weights": rows.weights[at] * ratio[at]}
            batch |= {"count": np.asarray(len(at) * rows.mean_weight)}
            found = self.interpreter(weights=before, **state, **settings, **batch)
            yield np.prod(chance[at]), before - found["weights"], found[f"state.{PREFIX}tau"]


def spread(job, tau) -> float:
    """E|d|^2 over all batches."""
    return sum(chance * (d @ d) for chance, d, _ in Enumerated(job, tau).each())


def tau_for(job) -> np.ndarray:
    return np.random.default_rng(1).normal(size=len(job.program.method.groups.shares))


@pytest.mark.parametrize("weighed", (False, True))
@pytest.mark.parametrize(("over", "size"), SHAPES)
def test_the_expected_gradient_is_that_of_all_rows(over: str, size: int, weighed: bool) -> None:
    X, y = table()
    weights = np.random.default_rng(2).uniform(0.5, 2, len(y)) if weighed else None
    net = network(weight_penalty=tw.L2(0.1)).init(X, seed=0)
    sampled = job(OVER[over], size, net=net, sample_weight=weights)
    step = Enumerated(sampled, tau_for(sampled))
    assert_allclose(sum(chance for chance, *_ in step.each()), 1)
    mean = sum(chance * d for chance, d, _ in step.each())
    before = net.weights.flat.copy()
    settings = {"loss": "binary_cross_entropy", "batch_size": None, "sample_weight": weights}
    tw.fit(net, X, y, optimizer=tw.SGD(lr=1.0), epochs=1, engine="numpy", **settings)
    assert_allclose(mean, before - net.weights.flat, rtol=1e-9, atol=1e-12)


def test_rows_are_drawn_as_q_says_and_weigh_p_by_q() -> None:
    """Evenly spaced numbers in [0, 1) draw each row as often as its probability says."""
    groups = job(OVER["given"], 1).program.method.groups
    assert_allclose(groups.shares, [3 / 6, 2 / 6, 1 / 6])
    q = np.array([0.2, 0.5, 0.3])
    even = (np.arange(120) + 0.5) / 120
    luck = np.stack([each.ravel() for each in np.meshgrid(even, even)])
    rows, found, ratio = groups.draw(q, luck)
    assert_array_equal(found, groups.group_of[rows])
    assert_allclose(ratio, (groups.shares / q)[found])
    assert_allclose(np.bincount(rows) / len(rows), (q / groups.sizes)[groups.group_of])
    ends = groups.draw(q, np.array([[0.0, 1 - 2**-53], [1 - 2**-53, 0.0]]))
    assert ends[1].tolist() == [0, 2]


@pytest.mark.quick("classes-2-*", "rows-1-*")
@pytest.mark.parametrize("penalty", (None, tw.L2(0.3)))
@pytest.mark.parametrize(("over", "size"), SHAPES)
def test_tau_follows_the_negative_gradient_of_the_variance(over: str, size: int, penalty) -> None:
    """The mean step is lr / m times it; a penalty is equal for all rows and has no effect."""
    sampled = job(OVER[over], size, penalty=penalty)
    tau, small = tau_for(sampled), 1e-5
    step = Enumerated(sampled, tau)
    mean = sum(chance * (after - tau) for chance, _, after in step.each())
    slope = [
        (spread(sampled, tau + each) - spread(sampled, tau - each)) / (2 * small)
        for each in small * np.eye(len(tau))
    ]
    assert_allclose(mean, -1e-3 / step.level * np.array(slope), rtol=1e-5, atol=1e-12)
    assert np.abs(mean).max() > 1e-7


def test_the_scale_of_a_step_is_the_mean_of_earlier_steps() -> None:
    sampler = tw.AdaptiveSampling(lr=1e-3)
    groups, first = np.array([0]), sampler.init(np.array([0.5, 0.5]))

    def step(state, square):
        tensors = {name: tw.constant(each) for name, each in state.items()}
        after = sampler.update(tensors, tw.constant(groups), tw.constant(np.array([square])))
        return {name: each.value for name, each in after.items()}

    second = step(first, 4.0)
    assert_array_equal(second["tau"], first["tau"])
    assert (second["level"], second["steps"]) == (4, 1)
    third = step(second, 8.0)
    slope = 0.9 * 0.5 * np.array([0.5, -0.5]) / 0.5
    assert_allclose(third["tau"] - first["tau"], 1e-3 * (8 / 4 - 1) * slope)
    assert third["level"] == 6
    rare = step(third, 1e9)
    assert_allclose(rare["tau"] - third["tau"], [0.5, -0.5])
    late = step({**third, "steps": np.array(1000.0)}, 106.0)
    assert_allclose(late["level"], 7)


# What it leads to ---------------------------------------------------------------------------------


def row_gradients(net, X, y) -> np.ndarray:
    """The gradient of each row's loss, (N, W)."""
    found = []
    for x, target in zip(X, y, strict=True):
        loss = tw.binary_cross_entropy(net(x[None]), [target])
        loss.backward()
        found.append(np.concatenate([loss.find(name).grad.ravel() for name in net.weights]))
    return np.array(found)


def trace_of_variance(gradients, groups, q) -> float:
    """The variance of one draw with group probabilities q, over all rows."""
    shares, squares = np.bincount(groups) / len(groups), (gradients**2).sum(axis=1)
    means = np.bincount(groups, squares) / np.bincount(groups)
    return (shares**2 / q * means).sum() - (gradients.mean(axis=0) ** 2).sum()


def least(gradients, groups, floor) -> np.ndarray:
    """The q of minimal variance above the floor: p_k times a root mean square, normalized."""
    shares = np.bincount(groups) / len(groups)
    means = np.bincount(groups, (gradients**2).sum(axis=1)) / np.bincount(groups)
    wanted, low, high = shares * np.sqrt(means), 0.0, 1e9
    for _ in range(200):  # the scale at which those above the floor make up 1
        scale = (low + high) / 2
        q = np.maximum(scale * wanted, floor * shares)
        low, high = (scale, high) if q.sum() < 1 else (low, scale)
    return q


@BOTH
@pytest.mark.slow
@pytest.mark.parametrize("size", (1, 4))
@pytest.mark.parametrize("over", ("rows", "classes"))
def test_with_frozen_weights_the_sampler_minimizes_the_variance(over, size, engine) -> None:
    X, y = table(40)
    groups = np.arange(40) if over == "rows" else y
    net = network().init(X, seed=3)
    before = net.weights.flat.copy()
    sampler = tw.AdaptiveSampling(strata=over, lr=0.01 if over == "classes" else 0.03)
    settings = {"loss": "binary_cross_entropy", "batch_size": size, "sampler": sampler}
    epochs = 30 if engine == "numpy" else 200 * size
    run = tw.fit(net, X, y, optimizer=tw.SGD(lr=NEVER), epochs=epochs, engine=engine, **settings)
    assert_allclose(net.weights.flat, before, rtol=0, atol=1e-200)
    gradients, shares = row_gradients(net, X, y), run.watched["sampling/shares"]
    assert shares.shape == (epochs, groups.max() + 1)
    assert_allclose(shares.sum(axis=1), 1)
    uniform = trace_of_variance(gradients, groups, np.bincount(groups) / 40)
    best = trace_of_variance(gradients, groups, least(gradients, groups, 0.1))
    found = trace_of_variance(gradients, groups, shares[-len(shares) // 2 :].mean(axis=0))
    assert best < found < uniform
    if engine == "native":
        assert found - best < 0.1 * (uniform - best)
    square = run.watched["sampling/squared_norm"]
    mean = (gradients.mean(axis=0) ** 2).sum()
    late = square[len(square) // 2 :].mean()
    assert_allclose(late, mean + found / size, rtol=0.15)


# A run --------------------------------------------------------------------------------------------


def with_dropout():
    return tw.Sequential(tw.Dense(5, "tanh"), tw.Dropout(0.3), tw.Dense(1), dtype="float64")


def train(over="classes", build=network, **settings):
    X, y = table(60)
    given = {"loss": "binary_cross_entropy", "epochs": 4, "batch_size": 8, "seed": 1}
    given |= {"optimizer": tw.Adam(lr=0.01), "sampler": tw.AdaptiveSampling(strata=over)}
    return tw.fit(build(), X, y, **{**given, **settings})


SETTINGS = [
    {},
    {"over": "rows", "batch_size": 1},
    {"over": np.arange(60) % 5, "batch_size": None},
    {"validation": 0.25, "metrics": ["accuracy"], "restore_best": True},
    {"class_weight": "balanced", "sample_weight": np.linspace(0.5, 2, 60)},
    {"stop": tw.TargetLoss(10.0), "watch": ["gradient_norm"]},
    {
        "lr_multipliers": {"0": 0.5},
        "optimizer": tw.SGD(lr=tw.CosineDecay(0.1), momentum=0.9, clip_norm=1.0),
    },
    {"build": with_dropout},
]


@pytest.mark.quick("plain", "validation-*")
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda each: "-".join(each) or "plain")
def test_the_engines_agree_and_a_seed_repeats(settings) -> None:
    runs = [train(engine=engine, **settings) for engine in ("numpy", "native", "native")]
    flat = [run.net.weights.flat for run in runs]
    assert_allclose(flat[0], flat[1], rtol=1e-7, atol=1e-10)
    assert_array_equal(flat[1], flat[2])
    for name, values in runs[0].history.items():
        assert_allclose(values, runs[1].history[name], rtol=1e-7)
    for name, values in runs[0].watched.items():
        assert_allclose(values, runs[1].watched[name], rtol=1e-6)
        assert_array_equal(runs[1].watched[name], runs[2].watched[name])
    assert len(runs[0].watched["sampling/shares"]) == runs[0].epochs
    assert "AdaptiveSampling" in runs[0].settings["sampler"]


def test_what_is_watched_and_how_long_an_epoch_is() -> None:
    run = train(epochs=3, batch_size=7)
    assert run.steps == 3 * 9
    assert run.watched["sampling/shares"].shape == (3, 2)
    assert run.watched["sampling/squared_norm"].shape == (3,)
    start = np.bincount(table(60)[1]) / 60
    moved = np.abs(run.watched["sampling/shares"] - start).max(axis=1)
    assert 0 < moved[0] < 0.5


def test_a_sampled_run_ends_like_any_run() -> None:
    assert train(stop=tw.TargetLoss(10.0)).stopped_by == "target_loss"
    assert train(epochs=10**6, stop=tw.TimeBudget(0.05)).stopped_by == "time_budget"
    with pytest.warns(tw.TrainingWarning, match="stopped being finite"):
        run = train("rows", optimizer=tw.SGD(lr=1e200), epochs=50, loss="mse")
    assert run.failure is not None and np.isfinite(run.net.weights.flat).all()
    best = train(validation=(table(60, seed=1)), epochs=30, optimizer=tw.SGD(lr=2.0))
    assert best.best_epoch == 1 + best.history["val_loss"].argmin()


def test_ctrl_c_ends_a_sampled_run() -> None:
    sampled = job("classes", 1, epochs=10**6)
    run = sampled.run(sampled.prepare("native"), Control(stop=True))
    assert run.stopped_by == "interrupted" and run.steps == 0


@pytest.mark.slow
def test_adaptive_sampling_beats_uniform_draws_on_an_imbalanced_table() -> None:
    """At the final weights of each run, drawn gradients have a smaller variance."""
    X, y = table(400, seed=2)
    for over in ("rows", "classes"):
        net = network().init(X, seed=0)
        sampler = tw.AdaptiveSampling(strata=over)
        settings = {"loss": "binary_cross_entropy", "epochs": 20, "batch_size": 1}
        run = tw.fit(net, X, y, optimizer=tw.SGD(lr=0.05), sampler=sampler, **settings)
        groups = y if over == "classes" else np.arange(400)
        gradients = row_gradients(net, X, y)
        uniform = trace_of_variance(gradients, groups, np.bincount(groups) / 400)
        found = trace_of_variance(gradients, groups, run.watched["sampling/shares"][-1])
        assert found < 0.8 * uniform


# What is refused ----------------------------------------------------------------------------------


class Centred(tw.Module):
    def __call__(self, x):
        return self.parameter("w", (2,), tw.Constant(1.0)) * (x - tw.mean(x, 0))


def sampler(**settings):
    return tw.AdaptiveSampling(**settings)


REFUSED = [
    ({"sampler": "rows"}, r"sampler must be tw.AdaptiveSampling\(...\) or None"),
    ({"loss": "mse"}, "needs classes"),
    ({"sampler": sampler(strata=[0, 1])}, "strata have 2 entries, but there are 60 training rows"),
    (
        {"sampler": sampler(strata=np.arange(60)), "validation": 0.5},
        "strata have 60 entries, but there",
    ),
    ({"optimizer": "lbfgs", "batch_size": None}, "LBFGS uses all rows in each step"),
    ({"shuffle": False}, "contradicts shuffle=False"),
    ({"checkpoint": "run.talweg"}, "cannot be resumed yet; leave checkpoint out"),
    ({"build": lambda: tw.Sequential(Centred(), tw.Dense(1))}, "combines the rows of a batch"),
    ({"build": lambda: tw.Sequential(tw.Dense(3), tw.BatchNorm(), tw.Dense(1))}, "BatchNorm"),
]


@pytest.mark.parametrize(("settings", "words"), REFUSED, ids=lambda each: str(each)[:30])
def test_settings_that_do_not_go_with_a_sampler_are_refused(settings, words: str) -> None:
    with pytest.raises((SettingError, ShapeError), match=words):
        train(**settings)


@pytest.mark.parametrize(
    "settings",
    [{"strata": "columns"}, {"strata": 3}, {"lr": 0}, {"exploration": 0}, {"exploration": 1}],
)
def test_settings_out_of_bounds(settings) -> None:
    with pytest.raises(SettingError, match="AdaptiveSampling: "):
        tw.AdaptiveSampling(**settings)


def test_sweep_and_lower_refuse_a_sampler() -> None:
    X, y = table()
    given = {"sampler": tw.AdaptiveSampling()}
    with pytest.raises(SettingError, match="sampler works only for single runs"):
        tw.sweep(network, X, y, over={"seed": [0]}, **given)
    with pytest.raises(SettingError, match="sampler works only for single runs"):
        tw.lower(network(), X, y, **given)
