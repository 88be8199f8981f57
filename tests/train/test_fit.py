"""`fit` against a training loop in NumPy, and the meaning of sample and class weights."""

import re
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.nn.row_weights import class_weights
from talweg.nn.targets import TARGETS
from talweg.random import row_order

RANDOM = np.random.default_rng(0)
N = 10
X = RANDOM.normal(size=(N, 3))
Y = RANDOM.normal(size=(N, 2))
WEIGHTS = np.array([1, 2, 0.5, 3, 1, 1, 0.25, 4, 1, 2])
FACTOR = {"mse": 1 / 2, "sse": 1, "half_sse": 1 / 2}  # of a row's squared gaps; mse has 2 outputs


def network(seed: int = 1, dtype: str = "float64") -> tw.Sequential:
    net = tw.Sequential(tw.Dense(4, "tanh"), tw.Dense(2), dtype=dtype)
    return net.init(X, seed=seed)


def by_hand(loss: str, *, size: int, epochs: int, seed=None, weights=None, lr: float = 0.05):
    """The weights and the history of a hand-written loop: forward, backward, update by batch."""
    w1, b1, w2, b2 = (np.array(each) for each in network().weights.values())
    row_weights = np.ones(N) if weights is None else weights
    history = []
    for epoch in range(1, epochs + 1):
        order = np.arange(N) if seed is None else row_order(seed, epoch, N)
        losses = []
        for rows in (order[i : i + size] for i in range(0, N, size)):
            x, s = X[rows], row_weights[rows][:, None]
            hidden = np.tanh(x @ w1 + b1)
            gap = hidden @ w2 + b2 - Y[rows]
            factor = FACTOR[loss]
            if loss == "mse":
                factor /= len(rows) * row_weights.mean()
            losses.append(factor * (s * gap**2).sum())
            d_output = 2 * factor * s * gap
            d_hidden = (d_output @ w2.T) * (1 - hidden**2)
            w2 = w2 - lr * hidden.T @ d_output
            b2 = b2 - lr * d_output.sum(axis=0)
            w1 = w1 - lr * x.T @ d_hidden
            b1 = b1 - lr * d_hidden.sum(axis=0)
        history.append(np.mean(losses))
    return np.concatenate([each.ravel() for each in (w1, b1, w2, b2)]), history


SIZES = {"full batch": None, "whole batches": 5, "a tail": 4, "a tail of 1": 3, "stochastic": 1}


@pytest.mark.quick("*-mse-shuffled-weighted", "a tail-*-in order-plain")
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("loss", FACTOR)
@pytest.mark.parametrize("size", SIZES)
def test_fit_matches_a_training_loop_written_by_hand(
    size: str, loss: str, shuffle: bool, weights
) -> None:
    net = network()
    run = tw.fit(
        net,
        X,
        Y,
        loss=loss,
        optimizer=tw.SGD(lr=0.05),
        epochs=7,
        batch_size=SIZES[size],
        shuffle=shuffle,
        sample_weight=weights,
        seed=11,
    )
    batch = SIZES[size] or N
    # a full batch is taken in its own order: no order changes a sum
    seed = 11 if shuffle and batch < N else None
    flat, history = by_hand(loss, size=batch, epochs=7, seed=seed, weights=weights)
    assert_allclose(run.history["loss"], history, rtol=1e-10)
    assert_allclose(net.weights.flat, flat, rtol=1e-10)
    assert run.steps == 7 * -(-N // batch) and run.epochs == 7


def test_a_batch_larger_than_the_data_is_a_full_batch() -> None:
    runs = [tw.fit(network(), X, Y, batch_size=size, epochs=3) for size in (N, 10_000, None)]
    for run in runs[1:]:
        assert_array_equal(run.net.weights.flat, runs[0].net.weights.flat)
        assert run.steps == 3


@pytest.mark.parametrize("rows", [1, 2])
def test_a_single_row_can_be_trained_on(rows: int) -> None:
    assert len(tw.fit(network(), X[:rows], Y[:rows], epochs=3).history["loss"]) == 3


# Weights of rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "sse", "half_sse"])
def test_an_integer_weight_equals_repeated_rows(loss: str) -> None:
    times = np.array([1, 3, 0, 2, 1, 1, 0, 4, 1, 2])
    settings = {"loss": loss, "optimizer": tw.SGD(lr=0.01), "epochs": 20, "batch_size": None}
    weighted = tw.fit(network(), X, Y, sample_weight=times, metrics=["mae"], **settings)
    X_again, Y_again = (np.repeat(each, times, axis=0) for each in (X, Y))
    repeated = tw.fit(network(), X_again, Y_again, metrics=["mae"], **settings)
    for name in ("loss", "mae"):
        assert_allclose(weighted.history[name], repeated.history[name], rtol=1e-10)
    assert_allclose(weighted.net.weights.flat, repeated.net.weights.flat, rtol=1e-10)


@pytest.mark.parametrize("size", [None, 3])
def test_a_row_of_weight_0_changes_nothing(size: int | None) -> None:
    used = np.arange(N) % 3 > 0
    weighted = tw.fit(network(), X, Y, sample_weight=used, batch_size=size, epochs=5)
    without = tw.fit(network(), X[used], Y[used], batch_size=size, epochs=5)
    assert_array_equal(weighted.net.weights.flat, without.net.weights.flat)


def test_equal_weights_do_not_change_a_mean() -> None:
    plain, heavy = (
        tw.fit(network(), X, Y, sample_weight=each, batch_size=3, epochs=5)
        for each in (None, np.full(N, 8.0))
    )
    assert_array_equal(plain.net.weights.flat, heavy.net.weights.flat)


def test_sample_weights_apply_to_validation() -> None:
    held = X[:4], Y[:4], [1, 0, 2, 5]
    run = tw.fit(network(), X, Y, validation=held, metrics=["sse"], epochs=3, restore_best=False)
    gaps = ((run.net.predict(X[:4]) - Y[:4]) ** 2).sum(axis=1)
    expected = np.average(gaps, weights=held[2])
    assert_allclose(run.history["val_sse"][-1], expected, rtol=1e-12)
    assert_allclose(run.history["val_loss"][-1], expected / 2, rtol=1e-12)


CLASSES = TARGETS["classes"]
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2])


@pytest.mark.quick("whole-balanced-*", "one-hot-{2*")
@pytest.mark.parametrize(
    ("class_weight", "expected"),
    [
        ([1, 2, 5], [1, 2, 5]),
        ((0.5, 1, 1), [0.5, 1, 1]),
        ({0: 1, 1: 2, 2: 5}, [1, 2, 5]),
        ({2: 3}, [1, 1, 3]),
        ({np.int64(1): 0}, [1, 0, 1]),
        ("balanced", [10 / (3 * 6), 10 / (3 * 2), 10 / (3 * 2)]),
    ],
    ids=str,
)
@pytest.mark.parametrize("form", ["whole", "one-hot"])
def test_class_weights_equal_the_same_sample_weights(form: str, class_weight, expected) -> None:
    y = LABELS if form == "whole" else np.eye(3)[LABELS]
    settings = {"loss": "cross_entropy", "epochs": 4, "metrics": ["accuracy"]}
    nets = [tw.Sequential(tw.Dense(3), dtype="float64").init(X) for _ in range(2)]
    by_class = tw.fit(nets[0], X, y, class_weight=class_weight, **settings)
    by_row = tw.fit(nets[1], X, y, sample_weight=np.array(expected)[LABELS], **settings)
    assert_allclose(by_class.history["loss"], by_row.history["loss"], rtol=1e-12)
    assert_allclose(nets[0].weights.flat, nets[1].weights.flat, rtol=1e-12)


def test_balanced_weights_have_mean_1_and_equal_totals_per_class() -> None:
    weights = class_weights("balanced", CLASSES, LABELS, np.ones(10), 3)[LABELS]
    assert_allclose(weights.mean(), 1)
    assert_allclose([weights[each == LABELS].sum() for each in range(3)], [10 / 3] * 3)


def test_balanced_class_weights_include_sample_weights() -> None:
    """A row of weight 2 counts as two rows."""
    twice = np.r_[LABELS, LABELS[:1]]
    weighed = class_weights("balanced", CLASSES, LABELS, np.r_[2.0, np.ones(9)], 3)
    assert_allclose(weighed, class_weights("balanced", CLASSES, twice, np.ones(11), 3))


def test_validation_uses_the_class_weights_of_training() -> None:
    """Validation rows of a single class do not change the class weights."""
    settings = {"loss": "cross_entropy", "epochs": 1, "batch_size": None}
    found = [
        tw.fit(
            tw.Sequential(tw.Dense(3), dtype="float64"),
            X, LABELS, class_weight=weight, validation=(X[LABELS > 0], LABELS[LABELS > 0]),
            **settings,
        ).history["val_loss"]
        for weight in ("balanced", class_weights("balanced", CLASSES, LABELS, np.ones(10), 3))
    ]  # fmt: skip
    assert_allclose(*found)


def test_a_missing_target_is_allowed_at_weight_0() -> None:
    holes, weights = Y.copy(), np.ones(N)
    holes[3], weights[3] = np.nan, 0
    run = tw.fit(network(), X, holes, sample_weight=weights, epochs=2)
    assert np.isfinite(run.history["loss"]).all()


def test_class_and_sample_weights_multiply_for_binary_targets() -> None:
    bits = LABELS > 0
    settings = {"loss": "binary_cross_entropy", "epochs": 4}
    nets = [tw.Sequential(tw.Dense(1), dtype="float64").init(X) for _ in range(2)]
    tw.fit(nets[0], X, bits, class_weight={1: 3}, sample_weight=WEIGHTS, **settings)
    tw.fit(nets[1], X, bits, sample_weight=WEIGHTS * np.where(bits, 3, 1), **settings)
    assert_allclose(nets[0].weights.flat, nets[1].weights.flat, rtol=1e-12)


# Own losses, forms of data ----------------------------------------------------------------------


def test_a_custom_loss() -> None:
    def quartic(prediction, target):
        return tw.mean((prediction - target) ** 4, axis=1)

    net = network()
    first = ((net.predict(X) - Y) ** 4).mean()
    run = tw.fit(net, X, Y, loss=quartic, epochs=50, batch_size=None, optimizer=tw.Adam(lr=0.01))
    assert_allclose(run.history["loss"][0], first, rtol=1e-12)
    assert run.history["loss"][-1] < first / 2
    assert run.settings["loss"] == "quartic"


def test_a_custom_loss_with_integer_targets() -> None:
    """A Loss record says which targets it takes, here class numbers."""
    hinge = tw.Loss(
        "hinge",
        lambda p, t: (
            tw.max(p + 1.0 - tw.one_hot(t, classes=3, dtype=p.dtype), axis=1)
            - tw.sum(p * tw.one_hot(t, classes=3, dtype=p.dtype), axis=1)
        ),
        target_kind="classes",
    )
    net = tw.Sequential(tw.Dense(3), dtype="float64")
    run = tw.fit(net, X, LABELS, loss=hinge, metrics=["accuracy"], epochs=200)
    assert run.history["loss"][-1] < run.history["loss"][0]


@pytest.mark.parametrize("form", ["list", "float32", "int", "fortran", "reversed"])
def test_forms_of_x(form: str) -> None:
    whole = np.arange(30).reshape(10, 3) - 15
    given = {
        "list": whole.tolist(),
        "float32": whole.astype("float32"),
        "int": whole,
        "fortran": np.asfortranarray(whole, dtype=float),
        "reversed": whole[::-1, ::-1].copy()[::-1, ::-1],
    }[form]
    before = np.array(given)
    flat = tw.fit(network(), given, Y, epochs=2).net.weights.flat
    assert_array_equal(flat, tw.fit(network(), whole.astype(float), Y, epochs=2).net.weights.flat)
    assert_array_equal(given, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_keeps_the_dtype_of_the_net(dtype: str) -> None:
    net = network(dtype=dtype)
    run = tw.fit(net, X, Y, epochs=2, validation=0.2, batch_size=3)
    assert net.weights.flat.dtype == net.predict(X).dtype == dtype
    assert all(each.dtype == "float64" for each in run.history.values())


# Seeds and going on -----------------------------------------------------------------------------

FRESH = """
import numpy as np, talweg as tw
random = np.random.default_rng(0)
X, y = random.normal(size=(50, 3)), random.normal(size=50)
net = tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(1))
run = tw.fit(net, X, y, epochs=5, batch_size=8, validation=0.2, seed=3)
digest = net.weights.flat.tobytes().hex()
"""


@pytest.mark.slow
def test_same_seed_same_weights_in_a_fresh_process() -> None:
    here: dict[str, str] = {}
    exec(FRESH, here)
    again: dict[str, str] = {}
    exec(FRESH, again)
    there = subprocess.run(
        [sys.executable, "-c", FRESH + "print(digest)"], capture_output=True, text=True, check=True
    )
    assert here["digest"] == again["digest"] == there.stdout.strip()


def test_the_seed_decides_initial_weights_validation_rows_and_order() -> None:
    def train(**settings) -> np.ndarray:
        net = settings.pop("net", None) or tw.Sequential(tw.Dense(4, "tanh"), tw.Dense(2))
        return tw.fit(net, X, Y, epochs=3, **settings).net.weights.flat

    assert_array_equal(train(seed=4), train(seed=4))
    assert not np.array_equal(train(seed=4), train(seed=5))
    same_start = {"batch_size": 3}
    one, other = (train(net=network(), seed=seed, **same_start) for seed in (4, 5))
    assert not np.array_equal(one, other)  # the order of rows alone
    one, other = (train(net=network(), seed=seed, batch_size=None) for seed in (4, 5))
    assert_array_equal(one, other)
    one, other = (train(net=network(), seed=s, batch_size=None, validation=0.5) for s in (4, 5))
    assert not np.array_equal(one, other)  # the held-out rows alone


def test_the_seed_initializes_a_net_without_weights() -> None:
    net = tw.Sequential(tw.Dense(4, "tanh"), tw.Dense(2), dtype="float64")
    first = tw.fit(net, X, Y, epochs=1, batch_size=None, seed=1)
    second = tw.fit(network(seed=1), X, Y, epochs=1, batch_size=None, seed=99)
    assert_array_equal(first.net.weights.flat, second.net.weights.flat)


def test_fit_continues_from_the_current_weights() -> None:
    settings = {"optimizer": tw.SGD(lr=0.05), "batch_size": None}
    net = network()
    for _ in range(3):
        run = tw.fit(net, X, Y, epochs=2, **settings)
    assert run.net is net
    whole = tw.fit(network(), X, Y, epochs=6, **settings)
    assert_allclose(net.weights.flat, whole.net.weights.flat, rtol=1e-14)
    assert_array_equal(run.history["loss"], whole.history["loss"][4:])


def test_a_class_without_training_rows_has_weight_1() -> None:
    weights = class_weights("balanced", CLASSES, np.array([0, 0, 0, 2]), np.ones(4), 3)
    assert_allclose(weights, [4 / (2 * 3), 1, 4 / 2])


def test_the_repr_of_a_run_is_short() -> None:
    run = tw.fit(tw.Sequential(tw.Dense(1)), np.eye(8), np.arange(8.0), epochs=3, validation=0.25)
    assert re.fullmatch(
        r"Run\(epochs=3, loss=[\d.]+, val_loss=[\d.]+, stopped_by='epochs', seconds=\d+\.\d\d\)",
        repr(run),
    )


def test_a_second_fit_continues_from_the_current_weights() -> None:
    x, y = np.linspace(-1, 1, 16)[:, None], np.linspace(0, 1, 16)
    settings = {"optimizer": tw.SGD(lr=0.1), "batch_size": None}
    once, twice = (tw.Sequential(tw.Dense(1)) for _ in range(2))
    tw.fit(once, x, y, epochs=6, **settings)
    for _ in range(2):
        tw.fit(twice, x, y, epochs=3, **settings)
    assert_array_equal(once.weights.flat, twice.weights.flat)
