"""Arguments that `fit` refuses, with their messages; a refusal changes nothing."""

import numpy as np
import pytest

import talweg as tw
from talweg.errors import DataError, SettingError, ShapeError, TalwegError

X = np.random.default_rng(0).normal(size=(6, 3))
Y = X.sum(axis=1)


def with_hole(array: np.ndarray, place, value: float) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


CASES = [
    # settings
    (SettingError, "fit: epochs must be an integer of at least 1, but 0 was given", {"epochs": 0}),
    (SettingError, "epochs must be an integer", {"epochs": 2.5}),
    (SettingError, "batch_size must be an integer of at least 1 or None", {"batch_size": 0}),
    (SettingError, "batch_size must be an integer", {"batch_size": -1}),
    (SettingError, "shuffle must be True or False", {"shuffle": "yes"}),
    (SettingError, "seed must be an integer of at least 0", {"seed": -1}),
    (SettingError, "seed must be", {"seed": 2**64}),
    (SettingError, "threads must be an integer of at least 1 or None", {"threads": 0}),
    (SettingError, "restore_best must be True, False or None, but 'best' was given",
     {"restore_best": "best"}),
    (SettingError, "Did you mean 'numpy'?", {"engine": "numpi"}),
    (SettingError, "Did you mean 'adam'?", {"optimizer": "adamm"}),
    (SettingError, "Did you mean 'mse'?", {"loss": "mes"}),
    (SettingError, "Did you mean 'accuracy'?", {"metrics": ["accurracy"]}),
    # data
    (ShapeError, "fit: X has 5 rows, but y has 6", {"X": X[:5]}),
    (ShapeError, "fit: X has 6 rows, but y has 0", {"y": 3.0}),
    (DataError, "fit: X has no rows", {"X": X[:0], "y": Y[:0]}),
    (DataError, "fit: X holds nan at [4, 1] (1 such values in all)",
     {"X": with_hole(X, (4, 1), np.nan)}),
    (DataError, "fit: X holds inf at [2, 0]", {"X": with_hole(X, (2, 0), np.inf)}),
    (DataError, "the target holds nan at row 3", {"y": with_hole(Y, 3, np.nan)}),
    (DataError, "the target holds -inf at row 0", {"y": with_hole(Y, 0, -np.inf)}),
    (ShapeError, "the target has shape (6, 2), the prediction (6, 1)", {"y": np.c_[Y, Y]}),
    (TalwegError, "X must hold numbers", {"X": [["a", "b", "c"]] * 6}),
    (DataError, "the target must hold numbers", {"y": list("abcdef")}),
    (DataError, "X has 1 masked values", {"X": np.ma.masked_equal(with_hole(X, (2, 0), -9), -9)}),
    (DataError, "the target has 2 masked", {"y": np.ma.array(Y, mask=[1, 0, 0, 1, 0, 0])}),
    # weights
    (ShapeError, "sample_weight has shape (5,), but there are 6", {"sample_weight": np.ones(5)}),
    (DataError, "holds -1.0 at row 2", {"sample_weight": [1, 1, -1, 1, 1, 1]}),
    (DataError, "holds nan at row 0", {"sample_weight": [np.nan, 1, 1, 1, 1, 1]}),
    (DataError, "every row has the weight 0", {"sample_weight": np.zeros(6)}),
    (SettingError, "class_weight needs classes", {"class_weight": "balanced"}),
    (SettingError, "must be 'balanced', or weights by class, not 'equal'",
     {"class_weight": "equal", "loss": "binary_cross_entropy", "y": Y > 0}),
    (SettingError, "there is no class 2 in 0..1",
     {"class_weight": {2: 1}, "loss": "binary_cross_entropy", "y": Y > 0}),
    (SettingError, "must have 2 weights of at least 0",
     {"class_weight": [1, 2, 3], "loss": "binary_cross_entropy", "y": Y > 0}),
    (SettingError, "must have 2 weights of at least 0",
     {"class_weight": [1, -2], "loss": "binary_cross_entropy", "y": Y > 0}),
    # validation
    (SettingError, "leaves no row for training", {"validation": 1.0}),
    (SettingError, "leaves no row for training or none for validation", {"validation": 0.01}),
    (SettingError, "validation must be (X, y), (X, y, weights), a share", {"validation": (X,)}),
    (SettingError, "but int was given", {"validation": 2}),
    (ShapeError, "validation X has 6 rows, but validation y has 2", {"validation": (X, Y[:2])}),
    (ShapeError, "rows of X have shape (3,), but rows of the validation X have (2,)",
     {"validation": (X[:, :2], Y)}),
    (DataError, "validation X holds nan at [0, 0]",
     {"validation": (with_hole(X, (0, 0), np.nan), Y)}),
    (DataError, "validation sample_weight: every row", {"validation": (X, Y, np.zeros(6))}),
    # functions
    (ShapeError, "must return one number per row, (6,), but returned float64[]",
     {"loss": lambda p, t: tw.mean((p - t) ** 2)}),
    (ShapeError, "must return one number per row, (6,), but returned float64[6, 1]",
     {"loss": lambda p, t: (p - t) ** 2}),
    (ShapeError, "but returned float", {"loss": lambda p, t: 1.0}),
]  # fmt: skip


@pytest.fixture
def net() -> tw.Sequential:
    return tw.Sequential(tw.Dense(4, "tanh"), tw.Dense(1), dtype="float64")


def refused(net: tw.Module, error, words: str, settings) -> None:
    given = {"X": X, "y": Y, **settings}
    with pytest.raises(error) as raised:
        tw.fit(net, given.pop("X"), given.pop("y"), **given)
    assert words in str(raised.value)


@pytest.mark.parametrize(("error", "words", "settings"), CASES, ids=[c[1][:40] for c in CASES])
def test_a_refused_fit_leaves_the_weights_unchanged(net, error, words: str, settings) -> None:
    start = net.init(X).weights.flat.copy()
    refused(net, error, words, settings)
    np.testing.assert_array_equal(net.weights.flat, start)


@pytest.mark.parametrize(
    "settings",
    [{"y": Y[:5]}, {"validation": (X, Y[:2])}, {"loss": lambda p, t: 1.0}, {"epochs": 0}],
    ids=["target", "validation", "loss", "setting"],
)
def test_a_refused_fit_leaves_a_new_net_uninitialized(net: tw.Sequential, settings) -> None:
    """Otherwise the next fit would start from the seed of the refused one."""
    with pytest.raises(TalwegError):
        tw.fit(net, **{"X": X, "y": Y, **settings})
    assert not net.is_initialized


def test_a_different_number_of_columns_is_refused(net: tw.Sequential) -> None:
    net.init(X)
    refused(net, ShapeError, "check the number of columns", {"X": X[:, :2]})


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ([tw.Metric("loss", lambda p, t: p[:, 0])], "cannot be called 'loss'"),
        ([tw.Metric("weights", lambda p, t: p[:, 0])], "cannot be called 'weights'"),
        (["mae", "mae"], "two metrics are called 'mae'"),
        ([lambda p, t: p[:, 0], lambda p, t: t[:, 0]], "two metrics are called '<lambda>'"),
        (tw.Metric("", lambda p, t: p[:, 0]), "the name of a metric must be a word"),
        ([np.ones(2)], "no metric is called"),
        (["cross_entropy"], "needs classes targets, but the loss 'mse' has numbers"),
    ],
)
def test_ambiguous_or_unmeasurable_metrics_are_refused(net, metrics, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        tw.fit(net, X, Y, metrics=metrics)


@pytest.mark.parametrize("given", [None, "net", tw.Sequential, lambda x: x])
def test_values_that_are_no_net_are_refused(given) -> None:
    with pytest.raises(SettingError, match=r"net must be a module such as tw\.Sequential"):
        tw.fit(given, X, Y)


def test_numbers_too_large_for_the_dtype_are_refused() -> None:
    """1e300 is finite, but not in float32: the message must not mention missing cells."""
    with pytest.raises(DataError) as raised:
        tw.fit(tw.Sequential(tw.Dense(1)), with_hole(X, (1, 2), 1e300), Y)
    assert "float32" in str(raised.value)


def test_metrics_may_come_from_a_generator() -> None:
    run = tw.fit(tw.Sequential(tw.Dense(1)), X, Y, metrics=(m for m in ["mae"]), epochs=1)
    assert [*run.history] == ["loss", "mae"] and run.settings["metrics"] == ["mae"]


@pytest.mark.parametrize(
    "settings",
    [
        {"sample_weight": [1, [2]]},
        {"sample_weight": "balanced"},
        {"y": [1, [2], 3, 4, 5, 6]},
        {"validation": float("nan")},
        {"X": X + 1j},
        {"X": np.zeros((6, 3), "M8[s]")},
        {"optimizer": "sgd", "epochs": True},
    ],
    ids=str,
)
def test_non_numeric_settings_are_refused_by_name(settings) -> None:
    with pytest.raises(TalwegError):
        tw.fit(tw.Sequential(tw.Dense(1)), **{"X": X, "y": Y, **settings})
