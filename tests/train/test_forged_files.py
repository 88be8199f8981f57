"""Checkpoints and sweeps whose digests are right, and whose content no run has left: refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.archive import read_bundle, write_bundle
from talweg.train.run import checkpoint
from talweg.train.search import sweep_file

X = np.random.default_rng(0).normal(size=(24, 3))
Y = X.sum(1, keepdims=True)
Change = Callable[[dict[str, Any], dict[str, Any]], object]


def fit(path: Path, **settings: Any) -> tw.Run:
    net = tw.Sequential(tw.Dense(3, "tanh"), tw.Dense(1))
    given = {"epochs": 4, "batch_size": 8, "watch": True, "stop": tw.EarlyStopping(9), **settings}
    return tw.fit(net, X, Y, validation=0.25, checkpoint=path, **given)


def twice(name: str) -> Change:
    return lambda config, arrays: arrays.update({name: np.concatenate([arrays[name]] * 2)})


def array(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda config, arrays: arrays.update({name: change(arrays[name])})


def number(name: str, value: Any) -> Change:
    return lambda config, arrays: config["numbers"].update({name: value})


def renamed(group: str) -> Change:
    return lambda config, arrays: config["names"][group].__setitem__(0, "x")


FORGED: dict[str, tuple[Change, str]] = {
    "no config": (lambda c, a: c.clear(), "config.run must be a mapping, but is absent"),
    "a part more": (lambda c, a: c.update(x=1), "config.x must be absent, but is 1"),
    "names as text": (lambda c, a: c.update(names="state"), "config.names must be a mapping"),
    "weights too long": (twice("weights"), "'weights' is float32 (32,), not float32 (16,)"),
    "weights of one": (array("weights", lambda a: a[:1]), "'weights' is float32 (1,)"),
    "weights in a row": (array("weights", lambda a: a[None]), "'weights' is float32 (1, 16)"),
    "weights of text": (array("weights", lambda a: a.astype(str)), "not float32 (16,)"),
    "weights of float64": (array("weights", lambda a: a.astype(float)), "is float64 (16,)"),
    "weights with NaN": (array("weights", lambda a: a * np.nan), "'weights' is not finite"),
    "the best with infinity": (array("best", lambda a: a / 0), "'weights' is not finite"),
    "no weights": (lambda c, a: a.pop("weights"), "it lacks the array 'weights'"),
    "a state too long": (twice("state.0"), "not float32 (16,)"),
    "a lost state": (lambda c, a: a.pop("state.1"), "it lacks the array 'state.1'"),
    "a state renamed": (renamed("state"), "should be [mean, square"),
    "a state with NaN": (array("state.0", lambda a: a * np.nan), "is not finite"),
    "a rule renamed": (renamed("rules"), "[x, rule.0.waited] should be [rule.0.best"),
    "a rule of two numbers": (array("rules.0", lambda a: np.stack([a, a])), "(2,), not float64 ()"),
    "a measure renamed": (renamed("history"), "[x, val_loss] should be [loss, val_loss]"),
    "a measure too short": (array("history.0", lambda a: a[:3]), "is float64 (3,)"),
    "a watched column too long": (twice("watched.0"), "float64 (8,), not float64 (4,)"),
    "a watched one renamed": (renamed("watched"), "[x, "),
    "two of one name": (lambda c, a: c["names"]["state"].append("mean"), "different items"),
    "epochs as text": (number("epoch", "4"), "config.numbers.epoch must be an integer"),
    "epochs with a fraction": (number("epoch", 3.5), "but is 3.5"),
    "fewer epochs": (number("epoch", 3), "is float64 (4,), not float64 (3,)"),
    "negative steps": (number("step", -1), "config.numbers.step must be an integer of at least 0"),
    "other steps": (number("step", 13), "13 steps are not 4 epochs of 3"),
    "the best to come": (number("best_epoch", 5), "the best epoch 5 is beyond the 4"),
    "seconds without end": (number("seconds", float("inf")), "but is inf"),
    "another rule that held": (number("stopped_by", 1), "there is no stopping rule 1"),
    "a loss beyond all floats": (number("best_loss", 10**400), "best_loss must be a number"),
    "more epochs than counts go": (number("epoch", 2**63), "epoch must be an integer of at least"),
    "a lost number": (lambda c, a: c["numbers"].pop("best_loss"), "best_loss must be a number"),
    "rules as a number": (lambda c, a: c.update(rules=1), "config.rules must be a list"),
    "a schedule as text": (lambda c, a: c.update(schedules={"lr": "x"}), "schedules.lr must be"),
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.quick("weights too long", "a state renamed", "other steps")
@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_a_forged_checkpoint_is_refused(tmp_path: Path, name: str, engine: str) -> None:
    path = tmp_path / "a.run"
    fit(path, engine=engine)
    change, words = FORGED[name]
    config, arrays = read_bundle(path, checkpoint.KIND)
    with np.errstate(all="ignore"):
        change(config, arrays)
    write_bundle(path, checkpoint.KIND, config, arrays)
    with pytest.raises(tw.ModelFileError, match=r"a\.run.*delete it, and train from") as error:
        fit(path, engine=engine, resume=True, epochs=6)
    assert words in str(error.value)


SEARCHED: dict[str, tuple[tw.optim.FullBatch, Change, str]] = {
    "a matrix too small": (tw.BFGS(), array("state.2", lambda a: a[1:, 1:]), "numbers 'inverse'"),
    "pairs of other lengths": (tw.LBFGS(), array("state.2", lambda a: a[1:]), "numbers 'steps'"),
    "pairs too short": (tw.LBFGS(), array("state.3", lambda a: a[:, 1:]), "numbers 'changes'"),
    "a reach of NaN": (tw.BFGS(), array("state.0", lambda a: a * np.nan), "numbers 'reach'"),
    "a place of text": (
        tw.SimulatedAnnealing(),
        array("state.0", lambda a: a.astype(str)),
        "numbers 'here'",
    ),
    "a place of one": (
        tw.SimulatedAnnealing(),
        array("state.0", lambda a: a[:1]),
        "of shape (16,)",
    ),
}


@pytest.mark.parametrize("name", SEARCHED)
def test_a_forged_search_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.run"
    rule, change, words = SEARCHED[name]
    given: dict[str, Any] = {"optimizer": rule, "batch_size": None, "watch": None, "stop": None}
    fit(path, **given)
    config, arrays = read_bundle(path, checkpoint.KIND)
    change(config, arrays)
    write_bundle(path, checkpoint.KIND, config, arrays)
    with pytest.raises(tw.ModelFileError) as error:
        fit(path, resume=True, **given)
    assert words in str(error.value)


# Sweeps -------------------------------------------------------------------------------------------


def sweep(path: Path, **settings: Any) -> tw.Sweep:
    return tw.sweep(
        lambda: tw.Sequential(tw.Dense(2, "tanh"), tw.Dense(1)),
        *(X, Y),
        **{"over": {"lr": [0.01, 0.1]}, "epochs": 4, "watch": True, **settings},
        checkpoint=tw.Checkpoint(path, every=1e-9),
    )


def run(**changes: Any) -> Change:
    return lambda config, arrays: config["runs"]["0"].update(changes)


def told(name: str, value: Any) -> Change:
    return lambda config, arrays: config["runs"]["0"]["numbers"].update({name: value})


def of_snapshot(name: str, value: Any) -> Change:
    return lambda config, arrays: config["runs"]["0"]["snapshot"].update({name: value})


FORGED_SWEEPS: dict[str, tuple[Change, str]] = {
    "weights of one": (run(weights=["float32", 1]), "'weights' is float32 (1,), not"),
    "a column of one number": (
        lambda config, arrays: arrays.update(float32=np.float32(0)),
        "['float32'] are not rows",
    ),
    "a column of two rows": (
        lambda config, arrays: arrays.update(float64=arrays["float64"][None]),
        "['float64'] are not rows",
    ),
    "weights in two rows": (run(weights=["float32", 1, 11]), "'weights' is float32 (1, 11)"),
    "weights of a lost kind": (run(weights=["int8", 11]), "an array is cut short or lost"),
    "weights without end": (run(weights=["float32", 2**70]), "the dtype and the shape of an array"),
    "a negative length": (run(weights=["float32", -11]), "the dtype and the shape of an array"),
    "weights with NaN": (array("float32", lambda a: a * np.nan), "'weights' is not finite"),
    "columns cut short": (array("float32", lambda a: a[:5]), "an array is cut short or lost"),
    "no history": (run(history={}), "[] should be [loss]"),
    "no losses": (run(losses=None), "losses must be a list"),
    "turns of one": (run(turns={"0.weight": ["int64", 6]}), "should be [0.weight, 0.bias"),
    "epochs too many": (told("epochs", 5), "is float64 (4,), not float64 (5,)"),
    "the best to come": (told("restored_epoch", 5), "best epoch 5 of 4"),
    "stop_reason as a list": (told("stop_reason", []), "stop_reason must be text"),
    "a failure without a step": (
        run(failure={"epoch": 1}),
        "failure.gate must be text, but is absent",
    ),
    "a run too many": (lambda c, a: c["runs"].update({"2": c["runs"]["0"]}), "there is no run 2"),
    "a run before": (lambda c, a: c["runs"].update({"-1": c["runs"]["0"]}), "there is no run -1"),
    "no sweep": (lambda c, a: c.pop("sweep"), "config.sweep must be a mapping, but is absent"),
}
HALTED: dict[str, tuple[Change, str]] = {
    "a state of one": (of_snapshot("state", {"mean": ["float32", 11]}), "[mean] should be"),
    "no numbers": (
        of_snapshot("numbers", {}),
        "runs.0.snapshot.numbers.best_loss must be a number",
    ),
    "rules": (of_snapshot("rules", {"rule.0.best": ["float64"]}), "should be []"),
}


@pytest.mark.parametrize("name", [*FORGED_SWEEPS, *HALTED])
@pytest.mark.quick("weights of one", "a state of one")
def test_a_forged_sweep_is_refused(tmp_path: Path, monkeypatch: Any, name: str) -> None:
    path = tmp_path / "a.sweep"
    more = {"halving": tw.SuccessiveHalving(2, factor=2), "watch": None} if name in HALTED else {}
    written: list[Any] = []
    monkeypatch.setattr(sweep_file, "write_bundle", lambda *given: written.append(given[2:]))
    sweep(path, **more)
    monkeypatch.undo()
    change, words = {**FORGED_SWEEPS, **HALTED}[name]
    # The first file after which a run may go on, or the last.
    config, arrays = written[1 if name in HALTED else -1]
    change(config, arrays)
    write_bundle(path, sweep_file.KIND, config, arrays)
    with pytest.raises(tw.ModelFileError, match=r"a\.sweep.*delete it, and sweep from") as error:
        sweep(path, resume=True, **more)
    assert words in str(error.value)


@pytest.mark.parametrize("points", [None, 5, "lr", [], ["lr", "lr"], [[0.01], [0.1]], {"0": {}}])
def test_points_that_are_none_are_of_another_sweep(tmp_path: Path, points: Any) -> None:
    path = tmp_path / "a.sweep"
    sweep(path)
    config, arrays = read_bundle(path, sweep_file.KIND)
    if points is None:
        del config["sweep"]["the points"]
    else:
        config["sweep"]["the points"] = points
    write_bundle(path, sweep_file.KIND, config, arrays)
    with pytest.raises(tw.SettingError, match="is of another sweep: the points differs"):
        sweep(path, resume=True)
