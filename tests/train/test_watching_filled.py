"""A last batch that is filled up gives the same watched quantities as its rows alone."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(17, 2))
Y = X.sum(axis=1)
WITHOUT_MOVING = tw.SGD(lr=1e-30)
OF_STEPS_BEFORE = ("update_ratio", "direction_changes")

NETS: dict[str, Callable[[], list[tw.Module]]] = {
    "plain": lambda: [tw.Dense(7, "tanh"), tw.Dense(1)],
    "noise": lambda: [tw.Dense(7, "tanh"), tw.GaussianNoise(0.1), tw.Dense(1)],
    "noisy inputs": lambda: [tw.GaussianNoise(0.5), tw.Dense(7, "relu"), tw.Dense(1)],
    "noise before relu": lambda: [tw.GaussianNoise(3.0), tw.Dense(9, "relu"), tw.Dense(1)],
    "noise before sigmoid": lambda: [tw.GaussianNoise(9.0), tw.Dense(7, "sigmoid"), tw.Dense(1)],
    "dropout": lambda: [tw.Dense(7, "tanh"), tw.Dropout(0.5), tw.Dense(1)],
    "dropped inputs": lambda: [tw.Dropout(0.5), tw.Dense(9, "relu"), tw.Dense(1)],
    "dropped weights": lambda: [tw.DropConnect(7, "tanh"), tw.Dense(1)],
    "noisy weights": lambda: [tw.NoisyDense(7, "relu", stddev=1.0), tw.Dense(1)],
    "normed after noise": lambda: [
        tw.GaussianNoise(0.5),
        tw.BatchNorm(),
        tw.Dense(5, "tanh"),
        tw.Dense(1),
    ],
    "penalised outputs": lambda: [
        tw.GaussianNoise(0.5),
        tw.Dense(5, "tanh", activity_penalty=tw.L2(0.1)),
        tw.Dense(1),
    ],
}


def watched(net: list[tw.Module], rows: slice, engine: str, **settings: int) -> dict[str, float]:
    """Everything that is watched at the last step, with constant weights."""
    run = tw.fit(
        tw.Sequential(*net, dtype="float64"),
        X[rows],
        Y[rows],
        optimizer=WITHOUT_MOVING,
        shuffle=False,
        seed=1,
        watch="step",
        engine=engine,
        **settings,
    )
    last = {name: values[-1] for name, values in run.watched.items()}
    return {name: last[name] for name in last if name.rpartition("/")[2] not in OF_STEPS_BEFORE}


@pytest.mark.quick("16-noise", "16-noise before relu", "10-dropout", "16-normed after noise")
@pytest.mark.filterwarnings("ignore:No gradient reaches")  # of one row, a norm leaves nothing
@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("size", [16, 10])
@pytest.mark.parametrize("name", NETS)
def test_rows_that_fill_up_a_batch_are_not_watched(name: str, size: int, engine: str) -> None:
    """The last step of a run on 17 rows equals that of a run on the rows of its last batch only."""
    found = watched(NETS[name](), slice(None), engine, batch_size=size, epochs=1)
    wanted = watched(NETS[name](), slice(size, None), engine, batch_size=17 - size, epochs=2)
    assert found.keys() == wanted.keys()
    assert any(name.endswith("activation_mean") for name in found)
    for each, value in wanted.items():
        assert_allclose(found[each], value, rtol=1e-8, atol=3e-8, err_msg=each)
