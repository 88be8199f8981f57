"""Runs of a tiny network in a sweep are replicas of one run, equal to `fit` up to rounding."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.train.search.batching import FEW, replicas_among, works_of
from talweg.train.search.search_space import points_of
from talweg.train.search.sweep_tasks import tasks_of

pytest.importorskip("llvmlite")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(9, 3))
Y = np.tanh(X @ [1.0, -2.0, 0.5])
RATES = [0.001, 0.002, 0.005, 0.01, 0.02]
QUIET = {"epochs": 40, "batch_size": None, "progress": False, "optimizer": "sgd"}
ROUNDING = {"float32": 1e-5, "float64": 1e-12}


def build(hidden: int = 4, activation: str = "tanh", dtype: str = "float64") -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, activation), tw.Dense(1), dtype=dtype)


def assert_near(one: tw.Run, two: tw.Run, rounding: float = ROUNDING["float64"]) -> None:
    near = {"rtol": rounding, "atol": rounding}
    assert_allclose(one.net.weights.flat, two.net.weights.flat, **near)
    assert list(one.history) == list(two.history)
    for name, values in one.history.items():
        assert_allclose(values, two.history[name], **near)
    for name in (
        "stopped_by",
        "stop_reason",
        "best_epoch",
        "weights_taken",
        "epochs",
        "steps",
        "failure",
    ):
        assert getattr(one, name) == getattr(two, name), name
    apart = {"threads", "progress"}
    settings = [{n: v for n, v in run.settings.items() if n not in apart} for run in (one, two)]
    assert settings[0] == settings[1]


def widths(over: dict[str, Any], **settings: Any) -> list[int]:
    """The number of runs in each call of a program, for a sweep with these settings."""
    given = {**QUIET, "threads": 1, **settings}
    made = build
    if "dtype" in given:
        dtype = given.pop("dtype")
        made = lambda hidden=4: build(hidden, dtype=dtype)  # noqa: E731
    tasks = tasks_of(made, X, Y, points_of(made, over, given))
    works = works_of(tasks, range(len(tasks)), replicas_among(tasks), 1)
    assert sorted(place for each in works for place in each.indices) == list(
        range(sum(len(each.tasks) for each in works))
    )
    return [len(each.indices) for each in works]


# As `fit` -----------------------------------------------------------------------------------------

SETTINGS: dict[str, dict[str, Any]] = {
    "full batch": {},
    "batches in order, the last one short": {"batch_size": 5, "shuffle": False},
    "batches in one drawn order": {"batch_size": 5, "seed": 3},
    "single rows": {"batch_size": 1, "shuffle": False, "epochs": 5},
    "momentum": {"optimizer": tw.SGD(momentum=0.9)},
    "decay": {"optimizer": tw.SGD(weight_decay=0.1)},
    "adam": {"optimizer": "adam"},
    "metrics": {"metrics": ["mae", tw.huber]},
    "a sum as loss": {"loss": "half_sse", "optimizer": tw.SGD()},
    "another loss": {"loss": tw.huber},
    "weighed rows": {"sample_weight": np.arange(9)},
}


@pytest.mark.quick("adam-float64", "full batch-float32", "weighed rows-float64")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SETTINGS)
def test_replicas_equal_runs_of_fit(name: str, dtype: str) -> None:
    settings = {**QUIET, **SETTINGS[name]}
    assert max(widths({"lr": RATES}, dtype=dtype, **SETTINGS[name])) > 1

    def made() -> tw.Sequential:
        return build(dtype=dtype)

    sweep = tw.sweep(made, X, Y, over={"lr": RATES}, threads=2, **settings)
    assert sweep.programs == 1 and len(sweep.runs) == len(RATES)
    rule = settings.pop("optimizer")
    rule = {"sgd": tw.SGD(), "adam": tw.Adam()}.get(rule, rule)
    for rate, run in zip(RATES, sweep.runs, strict=True):
        settings["optimizer"] = type(rule)(**{**vars(rule), "lr": rate})
        assert_near(run, tw.fit(made(), X, Y, **settings), ROUNDING[dtype])


def test_replicas_of_classifiers_equal_runs_of_fit() -> None:
    def made(seed: int) -> tw.Sequential:
        return tw.Sequential(tw.Dense(4, "relu"), tw.Dense(3), dtype="float64")

    labels = np.digitize(Y, [-0.5, 0.5])
    settings = {**QUIET, "loss": "cross_entropy", "metrics": ["accuracy"]}
    sweep = tw.sweep(made, X, labels, over={"seed": range(6)}, **settings)
    assert sweep.programs == 1
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        assert_near(run, tw.fit(made(0), X, labels, **point, **settings))


def test_neither_threads_nor_the_other_points_change_a_bit() -> None:
    rates = np.geomspace(0.001, 0.3, 37)
    runs = tw.sweep(build, X, Y, over={"lr": rates}, threads=1, **QUIET).runs
    many = tw.sweep(build, X, Y, over={"lr": rates}, threads=3, **QUIET).runs
    few = tw.sweep(build, X, Y, over={"lr": rates[::-7]}, threads=2, **QUIET).runs
    for ours, theirs in [*zip(runs, many, strict=True), *zip(runs[::-7], few, strict=True)]:
        assert_near(ours, theirs, 0)


def test_each_run_has_its_own_network_and_numbers() -> None:
    sweep = tw.sweep(build, X, Y, over={"seed": range(9)}, metrics="mae", **QUIET)
    assert len({run.net.weights.flat.tobytes() for run in sweep.runs}) == 9
    assert len({run.history["mae"][-1] for run in sweep.runs}) == 9
    assert all(run.history["loss"].flags.c_contiguous for run in sweep.runs)
    assert all(run.seconds > 0 and run.compile_seconds > 0 for run in sweep.runs)
    before = sweep.runs[1].net.weights.flat.copy()
    sweep.runs[0].net.weights.flat[:] = 0
    assert_array_equal(sweep.runs[1].net.weights.flat, before)


# Which --------------------------------------------------------------------------------------------

RATE, SEEDS = {"lr": RATES}, {"seed": range(5)}
ALONE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "too few": ({"lr": RATES[: FEW - 1]}, {}),
    "too large a net": ({"hidden": [200], **RATE}, {}),
    "an order of rows each": (SEEDS, {"batch_size": 5}),
    "validation": (RATE, {"validation": (X, Y), "restore_best": False}),
    "a share to validate on": (RATE, {"validation": 0.25}),
    "the best kept": (RATE, {"restore_best": True}),
    "a stopping rule": (RATE, {"stop": tw.MaxEpochs(3)}),
    "a time budget": (RATE, {"stop": tw.TimeBudget(3)}),
    "watched": (RATE, {"watch": "epoch"}),
    "other epochs": ({"epochs": [1, 2, 3, 4, 5]}, {}),
}
TOGETHER: dict[str, tuple[dict[str, Any], dict[str, Any], list[int]]] = {
    "rates": (RATE, {}, [5]),
    "seeds, full batch": (SEEDS, {}, [5]),
    "seeds, in order": (SEEDS, {"batch_size": 5, "shuffle": False}, [5]),
    "one order of rows": (RATE, {"batch_size": 5}, [5]),
    "two structures": ({"hidden": [2, 3], **RATE}, {}, [5, 5]),
    "two lengths": ({"epochs": [2, 3], **RATE}, {}, [5, 5]),
    "two orders": ({"seed": [1, 2], **RATE}, {"batch_size": 5}, [5, 5]),
    "some are too few": ({"momentum": [0.0, 0.5, 0.6, 0.7, 0.8]}, {}, [1, 4]),
}


@pytest.mark.parametrize("name", ALONE)
def test_runs_that_are_no_replicas(name: str) -> None:
    over, settings = ALONE[name]
    assert set(widths(over, dtype="float32", **settings)) == {1}


@pytest.mark.parametrize("name", TOGETHER)
def test_runs_that_are_replicas(name: str) -> None:
    over, settings, expected = TOGETHER[name]
    assert widths(over, dtype="float32", **settings) == expected


def test_an_elementwise_gate_of_ones_own_has_replicas() -> None:
    def made() -> tw.Sequential:
        return tw.Sequential(tw.Dense(4, lambda x: tw.gates.tanh(x) * 0.5), tw.Dense(1))

    sweep = tw.sweep(made, X, Y, over={"lr": RATES}, **QUIET)
    for rate, run in zip(RATES, sweep.runs, strict=True):
        alone = tw.fit(made(), X, Y, **{**QUIET, "optimizer": tw.SGD(lr=rate)})
        assert_near(run, alone, ROUNDING["float32"])


# Failures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_replica_that_diverges_ends_as_in_fit_and_harms_no_other(dtype: str) -> None:
    def made() -> tw.Sequential:
        return build(dtype=dtype)

    calm = tw.sweep(made, X, Y, over={"lr": RATES}, **QUIET)
    mixed = [RATES[0], 1e30, *RATES[1:3], 1e31, *RATES[3:]]
    with pytest.warns(tw.TrainingWarning, match=r"2 of 7 runs .*: lr=1e\+30; lr=1e\+31\."):
        wild = tw.sweep(made, X, Y, over={"lr": mixed}, **QUIET)
    runs = {point["lr"]: run for point, run in zip(wild.points, wild.runs, strict=True)}
    for point, run in zip(calm.points, calm.runs, strict=True):
        assert_near(runs[point["lr"]], run, 0)
    for rate in (1e30, 1e31):
        with pytest.warns(tw.TrainingWarning):
            alone = tw.fit(made(), X, Y, **{**QUIET, "optimizer": tw.SGD(lr=rate)})
        ours, theirs = runs[rate].failure, alone.failure
        assert ours is not None and theirs is not None and ours.lr == rate
        assert (ours.epoch, ours.step, ours.gate) == (theirs.epoch, theirs.step, theirs.gate)
        assert runs[rate].steps == alone.steps and runs[rate].stopped_by == "non_finite"
        assert_array_equal(runs[rate].net.weights.flat, alone.net.weights.flat)
        assert_array_equal(runs[rate].history["loss"], alone.history["loss"])
    assert wild.programs == 2


# Ctrl-C -------------------------------------------------------------------------------------------


def test_ctrl_c_keeps_the_weights_of_replicas() -> None:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("only the main thread receives signals")
    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    settings = {**QUIET, "epochs": 10**9}
    rates = [0.01, 1e30, 0.02, 0.05]
    timer.start()
    try:
        sweep = tw.sweep(build, X, Y, over={"lr": rates}, threads=1, **settings)
    finally:
        timer.cancel()
    assert [run.stopped_by for run in sweep.runs] == ["interrupted"] * 4
    steps = [run.steps for run in sweep.runs]
    assert steps[0] > 0 and steps == [steps[0], 0, steps[0], steps[0]]  # the second had diverged
    for run in sweep.runs:
        assert np.isfinite(run.net.weights.flat).all()
        assert len(run.history["loss"]) == run.epochs
    assert not sweep.left_out
