"""The learning rate range test: growing rates, losses by step, and a good suggestion."""

import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.draw import rate_chart
from talweg.errors import SettingError, TalwegError

BOTH = pytest.mark.parametrize("engine", ("numpy", "native"))


def table(rows: int = 200):
    random = np.random.default_rng(0)
    X = random.normal(size=(rows, 3))
    return X, np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:]


def network(**settings):
    return tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(1), dtype="float64", **settings)


@BOTH
@pytest.mark.parametrize("size", (None, 1, 32))
def test_each_loss_is_the_one_before_the_step_at_its_rate(size, engine) -> None:
    """Compared with fit step by step, each with its rate."""
    X, y = table(40)
    net = network().init(X, seed=1)
    start = net.weights.flat.copy()
    settings = {"min_lr": 1e-4, "max_lr": 1e-1, "steps": 20, "shuffle": False, "batch_size": size}
    found = tw.lr_find(net, X, y, optimizer="sgd", engine=engine, **settings)
    assert_array_equal(net.weights.flat, start)
    batches = -(-40 // (size or 40))
    total = batches * -(-20 // batches)
    count = len(found.lrs)
    assert 10 < count == len(found.losses) == len(found.smoothed_losses) <= total
    assert_allclose(found.lrs, np.geomspace(1e-4, 1e-1, total)[:count])
    net = network().init(X, seed=1)
    for step, rate in enumerate(found.lrs[:20]):
        rows = np.arange(40)[(step % batches) * (size or 40) :][: size or 40]
        each = {"batch_size": None, "engine": "numpy", "optimizer": tw.SGD(lr=rate), "epochs": 1}
        run = tw.fit(net, X[rows], y[rows], **each)
        assert_allclose(found.losses[step], run.history["loss"][0], rtol=1e-9)


@pytest.mark.parametrize("rule", ("sgd", "adam", "lion", "adadelta", "muon", "adamw"))
def test_the_engines_agree_for_any_optimizer(rule: str) -> None:
    X, y = table()
    either = [tw.lr_find(network(), X, y, optimizer=rule, engine=e) for e in ("numpy", "native")]
    for each in either:
        assert each.suggestion == either[0].suggestion
    count = min(len(each.losses) for each in either)
    # the last steps are far beyond what trains, where rounding grows
    sound = slice(0, count * 2 // 3)
    assert_allclose(either[0].losses[sound], either[1].losses[sound], rtol=1e-6)


def test_the_first_candidate_is_a_third_of_the_rate_of_the_lowest_loss() -> None:
    X, y = table()
    found = tw.lr_find(network(), X, y, optimizer="sgd")
    assert found.lowest_step == np.argmin(found.smoothed_losses)
    assert_allclose(found.tried_lrs[0], found.lrs[found.lowest_step] / 3, rtol=0.05)
    assert_allclose(found.tried_lrs[0] / found.tried_lrs, 10 ** (np.arange(7) / 2), rtol=0.05)
    assert found.diverged and found.lrs[-1] < 100
    decades = np.log10(found.lrs[1] / found.lrs[0])
    bell = np.exp(-0.5 * ((np.arange(len(found.lrs)) - 30) * decades / 0.2) ** 2)
    assert_allclose(found.smoothed_losses[30], found.losses @ bell / bell.sum(), rtol=1e-4)


@pytest.mark.parametrize("rule", ("sgd", "adam"))
def test_the_suggestion_trains_nearly_as_well_as_the_best_of_a_grid(rule: str) -> None:
    X, y = table(400)
    settings = {"optimizer": rule, "epochs": 20}
    found = tw.lr_find(network(), X, y, optimizer=rule)
    grid = [10.0**power for power in range(-5, 2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)
        sweep = tw.sweep(network, X, y, over={"lr": [found.suggestion, *grid]}, **settings)
    ends = np.array(
        [run.history["loss"][-1] if run.failure is None else np.inf for run in sweep.runs]
    )
    assert np.sum(ends < ends[0]) <= 2 and ends[0] < 0.5 * np.median(ends[1:])


@pytest.mark.quick("None-native", "32-numpy")
@BOTH
@pytest.mark.parametrize("size", (None, 32))
def test_each_candidate_ends_like_a_run_of_fit_at_that_rate(size, engine) -> None:
    X, y = table(40)
    given = {"shuffle": False, "batch_size": size, "optimizer": "sgd", "engine": engine}
    found = tw.lr_find(network(), X, y, steps=20, **given)
    batches = -(-40 // (size or 40))
    assert found.suggestion == found.tried_lrs[found.final_losses.argmin()]
    for rate, end in [*zip(found.tried_lrs, found.final_losses, strict=True)][::3]:
        net = network().init(X)
        losses = []
        for step in range(20):
            rows = np.arange(40)[(step % batches) * (size or 40) :][: size or 40]
            each = {"batch_size": None, "engine": "numpy", "optimizer": tw.SGD(lr=rate)}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", tw.TrainingWarning)
                run = tw.fit(net, X[rows], y[rows], epochs=1, **each)
            losses.append(run.history["loss"][0] if run.failure is None else np.inf)
        assert_allclose(end, np.mean(losses[-5:]), rtol=1e-7)


def test_no_rate_below_the_lowest_is_tried() -> None:
    found = tw.lr_find(sigmoids(), *XOR, min_lr=0.5)
    assert 1 < len(found.tried_lrs) < 7 and found.tried_lrs.min() >= 0.5
    assert f"of {len(found.tried_lrs)} short runs" in str(found)


XOR = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1.0]]), np.array([0, 1, 1, 0.0])
WAVE = table(120)


def sigmoids(**settings):
    return tw.Sequential(tw.Dense(4, "sigmoid"), tw.Dense(1, "sigmoid"), **settings)


def logits(**settings):
    return tw.Sequential(tw.Dense(4, "tanh"), tw.Dense(1), **settings)


# where the first candidate is far too high: what it leaves, and what the proposal leaves
TOO_HIGH = {
    "adam": (sigmoids, XOR, {"optimizer": "adam"}),
    "momentum": (sigmoids, XOR, {"optimizer": tw.SGD(momentum=0.9)}),
    "adam, logits": (logits, XOR, {"optimizer": "adam", "loss": "binary_cross_entropy"}),
    "momentum, logits": (
        logits, XOR, {"optimizer": tw.SGD(momentum=0.9), "loss": "binary_cross_entropy"}
    ),
    "interpreted": (sigmoids, XOR, {"optimizer": "adam", "engine": "numpy"}),
}  # fmt: skip
NOT_TOO_HIGH = {
    "sgd": (sigmoids, XOR, {"optimizer": "sgd"}),
    "lion": (sigmoids, XOR, {"optimizer": "lion"}),
    "large targets": (logits, (WAVE[0], 1e4 * WAVE[1]), {"optimizer": tw.SGD(momentum=0.9)}),
    "large inputs": (logits, (1e3 * WAVE[0], WAVE[1]), {"optimizer": "adam"}),
    "a sum": (logits, WAVE, {"optimizer": "rmsprop", "loss": "sse"}),
    "absolute errors": (logits, WAVE, {"optimizer": "adam", "loss": "mae"}),
    "one row": (logits, (WAVE[0][:1], WAVE[1][:1]), {"optimizer": "adam"}),
}


def ends_of(name: str) -> tuple[float, float, float]:
    """The losses at the start, after a run at the suggestion, and at the first candidate."""
    make, (X, y), settings = {**TOO_HIGH, **NOT_TOO_HIGH}[name]
    found = tw.lr_find(make(), X, y, **settings)
    given = {"epochs": 200, **settings}
    rule = {"adam": tw.Adam, "sgd": tw.SGD, "lion": tw.Lion, "rmsprop": tw.RMSProp}
    if isinstance(given["optimizer"], str):
        given["optimizer"] = rule[given["optimizer"]]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)
        sweep = tw.sweep(make, X, y, over={"lr": [found.suggestion, found.tried_lrs[0]]}, **given)
    losses = [run.history["loss"][-1] if run.failure is None else np.inf for run in sweep.runs]
    return sweep.runs[0].history["loss"][0], *losses


@pytest.mark.parametrize("name", [*TOO_HIGH, *NOT_TOO_HIGH])
def test_the_suggestion_trains(name: str) -> None:
    start, proposed, first = ends_of(name)
    assert proposed < 0.8 * start and proposed <= 1.5 * first
    if name in TOO_HIGH:
        assert proposed < 0.1 * start and first > start


@BOTH
def test_a_loss_that_no_rate_lowers_is_refused(engine: str) -> None:
    X, y = table()

    def level(prediction, target):
        return tw.stop_gradient(prediction[:, 0])

    with pytest.raises(
        SettingError, match=r"no rate from .* lowered the loss; give a smaller min_lr"
    ):
        tw.lr_find(network(), X, y, loss=level, engine=engine)
    with pytest.raises(SettingError, match=r"no rate from .* lowered the loss"):
        tw.lr_find(network(), X[:4] * 0, y[:4] * 0, engine=engine)


@BOTH
@pytest.mark.parametrize(
    "of", [tw.log, tw.sqrt, lambda x: 1 / (x + 1)], ids=("log", "root", "pole")
)
def test_a_loss_that_is_never_finite_is_refused(of, engine: str) -> None:
    class Broken(tw.Module):
        def __init__(self) -> None:
            self.out = tw.Dense(1)

        def __call__(self, x):
            return of(self.out(x) * 0 - 1)

    with pytest.raises(SettingError, match="not finite before the first step"):
        tw.lr_find(Broken(), *table(), engine=engine)


def test_the_network_is_left_unchanged_and_without_weights() -> None:
    X, y = table()
    net = network()
    tw.lr_find(net, X, y)
    assert not net.is_initialized
    rule = tw.Adam(lr=0.5, beta1=0.8)
    assert tw.lr_find(net, X, y, optimizer=rule).optimizer == "Adam" and rule.lr == 0.5


def test_the_result_is_printed_and_drawn() -> None:
    X, y = table()
    found = tw.lr_find(network(), X, y, optimizer="sgd")
    assert f"suggested: lr={found.suggestion:g}" in str(found)
    assert "SGD" in str(found) and "the test ended" in str(found)
    assert max(map(len, str(found).splitlines())) <= 80
    picture = rate_chart(found)
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert f"lr={found.suggestion:g}" in picture and "smoothed" in picture
    assert "10⁻⁴" in picture and "learning rate" in picture  # a tick of a log axis
    falling = tw.lr_find(network(), X, y, optimizer="sgd", max_lr=1e-2)
    assert not falling.diverged and "still falling" in str(falling)


def test_settings_of_fit_are_passed_on() -> None:
    X, y = table()
    label = (y[:, 0] > 0).astype(int)
    net = tw.Sequential(tw.Dense(2))
    weights = np.ones(len(X))
    found = tw.lr_find(
        net,
        X,
        label,
        loss="cross_entropy",
        batch_size=10,
        class_weight="balanced",
        sample_weight=weights,
        validation=0.2,
        seed=3,
        lr_multipliers={"0.bias": 0},
    )
    assert found.diverged and found.optimizer == "Adam"
    assert len(found.lrs) <= 112  # whole epochs of 16 steps


REFUSED = [
    ({"min_lr": 1.0, "max_lr": 1.0}, "min_lr must be below max_lr"),
    ({"min_lr": 0.0}, "min_lr must be a number above 0"),
    ({"steps": 3}, "steps must be an integer of at least 20"),
    ({"epochs": 3}, "has no argument 'epochs'"),
    ({"optimiser": "sgd"}, "'optimizer'"),
    ({"optimizer": "lbfgs"}, "LBFGS has no learning rate"),
    ({"optimizer": "sgd", "min_lr": 50.0}, "no rate from 50"),
    ({"batch_size": 0}, "batch_size must be"),
]


@pytest.mark.parametrize(("settings", "words"), REFUSED, ids=lambda each: str(each)[:30])
def test_settings_that_are_refused(settings, words: str) -> None:
    X, y = table()
    net = network().init(X, seed=0)
    before = net.weights.flat.copy()
    with pytest.raises((SettingError, TalwegError), match=words):
        tw.lr_find(net, X, y, **settings)
    assert_array_equal(net.weights.flat, before)
