"""Stopping rules: on a series of losses, in a run, and combined."""

import time

import numpy as np
import pytest

import talweg as tw
from talweg.engine.run.program import Epoch
from talweg.errors import SettingError

NAN = float("nan")


def stops_at(rule: tw.Stop, losses: list[float], seconds: float = 1.0) -> int | None:
    """The epoch at which a rule stops a run with these losses and seconds per epoch."""
    state = rule.init()
    for number, loss in enumerate(losses, start=1):
        measures = {"loss": loss, "val_loss": loss}
        state, stop = rule.update(state, Epoch(number, number * seconds, measures))
        if stop:
            return number
    return None


@pytest.mark.parametrize(
    ("rule", "losses", "epoch"),
    [
        (tw.MaxEpochs(3), [9, 8, 7, 6], 3),
        (tw.MaxEpochs(9), [9, 8, 7, 6], None),
        (tw.TargetLoss(0.5), [9, 0.6, 0.5, 0.4], 3),
        (tw.TargetLoss(0.5), [NAN, NAN], None),
        (tw.TargetLoss(-1.0), [0, -2], 2),
        (tw.MinDecrease(0.05), [2, 1.9, 1.84, 1.8, 1.79], 4),
        (tw.MinDecrease(0.05, patience=2), [2, 1.98, 1.94, 1.92, 1.9, 1.8], 5),
        (tw.MinDecrease(0), [3, 2, 2], 3),
        (tw.MinDecrease(0.1), [3, NAN, 1], 2),
        (tw.EarlyStopping(2), [3, 2, 2.5, 2.4, 1], 4),
        (tw.EarlyStopping(2), [3, 2, 2.5, 1.9, 2, 2], 6),
        (tw.EarlyStopping(2, min_delta=0.5), [3, 2.8, 2.4, 2.3, 2.0], 5),
        (tw.EarlyStopping(1), [1, 2], 2),
        (tw.TimeBudget(2.5), [9, 8, 7, 6], 3),
        (tw.MaxEpochs(2) & tw.TargetLoss(1), [0, 9, 9, 0], 4),
        (tw.MaxEpochs(2) & tw.TargetLoss(1), [0, 0], 2),
        (tw.MaxEpochs(3) | tw.TargetLoss(1), [9, 1, 9], 2),
        (tw.MaxEpochs(3) | tw.TargetLoss(1), [9, 9, 9], 3),
        (tw.EarlyStopping(1) & tw.MaxEpochs(4) | tw.TargetLoss(0), [1, 2, 3, 2.5], 4),
        (tw.EarlyStopping(1) & (tw.MaxEpochs(4) | tw.TargetLoss(0)), [1, 0, 3, 2], 4),
    ],
    ids=str,
)
def test_the_epoch_at_which_a_rule_stops(rule: tw.Stop, losses, epoch: int | None) -> None:
    assert stops_at(rule, losses) == epoch


X = np.linspace(-1, 1, 8)[:, None]
Y = X[:, 0] ** 2


def fit(stop, **settings) -> tw.Run:
    net = tw.Sequential(tw.Dense(6, "tanh"), tw.Dense(1)).init(X, seed=1)
    settings = {"optimizer": tw.SGD(lr=0.1), "epochs": 500, **settings}
    return tw.fit(net, X, Y, stop=stop, **settings)


@pytest.mark.parametrize(
    ("stop", "stopped_by", "why"),
    [
        (tw.MaxEpochs(7), "max_epochs", "the 7 epochs of MaxEpochs were done"),
        (tw.TargetLoss(0.05), "target_loss", "loss reached the target 0.05 in epoch {}"),
        (tw.TargetLoss(0.1, watch="mae"), "target_loss", "mae reached the target 0.1 in epoch {}"),
        (
            tw.MinDecrease(0.01),
            "min_decrease",
            "loss had not fallen by more than 0.01 for 1 epoch",
        ),
        (
            tw.EarlyStopping(3, watch="val_loss", min_delta=0.02),
            "early_stopping",
            "val_loss had not fallen by more than 0.02 for 3 epochs",
        ),
        (
            tw.MaxEpochs(3) & tw.TargetLoss(100.0),
            "both",
            "the 3 epochs of MaxEpochs were done, and loss reached the target 100 in epoch 3",
        ),
        (
            [tw.TargetLoss(-1.0), tw.MaxEpochs(4)],
            "max_epochs",
            "the 4 epochs of MaxEpochs were done",
        ),
        (
            [tw.MaxEpochs(4), tw.TargetLoss(99.0)],
            "target_loss",
            "loss reached the target 99 in epoch 1",
        ),
        ([], "epochs", "all 500 epochs were done"),
    ],
    ids=str,
)
def test_the_stop_reason_of_each_rule(stop, stopped_by: str, why: str) -> None:
    run = fit(stop, metrics=["mae"], validation=(X, Y))
    assert (run.stopped_by, run.stop_reason) == (stopped_by, why.format(run.epochs))
    assert len(run.history["loss"]) == run.epochs == run.steps


def test_either_names_the_rule_that_held() -> None:
    run = fit(tw.MaxEpochs(2) | tw.TargetLoss(-1.0))
    assert run.epochs == 2
    assert "MaxEpochs" in run.stop_reason
    assert "target" not in run.stop_reason, "the loss never reached -1"


def test_a_run_stops_at_the_epoch_of_its_rule() -> None:
    run = fit(tw.TargetLoss(0.05))
    assert run.history["loss"][-1] <= 0.05 < run.history["loss"][-2]


def test_early_stopping_restores_the_best_weights() -> None:
    held = X, np.zeros(8)  # another goal: its loss rises after a while
    run = fit(tw.EarlyStopping(5), validation=held)
    assert run.stopped_by == "early_stopping"
    assert run.best_epoch == run.epochs - 5 == run.history["val_loss"].argmin() + 1


def test_a_custom_stopping_rule() -> None:
    class Rising(tw.Stop):
        name = "rising"

        def init(self):
            return {"last": float("inf")}

        def update(self, state, epoch):
            loss = epoch.measures["loss"]
            return {"last": loss}, loss > state["last"]

        def watches(self):
            return {"loss"}

    run = fit(Rising(), optimizer=tw.SGD(lr=1.5))
    assert run.stopped_by == "rising"
    assert run.history["loss"][-1] > run.history["loss"][-2]


# Time ---------------------------------------------------------------------------------------------

MANY = np.tile(X, (375_000, 1))


def fit_for(stop: tw.Stop) -> tw.Run:
    """One epoch of 3,000,000 steps, which would take more than half a second."""
    net = tw.Sequential(tw.Dense(1))
    return tw.fit(net, MANY, MANY, batch_size=1, epochs=1, shuffle=False, stop=stop)


def test_a_time_budget_stops_within_an_epoch() -> None:
    run = fit_for(tw.TimeBudget(0.2))
    assert run.stopped_by == "time_budget"
    assert run.stop_reason == "the time budget of 0.2 s was used up"
    assert run.seconds >= 0.2
    assert 0 < run.steps < len(MANY) and run.epochs == 0
    assert np.isfinite(run.net.weights.flat).all()


def test_a_time_budget_stops_within_an_epoch_as_one_of_two_rules() -> None:
    assert fit_for(tw.TimeBudget(0.2) | tw.TargetLoss(-1.0)).epochs == 0


def test_the_history_of_a_run_without_a_whole_epoch_is_empty() -> None:
    run = fit_for(tw.TimeBudget(0.05))
    assert run.history["loss"].shape == (0,)


def test_a_run_stopped_within_an_epoch_reports_the_step() -> None:
    run = fit_for(tw.TimeBudget(0.1))
    assert run.weights_taken == f"after step {run.steps}, within epoch 1"
    assert run.weights_taken in str(run)
    assert fit(tw.MaxEpochs(3)).weights_taken == "after epoch 3"


def test_a_time_budget_that_ends_with_an_epoch_keeps_that_epoch() -> None:
    class Slow(tw.Stop):
        def update(self, state, epoch):
            time.sleep(0.02)
            return {}, False

    run = fit([Slow(), tw.TimeBudget(0.05)], batch_size=None, engine="numpy")
    assert run.epochs == run.steps == len(run.history["loss"]) > 0
    assert run.weights_taken == f"after epoch {run.epochs}"


def test_the_shorter_of_two_time_budgets_counts() -> None:
    run = fit([tw.TimeBudget(600), tw.TimeBudget(0.1)], epochs=10**6)
    assert "budget of 0.1 s" in run.stop_reason


# Refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tw.MaxEpochs(0), "MaxEpochs: epochs must be an integer of at least 1"),
        (lambda: tw.TargetLoss(NAN), "TargetLoss: target must be a number"),
        (lambda: tw.MinDecrease(-0.1), "MinDecrease: min_delta must be a number of at least 0"),
        (lambda: tw.EarlyStopping(0), "EarlyStopping: patience must be an integer of at least 1"),
        (lambda: tw.EarlyStopping(2.5), "EarlyStopping: patience must be an integer"),
        (lambda: tw.TimeBudget(0), "TimeBudget: seconds must be a number above 0"),
        (lambda: fit(tw.EarlyStopping(3)), "There is no validation data: give validation=(X, y)"),
        (lambda: fit(tw.TargetLoss(0.1, watch="mea"), metrics=["mae"]), "Did you mean 'mae'?"),
        (lambda: fit(tw.TargetLoss(1) & tw.EarlyStopping(3)), "watches 'val_loss'"),
        (
            lambda: fit(["patience"]),
            "stop takes rules such as tw.EarlyStopping(10), not 'patience'",
        ),
        (lambda: fit(5), "stop takes rules"),
        (lambda: fit(tw.EarlyStopping), "stop takes rules"),
    ],
)
def test_refused(make, words: str) -> None:
    with pytest.raises(SettingError) as raised:
        make()
    assert words in str(raised.value)


def test_stop_may_be_none() -> None:
    assert fit(None, epochs=2).stopped_by == "epochs"
