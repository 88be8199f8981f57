"""Restricted Boltzmann machines and denoising autoencoders, against enumeration and NumPy."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.errors import DataError, SettingError, ShapeError
from talweg.nn.forward_pass import TrainingStep

RANDOM = np.random.default_rng(3)
D, H = 3, 2
WEIGHTS = {
    "weight": RANDOM.normal(size=(D, H)),
    "bias": RANDOM.normal(size=H),
    "visible_bias": RANDOM.normal(size=D),
}
BOTH_ENGINES = pytest.mark.parametrize("engine", ["numpy", "native"])
Points = list[tuple[float, np.ndarray]]
"""A distribution: probabilities and places."""

MACHINES: dict[str, dict[str, Any]] = {
    "one round": {},
    "one round, drawn": {"sample_visible": True},
    "two rounds": {"k": 2},
    "two rounds, drawn": {"k": 2, "sample_visible": True},
    "numbers hidden": {"activation": "identity"},
    "numbers hidden, drawn": {"activation": "identity", "sample_visible": True},
    "numbers visible": {"visible": "identity"},
    "numbers visible, drawn": {"visible": "identity", "sample_visible": True},
}
EACH_MACHINE = pytest.mark.parametrize("settings", MACHINES.values(), ids=list(MACHINES))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def patterns(size: int) -> np.ndarray:
    """All rows of 0 and 1."""
    return np.array(list(product((0.0, 1.0), repeat=size)))


def machine(X: np.ndarray, dtype: str = "float64", **settings: Any) -> tw.RBM:
    rbm = tw.RBM(H, settings.pop("activation", "sigmoid"), **settings)
    rbm.dtype = dtype
    rbm.weights = WEIGHTS
    return rbm.init(X, seed=0)


def slopes(rbm: tw.RBM, X: np.ndarray, engine: str = "native", seed: int = 1) -> dict[str, Any]:
    """The gradient of a step: the change of the weights by SGD with learning rate 1."""
    before = rbm.weights.copy()
    rule = tw.SGD(lr=1.0)
    settings: dict[str, Any] = {"epochs": 1, "batch_size": None, "seed": seed}
    tw.fit(rbm, X, X, loss=rbm.loss, optimizer=rule, engine=engine, **settings)
    return {name: before[name] - rbm.weights[name] for name in WEIGHTS}


# What is computed by hand -------------------------------------------------------------------------


def spread(means: np.ndarray, kind: str) -> Points:
    """All values of units with these means; for Gaussian units, Gauss-Hermite nodes."""
    if kind == "sigmoid":
        return [
            (float(np.prod(np.where(b > 0, means, 1 - means))), b) for b in patterns(means.size)
        ]
    nodes, shares = np.polynomial.hermite_e.hermegauss(12)
    shares = shares / shares.sum()
    places = product(range(12), repeat=means.size)
    return [(float(shares[list(at)].prod()), means + nodes[list(at)]) for at in places]


def hidden(v: np.ndarray, kind: str) -> np.ndarray:
    sums = v @ WEIGHTS["weight"] + WEIGHTS["bias"]
    return sigmoid(sums) if kind == "sigmoid" else sums


def ends(v: np.ndarray, k: int, kinds: tuple[str, str], sampled: bool) -> Iterator[Any]:
    """(probability, v_k) along every path of k rounds from v."""
    if k == 0:
        yield 1.0, v
        return
    for first, h in spread(hidden(v, kinds[1]), kinds[1]):
        sums = h @ WEIGHTS["weight"].T + WEIGHTS["visible_bias"]
        means = sigmoid(sums) if kinds[0] == "sigmoid" else sums
        for second, after in spread(means, kinds[0]) if sampled else [(1.0, means)]:
            for rest, end in ends(after, k - 1, kinds, sampled):
                yield first * second * rest, end


def energy_slopes(v: np.ndarray, kinds: tuple[str, str]) -> dict[str, np.ndarray]:
    """The derivatives of the free energy of one row."""
    h, pull = hidden(v, kinds[1]), WEIGHTS["visible_bias"] if kinds[0] == "identity" else 0
    return {"weight": -np.outer(v, h), "bias": -h, "visible_bias": pull - v}


def expected_slopes(v: np.ndarray, settings: dict[str, Any]) -> dict[str, np.ndarray]:
    kinds = settings.get("visible", "sigmoid"), settings.get("activation", "sigmoid")
    found = energy_slopes(v, kinds)
    for share, end in ends(v, settings.get("k", 1), kinds, settings.get("sample_visible", False)):
        for name, slope in energy_slopes(end, kinds).items():
            found[name] = found[name] - share * slope
    return found


def energies(v: np.ndarray, h: np.ndarray) -> np.ndarray:
    """E(v, h) for all rows v and h."""
    own = (v @ WEIGHTS["visible_bias"])[:, None] + h @ WEIGHTS["bias"]
    return -(v @ WEIGHTS["weight"] @ h.T) - own


def likelihood_slopes(X: np.ndarray) -> dict[str, np.ndarray]:
    """The gradient of the mean of -log p over the rows X."""
    v, h = patterns(D), patterns(H)
    weights = np.exp(-energies(v, h))
    chances = weights.sum(1) / weights.sum()
    kinds = "sigmoid", "sigmoid"
    rows = [energy_slopes(row, kinds) for row in X]
    model = [energy_slopes(row, kinds) for row in v]
    return {
        name: np.mean([row[name] for row in rows], 0)
        - np.tensordot(chances, [row[name] for row in model], 1)
        for name in WEIGHTS
    }


# Exactness ----------------------------------------------------------------------------------------


class Energy(tw.Module):
    def __init__(self, rbm: tw.RBM) -> None:
        self.rbm, self.dtype = rbm, "float64"

    def __call__(self, v: tw.Tensor) -> tw.Tensor:
        return self.rbm.free_energy(v)


def test_the_free_energy_is_minus_the_logarithm_of_a_sum_over_hidden_units() -> None:
    v = patterns(D)
    found = Energy(machine(v)).init(v).predict(v)
    assert_allclose(found, -np.log(np.exp(-energies(v, patterns(H))).sum(1)), rtol=1e-12)


@pytest.mark.parametrize("kind", ["visible", "activation"])
def test_the_free_energy_of_gaussian_units_is_an_integral(kind: str) -> None:
    v = patterns(D)
    found = Energy(machine(v, **{kind: "identity"})).init(v).predict(v)
    if kind == "visible":
        gaps = v - WEIGHTS["visible_bias"]
        sums = v @ WEIGHTS["weight"] @ patterns(H).T + patterns(H) @ WEIGHTS["bias"]
        assert_allclose(found, 0.5 * (gaps**2).sum(1) - np.log(np.exp(sums).sum(1)), rtol=1e-12)
        return
    line = np.linspace(-10, 10, 401)
    h = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    for row, value in zip(v, found, strict=True):
        powers = np.exp(-energies(row[None], h)[0] - 0.5 * (h**2).sum(1))
        total = powers.sum() * (line[1] - line[0]) ** 2 / (2 * np.pi)
        assert_allclose(value, -np.log(total), rtol=1e-9)


@pytest.mark.slow
@EACH_MACHINE
@BOTH_ENGINES
def test_a_step_descends_the_expected_difference_of_free_energies(
    engine: str, settings: dict[str, Any]
) -> None:
    """Over 200,000 samples; products of linear units vary by up to 9 times their unit."""
    v, count = np.array([1.0, 0.0, 1.0]), 200_000
    X = np.tile(v, (count, 1))
    found, wide = (
        slopes(machine(X, **settings), X, engine),
        len({*settings} & {"visible", "activation"}),
    )
    expected = expected_slopes(v, settings)
    for name in WEIGHTS:
        assert_allclose(found[name], expected[name], atol=(20 if wide else 3) / np.sqrt(count))


@pytest.mark.slow
def test_the_cases_differ() -> None:
    """By more than the tolerance of the test above, so that it is meaningful."""
    v = np.array([1.0, 0.0, 1.0])
    found = [
        np.concatenate([each.ravel() for each in expected_slopes(v, s).values()])
        for s in MACHINES.values()
    ]
    gaps = [np.abs(a - b).max() for i, a in enumerate(found) for b in found[:i]]
    assert min(gaps) > 0.01


@pytest.mark.slow
@BOTH_ENGINES
def test_many_rounds_approach_the_likelihood_gradient(engine: str) -> None:
    X = np.tile(np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), (30_000, 1))
    found = slopes(machine(X, k=20, sample_visible=True), X, engine)
    expected = likelihood_slopes(X[:2])
    for name in WEIGHTS:
        assert_allclose(found[name], expected[name], atol=3 / np.sqrt(len(X)))
    one = expected_slopes(X[0], {})
    assert np.abs(one["weight"] - expected["weight"]).max() > 0.1


@pytest.mark.slow
@BOTH_ENGINES
def test_chains_converge_to_the_distribution_of_the_model(engine: str) -> None:
    X, chains = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), 40_000
    rbm = machine(X, persistent=True, chains=chains, k=20)
    found = slopes(rbm, X, engine)
    expected = likelihood_slopes(X)
    for name in WEIGHTS:
        assert_allclose(found[name], expected[name], atol=3 / np.sqrt(chains))
    rows, counts = np.unique(rbm.weights["chain"], axis=0, return_counts=True)
    assert_array_equal(rows, patterns(D))
    weights = np.exp(-energies(patterns(D), patterns(H))).sum(1)
    assert_allclose(counts / chains, weights / weights.sum(), atol=3 / np.sqrt(chains))


def test_chains_continue_from_step_to_step() -> None:
    X = patterns(D)
    rbm = machine(X, persistent=True, chains=40)
    slow: dict[str, Any] = {"optimizer": tw.SGD(lr=1e-300), "batch_size": None, "loss": rbm.loss}
    tw.fit(rbm, X, X, epochs=2, seed=5, **slow)
    chains = rbm.weights["chain"].copy()
    tw.fit(rbm, X, X, epochs=1, seed=5, **slow)
    assert 0.1 < (chains != rbm.weights["chain"]).mean() < 0.6
    fresh = machine(X, persistent=True, chains=40)
    tw.fit(fresh, X, X, epochs=1, seed=5, **slow)
    assert (fresh.weights["chain"] != rbm.weights["chain"]).any()


def bars_and_stripes(size: int) -> np.ndarray:
    rows = [np.tile(line, (size, 1)) for line in patterns(size)]
    return np.unique([each.ravel() for row in rows for each in (row, row.T)], axis=0)


def log_likelihood(rbm: tw.RBM, X: np.ndarray) -> float:
    """The mean of log p over rows, with Z as a sum over all hidden units."""
    W, b, a = (rbm.weights[name] for name in ("weight", "bias", "visible_bias"))
    h = patterns(b.size)
    log_z = np.logaddexp.reduce(h @ b + np.logaddexp(0, h @ W.T + a).sum(1))
    return float(np.mean(X @ a + np.logaddexp(0, X @ W + b).sum(1)) - log_z)


@pytest.mark.slow
@pytest.mark.parametrize("persistent", [False, True])
def test_training_raises_the_likelihood_of_bars_and_stripes(persistent: bool) -> None:
    X = bars_and_stripes(3)
    assert X.shape == (14, 9)
    rbm = tw.RBM(10, persistent=persistent, sample_visible=True)
    rbm.init(X, seed=0)
    start = log_likelihood(rbm, X)
    tw.fit(
        rbm,
        X,
        X,
        loss=rbm.loss,
        optimizer=tw.SGD(lr=tw.CosineDecay(0.2)),
        epochs=3000,
        batch_size=None,
    )
    assert start < -9 * np.log(2)  # worse than all rows being as likely
    assert -np.log(14) > log_likelihood(rbm, X) > -np.log(14) - 0.8


# Runs ---------------------------------------------------------------------------------------------


def test_what_is_reported_is_the_squared_error_after_one_round() -> None:
    X = np.tile(np.array([1.0, 0.0, 1.0]), (50_000, 1))
    rbm = machine(X, k=3)
    run = tw.fit(rbm, X, X, loss=rbm.loss, epochs=1, batch_size=None)
    expected = sum(
        p * ((end - X[0]) ** 2).sum() for p, end in ends(X[0], 1, ("sigmoid",) * 2, False)
    )
    assert run.history["loss"][0] == pytest.approx(expected, abs=0.01)


PAIRS: dict[str, Any] = {
    "rbm": lambda: tw.RBM(5, k=2, weight_penalty=tw.L2(0.01)),
    "persistent": lambda: tw.RBM(5, persistent=True, chains=7),
    "tied": lambda: tw.DenoisingAutoencoder(5, "tanh", weight_penalty=tw.L2(0.01)),
    "untied": lambda: tw.DenoisingAutoencoder(5, tied=False),
    "numbers": lambda: tw.DenoisingAutoencoder(5, visible="identity"),
}
EACH_PAIR = pytest.mark.parametrize("name", PAIRS)
ROWS = (RANDOM.normal(size=(23, 2)) @ RANDOM.normal(size=(2, 6)) > 0).astype(float)


def trained(name: str, dtype: str = "float64", **settings: Any) -> tw.Run:
    pair = PAIRS[name]()
    pair.dtype = dtype
    given: dict[str, Any] = {"epochs": 40, "batch_size": 7, "optimizer": tw.SGD(lr=0.05)}
    return tw.fit(pair, ROWS, ROWS, loss=pair.loss, **{**given, **settings})


@EACH_PAIR
@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_engines_agree(name: str, dtype: str) -> None:
    """23 rows in batches of 7, so the interpreter pads the last batch."""
    runs = [trained(name, dtype, engine=engine, epochs=5) for engine in ("numpy", "native")]
    close = {"float32": 1e-4, "float64": 1e-10}[dtype]
    assert_allclose(runs[0].net.weights.flat, runs[1].net.weights.flat, close, close)
    assert_allclose(runs[0].history["loss"], runs[1].history["loss"], close)


@EACH_PAIR
def test_training_restores_rows_better(name: str) -> None:
    run = trained(name, epochs=200)
    assert run.history["loss"][-1] < 0.7 * run.history["loss"][0]
    assert run.net.predict(ROWS).shape == ROWS.shape


@EACH_PAIR
def test_the_penalty_is_of_the_weights_alone(name: str) -> None:
    X = ROWS[:, :3]
    rule: dict[str, Any] = {"optimizer": tw.SGD(lr=1.0), "epochs": 1, "batch_size": None}
    after = []
    for penalty in (None, tw.L2(0.1)):
        pair = PAIRS[name]()
        pair.dtype, pair.weight_penalty = "float64", penalty
        pair.init(X, seed=0)
        start = pair.weights.copy()
        tw.fit(pair, X, X, loss=pair.loss, **rule)
        after.append(pair.weights.copy())
    for path in start:
        pull = 0.2 * start["weight"] if path == "weight" else 0
        assert_allclose(after[0][path] - after[1][path], pull, atol=1e-12)


def test_an_autoencoder_steps_as_numpy_does() -> None:
    X = RANDOM.uniform(size=(8, D))
    pair = tw.DenoisingAutoencoder(H, corruption=0)
    pair.dtype, pair.weights = "float64", WEIGHTS
    found = slopes(pair.init(X), X)  # type: ignore[arg-type]
    W, b, a = WEIGHTS.values()
    h = sigmoid(X @ W + b)
    gap = (sigmoid(h @ W.T + a) - X) / len(X)
    inner = gap @ W * h * (1 - h)
    assert_allclose(found["weight"], X.T @ inner + gap.T @ h, rtol=1e-10)
    assert_allclose(found["bias"], inner.sum(0), rtol=1e-10)
    assert_allclose(found["visible_bias"], gap.sum(0), rtol=1e-10)


def test_corruption_zeroes_its_fraction_of_the_inputs_in_training_only() -> None:
    X = np.ones((2000, 40))
    pair = tw.DenoisingAutoencoder(40, "identity", visible="identity", corruption=0.3)
    pair.dtype, pair.weights = "float64", {"weight": np.eye(40)}
    pair.init(X, seed=0)
    training = TrainingStep(tw.constant(np.float64(1)), tw.constant(np.ones(len(X))))
    damaged = pair.apply(pair.weights, X, training=training).array
    assert set(np.unique(damaged)) == {0.0, 1.0}
    assert abs((damaged == 0).mean() - 0.3) < 5 * np.sqrt(0.21 / X.size)
    assert_array_equal(pair.predict(X), X)


def test_the_decoder_is_the_transposed_layer() -> None:
    for name in ("tied", "untied", "numbers", "rbm"):
        pair = trained(name).net
        back = tw.Sequential(pair.decoder(), dtype="float64")
        back.init(np.ones((1, 5)))
        own = pair.weights
        h = pair.activation.function(ROWS @ own["weight"] + own["bias"])
        assert_allclose(back.predict(h), pair.predict(ROWS), rtol=1e-9)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: tw.RBM(0), SettingError, "RBM: units must be"),
        (lambda: tw.RBM(3, k=0), SettingError, "RBM: k must be"),
        (lambda: tw.RBM(3, persistent=1), SettingError, "RBM: persistent must be"),
        (lambda: tw.RBM(3, visible="relu"), SettingError, "visible must be one of 'sigmoid'"),
        (lambda: tw.DenoisingAutoencoder(3, corruption=1), SettingError, "corruption must be"),
        (lambda: tw.DenoisingAutoencoder(3, weight_penalty=1), SettingError, "must be a penalty"),
        (lambda: tw.RBM().init(ROWS), SettingError, r"has no units: give it some, as in RBM\(64\)"),
        (
            lambda: tw.RBM(3, "relu").init(ROWS),
            SettingError,
            "'relu' hidden units, but only sigmoid",
        ),
        (
            lambda: tw.RBM(3, "identity", visible="identity").init(ROWS),
            SettingError,
            "only sigmoid units",
        ),
        (lambda: tw.RBM(3).init(np.ones((2, 3, 4))), ShapeError, r"RBM takes rows \(N, D\)"),
    ],
)
def test_invalid_models_are_refused(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_rows_beyond_what_sigmoids_can_give_are_refused() -> None:
    for pair in (tw.RBM(3), tw.DenoisingAutoencoder(3)):
        with pytest.raises(DataError, match="0"):
            tw.fit(pair, ROWS + 1, ROWS + 1, loss=pair.loss)
