"""Watched quantities: each against a NumPy reference, on both engines."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.graph.functions import concatenate
from talweg.train.run.watching import Watch

ENGINES = ("numpy", "native")
RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(7, 3))
Y = RANDOM.normal(size=(7, 1))
LR, SIZE, EPOCHS = 0.1, 3, 4  # the last batch of an epoch has one row
OF_PARAMETERS = ("gradient_norm", "update_ratio", "direction_changes")


def weights() -> dict[str, np.ndarray]:
    """Weights of a 3-4-5-1 net with a dead relu, saturated sigmoids, and biases of 0."""
    random = np.random.default_rng(7)
    shapes = {"0": (3, 4), "1": (4, 5), "2": (5, 1)}
    found = {}
    for layer, shape in shapes.items():
        found[f"{layer}.weight"] = random.normal(size=shape)
        found[f"{layer}.bias"] = np.zeros(shape[1])
    found["0.bias"][1] = -20.0
    found["1.bias"][2] = 3.8
    return found


def network(**settings: Any) -> tw.Sequential:
    parts = tw.Dense(4, "relu"), tw.Dense(5, "sigmoid"), tw.Dense(1)
    net = tw.Sequential(*parts, dtype="float64", **settings)
    net.weights = weights()
    return net


def fit(net: tw.Module, **settings: Any) -> tw.Run:
    given = {"optimizer": tw.SGD(lr=LR), "epochs": EPOCHS, "batch_size": SIZE, "shuffle": False}
    return tw.fit(net, X, Y, **{**given, **settings})


# The same in plain NumPy ------------------------------------------------------------------------


def layers_of(w: dict[str, np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    first = np.maximum(x @ w["0.weight"] + w["0.bias"], 0)
    second = 1 / (1 + np.exp(-(first @ w["1.weight"] + w["1.bias"])))
    return [first, second, second @ w["2.weight"] + w["2.bias"]]


def gradients_of(w: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """The gradients of the mean squared error, by hand."""
    first, second, output = layers_of(w, x)
    last = 2 * (output - y) / len(x)
    middle = last @ w["2.weight"].T * second * (1 - second)
    early = middle @ w["1.weight"].T * (first > 0)
    found = {}
    sides = ((x, early), (first, middle), (second, last))
    for layer, (before, delta) in enumerate(sides):
        found[f"{layer}.weight"], found[f"{layer}.bias"] = before.T @ delta, delta.sum(axis=0)
    return found


def ratio(update: np.ndarray, before: np.ndarray) -> float:
    moved, size = np.linalg.norm(update), np.linalg.norm(before)
    return float(moved / size) if size else float(moved > 0)


class Reference:
    """A run of SGD in NumPy that records every quantity at every step."""

    def __init__(self, size: int = SIZE) -> None:
        self.watched: dict[str, list[float]] = {}
        self.up: dict[str, np.ndarray] = {}
        self.counts = {name: np.zeros(each.shape, int) for name, each in weights().items()}
        self.w = weights()
        for _ in range(EPOCHS):
            for start in range(0, len(X), size):
                self.step(X[start : start + size], Y[start : start + size])

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        self.watch_layers(layers_of(self.w, x))
        for name, gradient in gradients_of(self.w, x, y).items():
            before = self.w[name]
            self.w[name] = before - LR * gradient
            self.watch_parameter(name, before, self.w[name] - before, gradient)

    def note(self, name: str, value: float) -> None:
        self.watched.setdefault(name, []).append(float(value))

    def watch_parameter(self, name: str, before: Any, update: Any, gradient: Any) -> None:
        self.note(f"{name}/gradient_norm", np.linalg.norm(gradient))
        self.note(f"{name}/update_ratio", ratio(update, before))
        up = update > 0
        changed = up != self.up.get(name, up)
        self.up[name] = up
        self.counts[name] += changed
        self.note(f"{name}/direction_changes", changed.mean())

    def watch_layers(self, outputs: list[np.ndarray]) -> None:
        for layer, output in enumerate(outputs):
            self.note(f"{layer}/activation_mean", output.mean())
            self.note(f"{layer}/activation_spread", output.std())
        self.note("0/dead", (outputs[0].max(axis=0) <= 0).mean())
        self.note("1/saturated", (np.minimum(outputs[1], 1 - outputs[1]) < 0.02).mean())


REFERENCE = Reference()


@cache
def watched_run(engine: str) -> tw.Run:
    """The same run by talweg."""
    return fit(network(), watch="step", engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", sorted(REFERENCE.watched))
def test_each_quantity_equals_a_numpy_reference(engine: str, name: str) -> None:
    run = watched_run(engine)
    # one pass over numbers near each other leaves a spread of some 1e-8 of them undecided
    assert_allclose(run.watched[name], REFERENCE.watched[name], rtol=1e-9, atol=3e-8)
    assert np.ptp(REFERENCE.watched[name]) > 0 or name == "0/dead"


def test_the_reference_has_dead_and_saturated_units() -> None:
    assert 0 < min(REFERENCE.watched["0/dead"]) < 1
    assert 0 < max(REFERENCE.watched["1/saturated"]) < 1
    assert max(each.max() for each in REFERENCE.counts.values()) > 2


@pytest.mark.parametrize("engine", ENGINES)
def test_direction_changes_are_counted_for_each_weight(engine: str) -> None:
    run = fit(network(), watch=["direction_changes"], engine=engine)
    for name, counts in REFERENCE.counts.items():
        assert_array_equal(run.direction_changes[name], counts)
        assert run.direction_changes[name].dtype.kind == "i"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("watch", [True, "epoch", ["epoch", *OF_PARAMETERS]])
def test_an_epoch_has_the_mean_of_its_steps(engine: str, watch: Any) -> None:
    run = fit(network(), watch=watch, engine=engine)
    for name, values in run.watched.items():
        means = np.reshape(REFERENCE.watched[name], (EPOCHS, -1)).mean(axis=1)
        assert_allclose(values, means, rtol=1e-9, atol=3e-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_long_epoch_has_the_mean_of_some_steps(engine: str) -> None:
    """Every second of seven steps is watched; direction changes are counted in all."""
    reference = Reference(size=1)
    run = fit(network(), batch_size=1, watch=True, engine=engine)
    for name, values in run.watched.items():
        some = np.reshape(reference.watched[name], (EPOCHS, 7))[:, ::2]
        assert_allclose(values, some.mean(axis=1), rtol=1e-9, atol=3e-8)
    for name, counts in reference.counts.items():
        assert_array_equal(run.direction_changes[name], counts)


@pytest.mark.parametrize(
    ("steps", "every"),
    [
        *((1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (45, 12), (48, 12), (192, 12)),
        *((193, 13), (469, 30), (4080, 255), (10**6, 255)),
    ],
)
def test_which_steps_are_watched(steps: int, every: int) -> None:
    assert Watch().every(steps) == every
    assert Watch(steps=True).every(steps) == 1


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("watch", [None, False, []])
def test_nothing_is_watched_unless_asked_for(engine: str, watch: Any) -> None:
    run = fit(network(), watch=watch, engine=engine)
    assert (run.watched, run.direction_changes) == ({}, {})
    assert [*run.history] == ["loss"]


@pytest.mark.parametrize(
    ("watch", "names"),
    [
        (True, sorted(REFERENCE.watched)),
        ("step", sorted(REFERENCE.watched)),
        (["0/dead"], ["0/dead"]),
        ("dead", ["0/dead"]),
        (["step", "dead", "2"], ["0/dead", "2/activation_mean", "2/activation_spread"]),
        (["1.bias"], sorted(f"1.bias/{each}" for each in OF_PARAMETERS)),
        (["update_ratio"], sorted(f"{name}/update_ratio" for name in weights())),
    ],
)
def test_names_select_what_is_watched(watch: Any, names: list[str]) -> None:
    run = fit(network(), watch=watch, engine="numpy", epochs=1)
    assert sorted(run.watched) == names
    counts = any(name.endswith("/direction_changes") for name in names)
    assert [*run.direction_changes] == ([*weights()] if counts else [])


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        (["gradient_nrom"], "gradient_norm"),
        ("0/ded", "0/dead"),
        (3, "watch is None"),
        ([1, 2], "watch is None"),
    ],
)
def test_what_cannot_be_watched_is_refused(watch: Any, words: str) -> None:
    net = network()
    with pytest.raises(tw.TalwegError, match=words):
        fit(net, watch=watch)


def test_a_metric_cannot_have_the_name_of_a_watched_output() -> None:
    metric = tw.Metric("watched.0/dead", lambda p, y: p.sum(axis=1))
    with pytest.raises(tw.TalwegError, match="another name"):
        fit(network(), metrics=[metric])


# What watching leaves as it is ------------------------------------------------------------------


class Unit(tw.optim.Optimizer):
    """Normalized steps, in which weights depend on each other."""

    def update(self, weights: Any, gradient: Any, state: Any) -> Any:
        norm = tw.gates.sqrt((gradient * gradient).sum())
        return weights - self.lr * gradient / norm, {}


class Shifted(tw.optim.Optimizer):
    """Each weight moves along the gradient of the next."""

    def update(self, weights: Any, gradient: Any, state: Any) -> Any:
        return weights - self.lr * concatenate([gradient[1:], gradient[:1]]), {}


class Paced(tw.optim.Optimizer):
    """A state with a shape of its own."""

    def init(self, weights: Any) -> Any:
        return {"pace": np.ones(3)}

    def update(self, weights: Any, gradient: Any, state: Any) -> Any:
        return weights - self.lr * state["pace"][0] * gradient, {"pace": state["pace"] * 0.9}


RULES = [
    tw.SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    Unit(lr=0.1),
    *(
        pytest.param(rule, marks=pytest.mark.slow)
        for rule in (
            tw.SGD(lr=0.1),
            tw.Adam(lr=0.05),
            tw.AdamW(lr=0.05),
            Shifted(lr=0.1),
            Paced(lr=0.1),
        )
    ),
]


@pytest.mark.quick("numpy-*", "native-Unit*", "Unit*", "*-numpy")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_watching_changes_no_bit_of_a_run(engine: str, rule: Any) -> None:
    settings = {"optimizer": rule, "engine": engine, "validation": 0.3, "metrics": ["mae"]}
    plain, watched = fit(network(), **settings), fit(network(), watch="step", **settings)
    assert_array_equal(plain.net.weights.flat, watched.net.weights.flat)
    assert [*plain.history] == [*watched.history]
    for name, values in plain.history.items():
        assert_array_equal(values, watched.history[name])


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_the_engines_agree(rule: Any) -> None:
    runs = [fit(network(), optimizer=rule, watch=True, engine=each) for each in ENGINES]
    assert [*runs[0].watched] == [*runs[1].watched]
    for name, values in runs[0].watched.items():
        assert_allclose(runs[1].watched[name], values, rtol=1e-8, atol=3e-8)


@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 2])
@pytest.mark.parametrize(
    "rule", [pytest.param(tw.SGD(lr=0.01), marks=pytest.mark.slow), tw.Adam()], ids=repr
)
def test_the_engines_agree_on_parameters_shared_among_threads(threads: int, rule: Any) -> None:
    x = RANDOM.normal(size=(130, 33))
    y = RANDOM.integers(0, 3, 130)
    runs = []
    for engine in ENGINES:
        parts = tw.Dense(80, "relu"), tw.Dense(40, "tanh"), tw.Dense(3)
        net = tw.Sequential(*parts, dtype="float64").init(x, seed=1)
        settings = {"loss": "cross_entropy", "epochs": 3, "batch_size": 16, "watch": True}
        runs.append(tw.fit(net, x, y, optimizer=rule, engine=engine, threads=threads, **settings))
    for name, values in runs[0].watched.items():
        assert_allclose(runs[1].watched[name], values, rtol=1e-8, atol=3e-8)
    for name, counts in runs[0].direction_changes.items():
        assert_array_equal(runs[1].direction_changes[name], counts)


# Layers and ends ----------------------------------------------------------------------------------


class Own(tw.Module):
    """Applies an activation to a part's output, adds, and keeps an extra axis."""

    def __init__(self) -> None:
        self.first, self.out = tw.Dense(3), tw.Dense(2, "tanh")

    def __call__(self, x: Any) -> Any:
        hidden = tw.maximum(self.first(x), 0)
        return self.out(hidden + 1).sum(axis=1)


@pytest.mark.parametrize("engine", ENGINES)
def test_layers_of_a_custom_module(engine: str) -> None:
    x, y = RANDOM.normal(size=(6, 4, 5)), RANDOM.normal(size=(6, 2))
    net = Own().init(x, seed=2)
    w = net.weights.copy()
    settings = {"epochs": 1, "batch_size": None, "engine": engine, "watch": ["first", "out", "Own"]}
    run = tw.fit(net, x, y, **settings)
    hidden = np.maximum(x @ w["first.weight"] + w["first.bias"], 0)
    output = np.tanh((hidden + 1) @ w["out.weight"] + w["out.bias"])
    expected = {
        "first/activation_mean": hidden.mean(),
        "first/activation_spread": hidden.std(),
        "first/dead": (hidden.max(axis=(0, 1)) <= 0).mean(),
        "out/activation_mean": output.mean(),
        "out/activation_spread": output.std(),
        "out/saturated": (np.abs(output) > 0.98).mean(),
        "Own/activation_mean": output.sum(axis=1).mean(),
        "Own/activation_spread": output.sum(axis=1).std(),
    }
    assert {*run.watched} == {*expected}
    for name, value in expected.items():
        assert_allclose(run.watched[name], [value], rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.filterwarnings("ignore::talweg.TrainingWarning")
@pytest.mark.parametrize("watch", ["step", "epoch"])
def test_a_failed_run_keeps_what_it_watched_before(engine: str, watch: str) -> None:
    run = fit(network(), optimizer=tw.SGD(lr=1e60), epochs=200, watch=watch, engine=engine)
    assert run.stopped_by == "non_finite" and 0 < run.steps < 200 * 3
    count = run.steps if watch == "step" else run.epochs
    assert {len(values) for values in run.watched.values()} == {count}
    assert all(0 <= each.max() < run.steps for each in run.direction_changes.values())


def test_a_long_run_records_watched_values_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    from talweg.engine.native.runtime import launch

    whole = fit(network(), watch="step", engine="native", epochs=20)
    monkeypatch.setattr(launch, "HISTORY_ROWS", 10)  # 3 epochs of 3 steps
    pieces = fit(network(), watch="step", engine="native", epochs=20)
    for name, values in whole.watched.items():
        assert len(values) == 60
        assert_array_equal(pieces.watched[name], values)


def test_one_number_per_step_for_any_number_of_weights() -> None:
    """Weights of 0 have the ratio 1 if they move and 0 if they do not."""
    net = tw.Sequential(tw.Dense(1), dtype="float64")
    net.weights = {"0.weight": np.zeros((2, 1)), "0.bias": np.zeros(1)}
    x = np.array([[1.0, 0.0], [-1.0, 0.0]])
    run = tw.fit(net, x, [1.0, 1.0], epochs=1, batch_size=None, watch=["update_ratio"])
    assert run.watched["0.weight/update_ratio"].tolist() == [0]
    assert run.watched["0.bias/update_ratio"].tolist() == [1]


@pytest.mark.parametrize(
    ("activation", "sums", "share"),
    [
        ("sigmoid", [-3.90, -3.88, 0.0, 3.88, 3.90], 0.4),  # sigmoid(3.8918) = 0.98
        ("tanh", [-2.31, -2.28, 0.0, 2.28, 2.31], 0.4),  # tanh(2.2976) = 0.98
        ("relu", [-1.0, -0.5, 0.0, 0.5, 1.0], None),
    ],
)
def test_saturated_is_within_two_hundredths_of_a_limit(
    activation: str, sums: list[float], share: float | None
) -> None:
    net = tw.Sequential(tw.Dense(5, activation), tw.Dense(1), dtype="float64")
    net.init(np.ones((1, 1)))
    net.weights.update({"0.weight": np.zeros((1, 5)), "0.bias": np.array(sums)})
    run = tw.fit(net, np.ones((2, 1)), [0.0, 1.0], epochs=1, batch_size=None, watch=["0"])
    assert run.watched.get("0/saturated", [share]) == [share]
    assert ("0/saturated" in run.watched) == (share is not None)
    assert run.watched.get("0/dead", [0.6]) == [0.6]
