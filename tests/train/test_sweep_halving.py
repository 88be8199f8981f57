"""Successive halving: the best runs continue, with the same bits as without a halt."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import talweg as tw
from talweg.train.run.job import Job

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 3))
Y = np.tanh(X @ [1.0, -2.0, 0.5])
ENGINES = ["native", "numpy"]
QUIET: dict[str, Any] = {"batch_size": 8, "progress": False, "epochs": 9}
RATES = {"lr": [1e-4, 0.02, 0.001, 0.3, 0.01, 0.05, 3e-4, 0.1, 0.003]}


def build(hidden: int = 4) -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, "tanh"), tw.Dense(1), dtype="float64")


def wide() -> tw.Sequential:
    """A network that is too large to be a replica."""
    return build(200)


def disturbed() -> tw.Sequential:
    return tw.Sequential(tw.Dense(6, "tanh"), tw.Dropout(0.3), tw.Dense(1), dtype="float64")


# what is trained, and what it must carry over from rung to rung
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "single runs": (wide, {}),
    "replicas": (build, {"batch_size": None}),
    "replicas, one order of rows": (build, {}),
    "an order of rows each": (wide, {"over": {"seed": range(9)}}),
    "random gates": (disturbed, {"over": {"seed": range(9)}}),
    "validation and the best weights": (wide, {"validation": 0.25}),
    "a schedule over all epochs": (wide, {"optimizer": tw.Adam(lr=tw.CosineDecay(0.03)),
                                          "over": {"seed": range(9)}}),
    "a plateau": (wide, {"optimizer": tw.SGD(lr=tw.ReduceOnPlateau(0.3, patience=1, watch="loss")),
                         "over": {"seed": range(9)}}),
    "stopping rules": (wide, {"stop": tw.EarlyStopping(4), "validation": (X, Y)}),
    "what is watched": (wide, {"watch": "epoch"}),
    "each step watched": (wide, {"watch": "step"}),
}  # fmt: skip


def assert_same(one: tw.Run, two: tw.Run) -> None:
    assert_array_equal(one.net.weights.flat, two.net.weights.flat)
    for records in ("history", "watched", "direction_changes"):
        ours, theirs = getattr(one, records), getattr(two, records)
        assert list(ours) == list(theirs)
        for name, values in ours.items():
            assert_array_equal(values, theirs[name])
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
    assert one.settings == two.settings


@pytest.mark.quick("single runs-native", "replicas-native", "a plateau-numpy")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", KINDS)
def test_runs_that_continue_have_the_bits_of_runs_without_a_halt(name: str, engine: str) -> None:
    made, given = KINDS[name]
    given = {**QUIET, "over": RATES, "engine": engine, "threads": 2, **given}
    whole = tw.sweep(made, X, Y, **given)
    halved = tw.sweep(made, X, Y, halving=tw.SuccessiveHalving(1), **given)
    assert halved.points == whole.points
    if "replicas" not in name:  # fewer of them may fill narrower vectors
        assert halved.programs == whole.programs
    measure = whole.compared_by
    entrants = list(range(9))
    for rung, (epochs, count) in enumerate([(1, 3), (3, 1)], 1):
        losses = {p: loss_after(whole.runs[p], measure, epochs) for p in entrants}
        best = sorted(sorted(entrants, key=losses.__getitem__)[:count])
        for place in {*entrants} - {*best}:
            run = halved.runs[place]
            assert run.stopped_by == "halving" and run.epochs == epochs
            assert halved.rungs[place] == rung == halved.table["rung"][place]
            for values, full in zip(run.history.values(), whole.runs[place].history.values(),
                                    strict=True):  # fmt: skip
                assert_array_equal(values, full[:epochs])
        entrants = best
    (winner,) = entrants
    assert halved.rungs[winner] == 3 and halved.best is halved.runs[winner]
    assert_same(halved.runs[winner], whole.runs[winner])


def loss_after(run: tw.Run, measure: str, epochs: int) -> float:
    """Of the weights that a run would keep: the least so far, where it keeps the best."""
    values = run.history[measure][:epochs]
    return float(values.min() if measure == "val_loss" else values[-1])


@pytest.mark.parametrize(
    ("halving", "epochs", "rungs"),
    [
        (tw.SuccessiveHalving(3), 81, [3, 9, 27, 81]),
        (tw.SuccessiveHalving(3), 80, [3, 9, 27, 80]),
        (tw.SuccessiveHalving(5, factor=2), 39, [5, 10, 20, 39]),
        (tw.SuccessiveHalving(1, factor=10 / 9), 4, [1, 2, 3, 4]),
        (tw.SuccessiveHalving(9), 9, [9]),
        (tw.SuccessiveHalving(20), 9, [9]),
    ],
)
def test_epochs_of_the_rungs(halving: tw.SuccessiveHalving, epochs: int, rungs: list[int]) -> None:
    assert halving.rungs(epochs) == rungs


def test_the_stop_reason_names_halving() -> None:
    sweep = tw.sweep(build, X, Y, over=RATES, halving=tw.SuccessiveHalving(3), **QUIET)
    why = sweep.runs[0].stop_reason
    assert why.startswith("with a loss of 0.") and "after 3 epochs" in why
    assert why.endswith("it was not among the best 3 of 9, which continued (rung 1 of 2)")
    assert list(sweep.table)[-4:] == ["rung", "stopped_by", "epochs", "seconds"]
    assert sorted(sweep.table["rung"].tolist()) == [1] * 6 + [2] * 3


@pytest.mark.parametrize("made", [build, wide])
def test_the_number_of_threads_does_not_change_which_runs_continue(made) -> None:
    given = {**QUIET, "over": RATES, "halving": tw.SuccessiveHalving(1)}
    one, two = (tw.sweep(made, X, Y, threads=threads, **given) for threads in (1, 3))
    for ours, theirs in zip(one.runs, two.runs, strict=True):
        assert_same(ours, theirs)


@pytest.mark.parametrize("engine", ENGINES)
def test_runs_that_failed_or_stopped_do_not_continue(engine: str) -> None:
    over = {"lr": [1e200, 0.01, 1e201, 0.1], "stop": [None, tw.MaxEpochs(2)]}
    given = {**QUIET, "optimizer": "sgd", "engine": engine}
    with pytest.warns(tw.TrainingWarning, match="4 of 8 runs"):
        sweep = tw.sweep(
            build, X, Y, over=over, halving=tw.SuccessiveHalving(3, factor=4 / 3), **given
        )
    ends = dict(zip([(p["lr"], p["stop"] is None) for p in sweep.points], sweep.runs, strict=True))
    for rate in (1e200, 1e201):
        assert {ends[rate, each].stopped_by for each in (True, False)} == {"non_finite"}
    assert ends[0.1, True].stopped_by == "epochs" and ends[0.1, True].epochs == 9
    assert ends[0.1, False].stopped_by == "max_epochs" and ends[0.1, False].epochs == 2
    assert len([run for run in sweep.runs if run.stopped_by == "halving"]) == 0  # 6 of 8 may go on


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"halving": 3}, r"halving must be tw.SuccessiveHalving\(min_epochs\) or None, not 3"),
        ({"over": {"epochs": [3, 9]}}, "sweep at epochs=3: successive halving chooses the epochs"),
        ({"optimizer": tw.LBFGS(), "batch_size": None}, "which LBFGS does not support yet"),
    ],
)
def test_refused_before_anything_is_trained(monkeypatch, given, words: str) -> None:
    monkeypatch.setattr("talweg.train.search.bracket.Executor", None)
    over = {} if "optimizer" in given else RATES
    given = {**QUIET, "over": over, "halving": tw.SuccessiveHalving(3), **given}
    with pytest.raises(tw.SettingError, match=words):
        tw.sweep(build, X, Y, **given)


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_in_a_later_rung(engine: str, monkeypatch) -> None:
    def run(job: Job, *given) -> tw.Run:
        begun.append(job)
        if len(begun) == 10:  # the first of the second rung
            threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
        return plain(job, *given)

    if threading.current_thread() is not threading.main_thread():
        pytest.skip("only the main thread receives signals")
    begun, plain = [], Job.run
    monkeypatch.setattr(Job, "run", run)
    given = {**QUIET, "epochs": 10**8, "engine": engine, "threads": 1}
    sweep = tw.sweep(wide, X, Y, over=RATES, halving=tw.SuccessiveHalving(2, factor=5e7), **given)
    ends = [run.stopped_by for run in sweep.runs]
    assert ends.count("halving") == 8 and ends.count("interrupted") == 1
    (cut,) = [run for run in sweep.runs if run.stopped_by == "interrupted"]
    assert cut.epochs > 2 and sweep.best is cut
