"""What keeps a net from learning its rows by heart: layers that act in training alone, penalties,
limits and smoothed labels, each against NumPy, on both engines."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.errors import RecordingError, SettingError
from talweg.nn.forward_pass import TrainingStep

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(23, 6))
Y = X @ RANDOM.normal(size=(6, 2)) + 0.1 * RANDOM.normal(size=(23, 2))
BOTH_ENGINES = pytest.mark.parametrize("engine", ["numpy", "native"])

LAYERS: dict[str, Callable[[], tw.Module]] = {
    "dropout": lambda: tw.Dropout(0.4),
    "noise": lambda: tw.GaussianNoise(0.3),
    "drop_connect": lambda: tw.DropConnect(5, rate=0.4),
    "noisy_dense": lambda: tw.NoisyDense(5, "tanh", stddev=0.2),
    "batch_norm": lambda: tw.BatchNorm(),
}
"""Layers that do something else in training than in evaluation."""
EACH_LAYER = pytest.mark.parametrize("name", LAYERS)


def training_lock(net: tw.Module, x: np.ndarray, step: float = 0.0) -> np.ndarray:
    """The output in a training step."""
    training = TrainingStep(tw.constant(np.float64(step)), tw.constant(np.ones(len(x))))
    return net.apply(net.weights, x, training=training).array


def only(layer: tw.Module, x: np.ndarray = X) -> tw.Sequential:
    return tw.Sequential(layer, dtype="float64").init(x)


def trained(layers: list[Any], engine: str, dtype: str = "float64", **settings: Any) -> tw.Run:
    net = tw.Sequential(*layers, dtype=dtype)
    return tw.fit(net, X, Y, engine=engine, **{"epochs": 3, "batch_size": 7, **settings})


# Training and evaluation --------------------------------------------------------------------------


@EACH_LAYER
def test_training_differs_from_evaluation(name: str) -> None:
    net = only(LAYERS[name]())
    assert np.abs(training_lock(net, X) - net.predict(X)).max() > 0.01


@EACH_LAYER
def test_evaluation_is_the_same_each_time(name: str) -> None:
    net = only(LAYERS[name]())
    assert_array_equal(net.predict(X), net.predict(X))
    assert_allclose(net.predict(X), np.array([net.predict(row[None])[0] for row in X]), 1e-12)


@pytest.mark.parametrize("name", ["dropout", "noise", "drop_connect", "noisy_dense"])
def test_each_step_has_its_own_random_numbers(name: str) -> None:
    net = only(LAYERS[name]())
    assert_array_equal(training_lock(net, X, 3), training_lock(net, X, 3))
    assert np.abs(training_lock(net, X, 3) - training_lock(net, X, 4)).max() > 0.01


@EACH_LAYER
@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "float64"])
def test_engines_agree(name: str, dtype: str) -> None:
    runs = [
        trained([tw.Dense(8, "tanh"), LAYERS[name](), tw.Dense(2)], engine, dtype, validation=0.3)
        for engine in ("numpy", "native")
    ]
    close = {"float32": 1e-3, "float64": 1e-9}[dtype]
    assert_allclose(runs[0].net.weights.flat, runs[1].net.weights.flat, close, close)
    for measure in ("loss", "val_loss"):
        assert_allclose(runs[0].history[measure], runs[1].history[measure], close)


@pytest.mark.slow
def test_threads_do_not_change_what_is_drawn() -> None:
    def weights(threads: int) -> np.ndarray:
        net = tw.Sequential(
            *(tw.Dropout(0.2), tw.Dense(256, "relu"), tw.Dropout(0.5), tw.DropConnect(64)),
            *(tw.BatchNorm(), tw.GaussianNoise(0.1), tw.Dense(1)),
        )
        x = np.random.default_rng(1).normal(size=(300, 64))
        run = tw.fit(net, x, x[:, 0], epochs=2, batch_size=128, threads=threads)
        return run.net.weights.flat

    for threads in (2, 3):
        assert_array_equal(weights(threads), weights(1))


@BOTH_ENGINES
def test_the_seed_decides_what_is_drawn(engine: str) -> None:
    def weights(seed: int) -> np.ndarray:
        layer = tw.Dense(2, init=np.ones((6, 2)))
        return trained(
            [tw.Dropout(0.5), layer], engine, batch_size=None, seed=seed
        ).net.weights.flat.copy()

    assert_array_equal(weights(1), weights(1))
    assert np.abs(weights(1) - weights(2)).max() > 1e-6


def test_random_numbers_are_refused_outside_of_training() -> None:
    class Own(tw.Module):
        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return x * self.uniform(x.shape)

    with pytest.raises(RecordingError, match="check self"):
        Own().init(X)


@BOTH_ENGINES
def test_a_custom_module_draws_random_numbers(engine: str) -> None:
    class Blink(tw.Module):
        """All of a row, or nothing."""

        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return tw.where(self.uniform((len(x), 1)) > 0.5, 2 * x, 0) if self.is_training else x

    run = trained([Blink(), tw.Dense(2)], engine, epochs=30)
    assert run.history["loss"][-1] < run.history["loss"][0]


# One by one -------------------------------------------------------------------------------------


def test_dropout_keeps_its_fraction_and_the_mean() -> None:
    x = np.full((500, 200), 3.0)
    found = training_lock(only(tw.Dropout(0.3), x), x)
    kept = found != 0
    assert_allclose(found[kept], 3 / 0.7)
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / x.size)
    assert kept.mean(axis=0).std() < 0.03 and kept.mean(axis=1).std() < 0.05


def test_a_multiplier_of_0_freezes_a_part() -> None:
    assert_array_equal(training_lock(only(tw.Dropout(0)), X), X)


def test_drop_connect_drops_the_same_weights_for_all_rows() -> None:
    rows = np.repeat(X[:1], 5, axis=0)
    found = training_lock(only(tw.DropConnect(4, rate=0.5), rows), rows)
    assert_array_equal(found, found[[0] * 5])


def test_noise_is_normal() -> None:
    x = np.zeros((400, 250))
    found = training_lock(only(tw.GaussianNoise(2.0), x), x) / 2.0
    assert abs(found.mean()) < 5 / np.sqrt(x.size) and abs(found.var() - 1) < 0.03
    assert abs((np.abs(found) > 1.96).mean() - 0.05) < 0.005
    assert abs((found**4).mean() - 3) < 0.15


def test_layer_norm_agrees_with_numpy() -> None:
    net = only(tw.LayerNorm())
    expected = (X - X.mean(1, keepdims=True)) / np.sqrt(X.var(1, keepdims=True) + 1e-5)
    assert_allclose(net.predict(X), expected, 1e-10)
    assert_allclose(training_lock(net, X), expected, 1e-10)


@BOTH_ENGINES
def test_batch_norm_agrees_with_numpy(engine: str) -> None:
    """Three batches of 9, 9 and 5 rows; nothing is learned, so the moments are those of x."""
    net = tw.Sequential(tw.BatchNorm(momentum=0.3), dtype="float64").init(X)
    tw.fit(
        net, X, X, optimizer=tw.SGD(lr=1e-300), epochs=1, batch_size=9, shuffle=False, engine=engine
    )
    mean, variance = np.zeros(6), np.ones(6)
    for start in (0, 9, 18):
        rows = X[start : start + 9]
        mean += 0.3 * (rows.mean(0) - mean)
        variance += 0.3 * (rows.var(0, ddof=1) - variance)
    assert_allclose(net.weights["0.running_mean"], mean, 1e-10)
    assert_allclose(net.weights["0.running_variance"], variance, 1e-10)
    assert_allclose(net.predict(X), (X - mean) / np.sqrt(variance + 1e-5), 1e-10)
    expected = (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-5)
    assert_allclose(training_lock(net, X), expected, 1e-10)


@pytest.mark.slow
def test_normalization_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # a second one spins more than it works
    given = torch.tensor(X)
    batch, layer = torch.nn.BatchNorm1d(6).double(), torch.nn.LayerNorm(6).double()
    net = only(tw.BatchNorm())
    assert_allclose(training_lock(net, X), batch(given).detach().numpy(), 1e-9, 1e-12)
    assert_allclose(only(tw.LayerNorm()).predict(X), layer(given).detach().numpy(), 1e-9, 1e-12)
    tw.fit(net, X, X, optimizer=tw.SGD(lr=1e-300), epochs=1, batch_size=None)
    assert_allclose(net.predict(X), batch.eval()(given).detach().numpy(), 1e-9, 1e-12)


# Penalties and limits -----------------------------------------------------------------------------


@BOTH_ENGINES
@pytest.mark.parametrize(
    ("penalty", "slope"),
    [
        (tw.L1(0.3), lambda w: 0.3 * np.sign(w)),
        (tw.L2(0.2), lambda w: 0.4 * w),
        (tw.L1L2(0.3, 0.2), lambda w: 0.3 * np.sign(w) + 0.4 * w),
    ],
)
def test_weight_penalties_are_added_to_the_gradient(engine: str, penalty: Any, slope: Any) -> None:
    def after(**settings: Any) -> tw.Run:
        layer = tw.Dense(2, bias=False, init=np.linspace(-1, 1, 12).reshape(6, 2), **settings)
        return trained(
            [layer], engine, optimizer=tw.SGD(lr=0.1), epochs=1, batch_size=None, loss="sse"
        )

    plain, penalised = after(), after(weight_penalty=penalty)
    start = np.linspace(-1, 1, 12)
    moved = plain.net.weights.flat - penalised.net.weights.flat
    assert_allclose(moved, 0.1 * slope(start), 1e-9, 1e-12)
    assert_allclose(penalised.history["loss"], plain.history["loss"], 1e-12)


@BOTH_ENGINES
@pytest.mark.parametrize("loss", ["mse", "sse"])
def test_activity_penalties_are_reduced_as_the_loss_is(engine: str, loss: str) -> None:
    start, weights = np.linspace(-1, 1, 12).reshape(6, 2), np.linspace(0, 2, 23)

    def after(**settings: Any) -> np.ndarray:
        layer = tw.Dense(2, bias=False, init=start, **settings)
        settings = {"optimizer": tw.SGD(lr=0.1), "epochs": 1, "batch_size": None, "loss": loss}
        return trained([layer], engine, sample_weight=weights, **settings).net.weights.flat

    moved = (after() - after(activity_penalty=tw.L2(0.2))).reshape(6, 2)
    slope = 0.4 * (X * weights[:, None]).T @ (X @ start)
    assert_allclose(moved, 0.1 * slope / (weights.sum() if loss == "mse" else 1), 1e-9)


@BOTH_ENGINES
def test_max_norm_holds_long_weights_and_leaves_short_ones(engine: str) -> None:
    def columns(**settings: Any) -> np.ndarray:
        layer = tw.Dense(2, init=np.full((6, 2), 0.01), **settings)
        return np.linalg.norm(trained([layer], engine, epochs=200).net.weights["0.weight"], axis=0)

    free = columns()
    limit = float(free.mean())
    assert free.min() < limit < free.max()
    held = columns(max_norm=limit)
    assert_allclose(held[free.argmax()], limit, 1e-9)
    assert_allclose(held[free.argmin()], free.min(), 1e-9)


def test_smoothed_labels() -> None:
    logits = tw.constant(np.log([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]))
    expected = -(0.8 * np.log([0.7, 0.8]).sum() + 0.2 / 3 * np.log([0.7, 0.2, 0.1]).sum())
    expected -= 0.2 / 3 * np.log([0.1, 0.1, 0.8]).sum()
    found = tw.CrossEntropy(0.2)(logits, np.array([0, 2])).item()
    assert found == pytest.approx(expected / 2, rel=1e-12)
    assert tw.CrossEntropy(0).name == "cross_entropy"


@pytest.mark.slow
def test_smoothed_labels_agree_with_torch() -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # a second one spins more than it works
    logits, labels = RANDOM.normal(size=(20, 4)), RANDOM.integers(0, 4, 20)
    given = torch.nn.CrossEntropyLoss(label_smoothing=0.15)(
        torch.tensor(logits), torch.tensor(labels)
    )
    found = tw.CrossEntropy(0.15)(logits, labels).item()
    assert found == pytest.approx(given.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tw.Dropout(1.0), "Dropout: rate must be"),
        (lambda: tw.GaussianNoise(-1), "GaussianNoise: stddev must be"),
        (lambda: tw.DropConnect(3, rate=2), "DropConnect: rate must be"),
        (lambda: tw.BatchNorm(momentum=0), "BatchNorm: momentum must be"),
        (lambda: tw.Dense(3, weight_penalty=0.1), "weight_penalty must be a penalty such as tw.L2"),
        (lambda: tw.Dense(3, max_norm=0), "Dense: max_norm must be"),
        (lambda: tw.L1(-1), "L1: l1 must be"),
        (lambda: tw.CrossEntropy(1.0), "label_smoothing must be"),
    ],
)
def test_invalid_settings_are_named(make: Any, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        make()
