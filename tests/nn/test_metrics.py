"""Every metric, measured on a network that returns its input, before the first update."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from talweg.errors import SettingError, ShapeError
from talweg.nn import METRICS


def measured(metric, prediction, target, loss="mse", end="identity", **settings) -> float:
    """The metric of a net whose outputs are `prediction`: Dense with the unit matrix."""
    rows = np.asarray(prediction, dtype=float)
    dtype = settings.pop("dtype", "float64")
    layer = tw.Dense(rows.shape[1], end, bias=False, init=np.eye(rows.shape[1]))
    net = tw.Sequential(layer, dtype=dtype)
    run = tw.fit(
        net, rows, target, loss=loss, metrics=[metric], epochs=1, batch_size=None, **settings
    )
    name = metric if isinstance(metric, str) else run.history and [*run.history][1]
    return float(run.history[name][0])


ONE_OUTPUT = np.array([[0.2], [0.7], [0.5], [-3.0], [9.0]])
LOGITS = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, -1.0], [0.0, 1.0, 5.0], [4.0, 1.0, 0.0]])

# what each row shows, metric, predictions, targets, settings, value
CASES = {
    "accuracy: above 1/2 is class 1": (
        "accuracy", ONE_OUTPUT, [0, 1, 0, 0, 0], {}, 0.8,
    ),
    "accuracy: a logit above 0 is class 1": (
        "accuracy", ONE_OUTPUT - 0.5, [0, 1, 0, 0, 0], {"loss": "binary_cross_entropy"}, 0.8,
    ),
    "accuracy: a sigmoid above 1/2 is class 1": (
        "accuracy", ONE_OUTPUT - 0.5, [0, 1, 0, 0, 0],
        {"loss": "binary_cross_entropy", "end": "sigmoid"}, 0.8,
    ),
    "accuracy: the largest of several, whole labels": (
        "accuracy", LOGITS, [0, 1, 1, 0], {"loss": "cross_entropy"}, 0.75,
    ),
    "accuracy: the largest of several, one-hot": (
        "accuracy", LOGITS, np.eye(3)[[0, 1, 1, 0]], {"loss": "cross_entropy"}, 0.75,
    ),
    "accuracy: the largest of several, softmax": (
        "accuracy", LOGITS, [0, 1, 1, 0], {"loss": "cross_entropy", "end": "softmax"}, 0.75,
    ),
    "accuracy: one-hot targets as numbers": (
        "accuracy", LOGITS, np.eye(3)[[0, 1, 1, 0]], {"loss": "mse"}, 0.75,
    ),
    "accuracy: the right bits of several": (
        "accuracy", [[1, 2, -1.0], [1, -1, 2]], [[1, 1, 0], [1, 1, 0]],
        {"loss": "binary_cross_entropy"}, 4 / 6,
    ),
    "mae": ("mae", LOGITS, np.zeros((4, 3)), {}, 18 / 12),
    "mse": ("mse", LOGITS, np.zeros((4, 3)), {"loss": "mae"}, 58 / 12),
    "sse is a mean over rows": ("sse", LOGITS, np.zeros((4, 3)), {}, 58 / 4),
    "half_sse is a mean over rows": ("half_sse", LOGITS, np.zeros((4, 3)), {}, 29 / 4),
    "huber": ("huber", [[0.5], [-3.0]], [0, 0], {}, (0.125 + 2.5) / 2),
    "binary_cross_entropy": (
        "binary_cross_entropy", [[0.0], [0.0]], [0, 1], {"loss": "binary_cross_entropy"}, np.log(2),
    ),
    "cross_entropy": ("cross_entropy", np.zeros((2, 4)), [1, 3], {"loss": "cross_entropy"},
                      np.log(4)),
    "weights weigh": (
        "mae", [[1.0], [5.0]], [0, 0], {"sample_weight": [3, 1]}, 2.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_value(case: str, dtype: str) -> None:
    metric, prediction, target, settings, expected = CASES[case]
    found = measured(metric, prediction, target, dtype=dtype, **settings)
    assert_allclose(found, expected, rtol=1e-6 if dtype == "float32" else 1e-14)


def test_the_table_is_complete() -> None:
    assert {case[0] for case in CASES.values()} == set(METRICS)


def test_perfect_accuracy_is_exactly_1() -> None:
    """float32(41) * float32(1 / 41) is below 1, so a share must be divided, not multiplied."""
    assert measured("accuracy", np.ones((41, 1)), np.ones(41), dtype="float32") == 1


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (tw.Metric("off", lambda p, t: tw.max(tw.absolute(p - t), axis=1)), "off"),
        (tw.mse, "mse"),
    ],
)
def test_a_metric_may_be_a_record_a_loss_or_a_function(metric, name: str) -> None:
    net = tw.Sequential(tw.Dense(1, init=1.0))
    run = tw.fit(net, [[1.0], [3.0]], [0, 0], loss="mae", metrics=[metric], epochs=1)
    assert [*run.history] == ["loss", name]
    assert_allclose(run.history[name], [2.0 if name == "off" else 5.0])


def test_a_function_is_called_by_its_name() -> None:
    def largest_gap(prediction, target):
        return tw.max(tw.absolute(prediction - target), axis=1)

    net = tw.Sequential(tw.Dense(1, init=1.0))
    assert tw.fit(net, [[3.0]], [0], metrics=[largest_gap], epochs=1).history["largest_gap"] == [3]


@pytest.mark.parametrize(
    ("metric", "error", "words"),
    [
        ("acuracy", SettingError, "Did you mean 'accuracy'?"),
        (7, SettingError, "no metric is called 7"),
        (lambda p, t: tw.sum(p), ShapeError, "must return one number per row, (2,)"),
    ],
)
def test_refused(metric, error, words: str) -> None:
    with pytest.raises(error) as raised:
        tw.fit(tw.Sequential(tw.Dense(1)), [[1.0], [2.0]], [1, 2], metrics=[metric])
    assert words in str(raised.value)


def test_one_name_alone_is_a_metric_too() -> None:
    run = tw.fit(tw.Sequential(tw.Dense(1)), [[1.0]], [1], metrics="mae", epochs=1)
    assert [*run.history] == ["loss", "mae"]
