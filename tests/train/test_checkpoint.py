"""Checkpoints: a resumed run ends with the bits of an uninterrupted one."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import talweg as tw
from talweg import archive as bundle
from talweg.engine.native.runtime import launch, run_memory as tables
from talweg.engine.run import loop
from talweg.train.run import checkpoint, fit as fit_module

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(23, 3))
Y = np.tanh(X @ RANDOM.normal(size=(3, 2))) + 0.1 * RANDOM.normal(size=(23, 2))
ENGINES = ["numpy", "native"]
EPOCHS = 7


def network(*layers: Any, dtype: str = "float32") -> tw.Sequential:
    layers = layers or (tw.Dense(5, "tanh"),)
    net = tw.Sequential(*layers, tw.Dense(2), dtype=dtype)
    net.init(X, seed=1)
    return net


def fit(make: Callable[[], tw.Module] = network, **settings: Any) -> tw.Run:
    settings = {"epochs": EPOCHS, "batch_size": 7, "seed": 5, **settings}
    return tw.fit(make(), X, Y, **settings)


def same(found: tw.Run, expected: tw.Run) -> None:
    """Everything that does not depend on time."""
    for name in ("stopped_by", "stop_reason", "best_epoch", "weights_taken", "epochs", "steps"):
        assert getattr(found, name) == getattr(expected, name), name
    assert_array_equal(found.net.weights.flat, expected.net.weights.flat, strict=True)
    for name in ("history", "watched", "direction_changes"):
        mine, its = getattr(found, name), getattr(expected, name)
        assert list(mine) == list(its)
        for each in its:
            assert_array_equal(mine[each], its[each], err_msg=f"{name} of {each}", strict=True)


class Clipped(tw.Stop):
    """A custom rule with nested state of several dtypes."""

    def init(self) -> dict[str, Any]:
        return {"inner": {"sum": 0.0, "seen": False}, "count": 0.0}

    def update(self, state: Any, epoch: Any) -> tuple[dict[str, Any], Any]:
        total = state["inner"]["sum"] + epoch.measures["loss"]
        count = state["count"] + 1.0
        seen = tw.gates.greater(total, 0.0)
        return {"inner": {"sum": total, "seen": seen}, "count": count}, tw.gates.greater(count, 5.0)


def wavy(done: float) -> float:
    return 0.05 / (1 + 0.3 * done)


CASES: dict[str, dict[str, Any]] = {
    "plain": {"optimizer": tw.SGD(lr=0.1)},
    "momentum": {"optimizer": tw.SGD(lr=0.05, momentum=0.9, nesterov=True)},
    "Adam": {"optimizer": "adam"},
    "AMSGrad, full batch": {"optimizer": tw.Adam(amsgrad=True), "batch_size": None},
    "in order": {"shuffle": False},
    "a schedule": {"optimizer": tw.SGD(lr=tw.CosineDecay(0.1))},
    "a schedule by step": {"optimizer": tw.SGD(lr=tw.OneCycle(0.1))},
    "a function": {"optimizer": tw.Adam(lr=wavy)},
    "a plateau": {
        "optimizer": tw.Adam(lr=tw.ReduceOnPlateau(0.1, factor=0.5, patience=1, watch="loss")),
        "batch_size": None,
    },
    "a plateau and a schedule by step": {
        "optimizer": tw.SGD(
            lr=tw.OneCycle(0.1),
            momentum=tw.ReduceOnPlateau(0.9, factor=0.5, patience=0, threshold=0.5, watch="loss"),
        )
    },
    "the best": {"validation": 0.3, "optimizer": tw.Adam(lr=0.2), "metrics": ["mae"]},
    "the best of all rows": {"restore_best": True, "optimizer": tw.SGD(lr=0.9)},
    "patience": {"stop": tw.EarlyStopping(2, watch="loss", min_delta=0.02), "epochs": 40},
    "patience, the best": {"stop": tw.EarlyStopping(3), "validation": 0.3, "epochs": 60},
    "two rules": {"stop": [tw.MaxEpochs(9) & tw.MinDecrease(1.0, patience=3), Clipped()]},
    "watching epochs": {"watch": "epoch"},
    "watching some steps of an epoch": {"watch": "epoch", "batch_size": 2},
    "watching steps": {"watch": "step", "validation": 0.3},
    "lr_multipliers": {"lr_multipliers": {"0": 0.1}, "optimizer": tw.RMSProp(weight_decay=0.01)},
    "classes weighed": {"sample_weight": np.linspace(0.1, 2, 23)},
    "BFGS": {"optimizer": tw.BFGS(), "batch_size": None, "metrics": ["mae"]},
    "L-BFGS": {"optimizer": tw.LBFGS(history_size=3), "batch_size": None, "validation": 0.3},
    "L-BFGS to its end": {
        "optimizer": tw.LBFGS(c2=0.5, max_eval=5),
        "batch_size": None,
        "epochs": 400,
    },
    "annealing": {
        "optimizer": tw.SimulatedAnnealing(temperature=50.0, restart_after=2, move_fraction=0.5),
        "batch_size": None,
        "epochs": 9,
    },
    "annealing that wanders": {
        "optimizer": tw.SimulatedAnnealing(cooling=lambda done: 1 / (1 + done)),
        "batch_size": None,
        "restore_best": True,
    },
}
NETS: dict[str, Callable[..., tw.Module]] = {
    "dropout": lambda **k: network(tw.Dropout(0.2), tw.Dense(6, "relu"), tw.Dropout(0.4), **k),
    "noise": lambda **k: network(tw.GaussianNoise(0.1), tw.DropConnect(4), **k),
    "batch norm": lambda **k: network(tw.Dense(6, "relu"), tw.BatchNorm(), **k),
}
RUNS = {name: (network, settings) for name, settings in CASES.items()}
RUNS |= {name: (make, {"validation": 0.3}) for name, make in NETS.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.run"


@pytest.fixture
def copies(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """A copy of each checkpoint that is written."""
    made: list[Path] = []

    def write(*given: Any) -> None:
        bundle.write_bundle(*given)
        made.append(path.with_name(f"copy {len(made)}"))
        shutil.copy(path, made[-1])

    monkeypatch.setattr(checkpoint, "write_bundle", write)
    yield made


IN_DOUBLE = [
    "BFGS",
    "annealing",
    "momentum",
    "Adam",
    "a plateau",
    "patience, the best",
    "watching steps",
    "dropout",
]
NAMES = [(name, "float32") for name in RUNS] + [(name, "float64") for name in IN_DOUBLE]


@pytest.mark.quick(
    "Adam-float32-*",
    "momentum-float64-numpy",
    "a plateau*-float32-*",
    "patience, the best-float64-numpy",
    "dropout-float32-native",
    "BFGS-float64-native",
    "L-BFGS-float32-numpy",
    "annealing-float32-*",
    "watching steps-float64-numpy",
)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "dtype"), NAMES)
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(
    name: str, engine: str, dtype: str, path: Path, copies: list[Path]
) -> None:
    make, settings = RUNS[name]
    settings = {**settings, "engine": engine}
    expected = fit(lambda: make(dtype=dtype), **settings)
    each_epoch = tw.Checkpoint(path, epochs=1)
    written = fit(lambda: make(dtype=dtype), **settings, checkpoint=each_epoch)
    same(written, expected)
    assert len(copies) == expected.epochs > 3
    for each in [copies[0], copies[1], copies[3], copies[-1]]:
        shutil.copy(each, path)
        resumed = fit(lambda: make(dtype=dtype), **settings, checkpoint=path, resume=True)
        same(resumed, expected)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["Adam", "a plateau", "patience", "watching steps", "dropout"])
def test_the_last_checkpoint_of_a_resumed_run_equals_that_of_an_uninterrupted_one(
    name: str, engine: str, path: Path, copies: list[Path]
) -> None:
    """The file holds the optimizer's state, random keys, the state of rules, and the history."""
    make, settings = RUNS[name]
    fit(make, **settings, engine=engine, checkpoint=tw.Checkpoint(path, epochs=1))
    shutil.copy(copies[2], path)
    whole = bundle.read_bundle(copies[-1], checkpoint.KIND)
    fit(make, **settings, engine=engine, checkpoint=path, resume=True)
    config, arrays = bundle.read_bundle(path, checkpoint.KIND)
    for each in (config, whole[0]):
        del each["numbers"]["seconds"]
    assert config == whole[0]
    assert list(arrays) == list(whole[1])
    for array, expected in zip(arrays.values(), whole[1].values(), strict=True):
        assert_array_equal(array, expected, strict=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_finished_run_can_be_given_more_epochs(engine: str, path: Path) -> None:
    expected = fit(engine=engine, epochs=9)
    fit(engine=engine, epochs=4, checkpoint=path)
    same(fit(engine=engine, epochs=9, checkpoint=path, resume=True), expected)
    with pytest.raises(tw.SettingError, match="has 9 epochs, more than the requested epochs=8"):
        fit(engine=engine, epochs=8, checkpoint=path, resume=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stopped_run_continues_with_more_patience(engine: str, path: Path) -> None:
    settings: dict[str, Any] = {"engine": engine, "optimizer": tw.SGD(lr=0.1), "epochs": 30}
    expected = fit(stop=tw.MinDecrease(0.05, patience=4), **settings)
    first = fit(stop=tw.MinDecrease(0.05, patience=2), checkpoint=path, **settings)
    assert first.epochs < expected.epochs < 30
    more = tw.MinDecrease(0.05, patience=4)
    same(fit(stop=more, checkpoint=path, resume=True, **settings), expected)


@pytest.mark.quick("native")
@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_file_a_run_starts_from_scratch(engine: str, path: Path) -> None:
    same(fit(engine=engine, checkpoint=str(path), resume=True), fit(engine=engine))
    fit(engine=engine, checkpoint=path, seed=8)
    same(fit(engine=engine, checkpoint=path), fit(engine=engine))  # the old file is not looked at


# Interrupted --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("cut", [5, 12, 13, 150, 161])
@pytest.mark.parametrize("rows_of_a_save", [2, 64])
@pytest.mark.parametrize("name", ["momentum", "a plateau", "dropout", "watching steps"])
def test_a_run_stopped_within_an_epoch_is_saved_at_the_last_whole_epoch(
    name: str, cut: int, rows_of_a_save: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The native engine repeats the steps since the last save."""
    make, settings = RUNS[name]
    settings = {**settings, "batch_size": 7, "engine": "native", "epochs": 60}
    expected = fit(make, **settings)
    monkeypatch.setattr(tables, "SAVE_STEPS", rows_of_a_save)
    steps = 3 if "validation" in settings else 4
    with monkeypatch.context() as patch:
        _cut_after(cut, patch)
        cut_short = fit(make, **settings, checkpoint=path)
    assert cut_short.stopped_by == "interrupted" and cut_short.steps == cut
    config, _ = bundle.read_bundle(path, checkpoint.KIND)
    assert config["numbers"]["epoch"] == cut // steps
    assert config["numbers"]["step"] == cut // steps * steps
    same(fit(make, **settings, checkpoint=path, resume=True), expected)


def _cut_after(steps: int, patch: pytest.MonkeyPatch) -> None:
    """End native runs after `steps` steps, as Ctrl-C would."""
    c = launch.c
    advance = launch.NativeSession.advance

    def cut(self: Any) -> None:
        self.words[c.LAST_STEP] = steps
        advance(self)
        if self.words[c.STEP] == steps:
            self.words[c.STOP] = 1

    patch.setattr(launch.NativeSession, "advance", cut)


@pytest.mark.quick("2")
@pytest.mark.parametrize("cut", [2, 8, 9])
def test_the_interpreter_also_saves_the_last_whole_epoch(
    cut: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fit(engine="numpy", watch="step")
    step = loop.Loop._step

    def until(self: Any, *given: Any) -> bool:
        done = step(self, *given)
        self.control.stop = self.control.step == cut
        return done

    with monkeypatch.context() as patch:
        patch.setattr(loop.Loop, "_step", until)
        run = fit(engine="numpy", watch="step", checkpoint=path)
    assert (run.stopped_by, run.steps) == ("interrupted", cut)
    same(fit(engine="numpy", watch="step", checkpoint=path, resume=True), expected)


@pytest.mark.quick("native")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_time_budget_includes_the_time_before_resuming(engine: str, path: Path) -> None:
    settings: dict[str, Any] = {"engine": engine, "epochs": 10**6}
    first = fit(stop=tw.TimeBudget(0.2), checkpoint=path, **settings)
    again = fit(stop=tw.TimeBudget(0.2), checkpoint=path, resume=True, **settings)
    assert first.stopped_by == again.stopped_by == "time_budget"
    assert again.epochs == first.epochs and again.seconds > 0.2
    longer = again.seconds + 0.6
    more = fit(stop=tw.TimeBudget(longer), checkpoint=path, resume=True, **settings)
    assert more.epochs > first.epochs and more.seconds > longer


@pytest.mark.parametrize("engine", ENGINES)
def test_a_resumed_run_that_fails_reports_where(
    engine: str, path: Path, copies: list[Path]
) -> None:
    def growing(done: float) -> float:
        return 1e-3 if done < 5 else 1e30

    settings: dict[str, Any] = {"engine": engine, "optimizer": tw.SGD(lr=growing), "epochs": 9}
    with pytest.warns(tw.TrainingWarning):
        expected = fit(**settings, checkpoint=tw.Checkpoint(path, epochs=1))
    shutil.copy(copies[2], path)
    with pytest.warns(tw.TrainingWarning):
        found = fit(**settings, checkpoint=path, resume=True)
    same(found, expected)
    assert found.failure == expected.failure and found.failure


# When ---------------------------------------------------------------------------------------------


def epochs_of(copies: list[Path]) -> list[int]:
    return [bundle.read_bundle(each, checkpoint.KIND)[0]["numbers"]["epoch"] for each in copies]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_checkpoint_after_a_number_of_epochs(engine: str, path: Path, copies: list[Path]) -> None:
    fit(engine=engine, epochs=11, checkpoint=tw.Checkpoint(path, epochs=4))
    assert epochs_of(copies) == [4, 8, 11]


@pytest.mark.quick("native")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_checkpoint_after_a_number_of_seconds(
    engine: str, path: Path, copies: list[Path]
) -> None:
    settings: dict[str, Any] = {"engine": engine, "epochs": 10**6, "stop": tw.TimeBudget(0.3)}
    fit(**settings, checkpoint=tw.Checkpoint(path, every=0.04))
    assert 2 <= len(copies) <= 9
    copies.clear()
    fit(engine=engine, checkpoint=path)
    assert epochs_of(copies) == [EPOCHS]  # 30 seconds are not over: the end alone


@pytest.mark.parametrize("engine", ENGINES)
def test_a_checkpoint_at_each_best_epoch(
    engine: str, path: Path, copies: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "LOOK", 0.0)  # else the native engine writes some at once
    settings: dict[str, Any] = {"optimizer": tw.Adam(lr=0.3), "epochs": 20, "validation": 0.3}
    run = fit(engine=engine, **settings, checkpoint=tw.Checkpoint(path, best=True))
    losses = run.history["val_loss"]
    bests = [
        epoch for epoch in range(1, 20) if losses[epoch - 1] < min([*losses[: epoch - 1], 9e9])
    ]
    assert 2 < len(bests) < 19
    assert epochs_of(copies) == [*bests, 20]


# Refused ------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "net": ({"make": lambda: network(tw.Dense(4, "tanh"))}, "the network, the loss or the kind"),
    "activation": ({"make": lambda: network(tw.Dense(5, "relu"))}, "the network, the loss or the"),
    "dtype": ({"make": lambda: network(dtype="float64")}, "the network, the loss or the kind"),
    "loss": ({"loss": "mae"}, "the network, the loss or the kind of optimizer differs. Give"),
    "constant": ({"loss": tw.Huber(2.0)}, "the network, the loss or the kind of optimizer"),
    "rule": (
        {"optimizer": tw.SGD(lr=0.001)},
        r"the optimizer differs \(Adam\(.*\), but here SGD\(lr=0.001\)\)",
    ),
    "rate": ({"optimizer": tw.Adam(lr=0.002)}, r"but here Adam\(lr=0.002\)"),
    "momentum": ({"optimizer": tw.Adam(beta1=0.8)}, "the optimizer differs"),
    "schedule": ({"optimizer": tw.Adam(lr=wavy)}, "the optimizer differs"),
    "rates": ({"lr_multipliers": {"0": 0.1}}, "the optimizer differs"),
    "plateau": (
        {"optimizer": tw.Adam(lr=tw.ReduceOnPlateau(0.1))},
        "the optimizer differs",
    ),
    "seed": ({"seed": 6}, r"seed differs \(5, but here 6\)\. Give the same settings and data"),
    "batch size": ({"batch_size": 8}, r"batch_size differs \(7, but here 8\)"),
    "order": ({"shuffle": False}, r"shuffle differs \(True, but here False\)"),
    "best": ({"restore_best": False}, r"restore_best differs \(True, but here False\)"),
    "metrics": ({"metrics": ["mae"]}, "what is measured differs"),
    "rules": ({"stop": None}, "the kind of stopping rules differs"),
    "watched measure": ({"stop": tw.EarlyStopping(3, watch="loss")}, "the kind of stopping rules"),
    "other rule": ({"stop": tw.MinDecrease(watch="val_loss")}, "the kind of stopping rules"),
    "data": ({"rows": 1}, "the training data differs"),
    "weights": ({"sample_weight": np.linspace(1, 2, 23)}, "data differs"),
    "validation": ({"validation": (X[:7], Y[:7])}, "the training data differs"),
    "watching": ({"watch": "epoch"}, "what is watched differs"),
    "watching steps": ({"watch": "step"}, "what is watched differs"),
    "engine": ({"engine": "numpy"}, r"engine differs \(native, but here numpy\)"),
}
OWN: dict[str, Any] = {"validation": 0.3, "stop": tw.EarlyStopping(3), "engine": "native"}


@pytest.mark.quick("net", "rate", "seed", "rules", "data", "validation", "engine")
@pytest.mark.parametrize("name", REFUSED)
def test_the_file_of_another_run_is_refused(name: str, path: Path) -> None:
    fit(**OWN, checkpoint=path, epochs=4)
    before = path.read_bytes()
    other, words = REFUSED[name]
    settings = {"batch_size": 7, "seed": 5, **OWN, **other, "checkpoint": path}
    net = settings.pop("make", network)()
    rows = X + np.eye(23, 3)[::-1] * settings.pop("rows", 0) * 1e-6
    weights = net.weights.flat.copy()
    with pytest.raises(tw.SettingError, match=f"is of another run: .*{words}"):
        tw.fit(net, rows, Y, epochs=9, resume=True, **settings)
    assert_array_equal(net.weights.flat, weights)
    assert path.read_bytes() == before


def test_a_constant_in_the_loss_identifies_the_run(path: Path) -> None:
    fit(loss=tw.Huber(1.5), epochs=2, checkpoint=path)
    with pytest.raises(tw.SettingError, match="the network, the loss or the kind of optimizer"):
        fit(loss=tw.Huber(1.25), checkpoint=path, resume=True)


def test_other_validation_rows_are_refused(path: Path) -> None:
    tw.fit(network(), X[:15], Y[:15], validation=(X[15:], Y[15:]), epochs=2, checkpoint=path)
    other = X[15:], Y[15:] + 0.01
    with pytest.raises(tw.SettingError, match="the validation data differs"):
        tw.fit(network(), X[:15], Y[:15], validation=other, checkpoint=path, resume=True)


@pytest.mark.parametrize("kind", ["schedule", "spans", "plateau"])
def test_a_schedule_that_differs_in_past_epochs_is_refused(kind: str, path: Path) -> None:
    first: Any = {
        "schedule": wavy,
        "spans": tw.CosineDecay(0.1),
        "plateau": tw.ReduceOnPlateau(0.1, watch="loss"),
    }
    then = {
        **first,
        "schedule": lambda done: wavy(done) * (1 if done < 3 else 1.1),
        "plateau": tw.ReduceOnPlateau(0.1, factor=0.2, watch="loss"),
    }
    fit(optimizer=tw.Adam(lr=first[kind]), epochs=5, checkpoint=path)
    plateau = "the ReduceOnPlateau of the optimizer differs"
    words = plateau if kind == "plateau" else "the schedule of lr gave other"
    with pytest.raises(tw.SettingError, match=words):
        fit(optimizer=tw.Adam(lr=then[kind]), epochs=9, checkpoint=path, resume=True)


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        (
            tw.LBFGS(),
            {"optimizer": tw.LBFGS(history_size=4)},
            r"optimizer differs \(LBFGS\(\), but here LBFGS\(history_size=4\)\)",
        ),
        (
            tw.SimulatedAnnealing(),
            {"optimizer": tw.SimulatedAnnealing(step_size=0.2)},
            r"optimizer differs \(SimulatedAnnealing",
        ),
        (
            tw.SimulatedAnnealing(),
            {"epochs": 9},
            "the schedule of temperature gave other values in its 7 epochs",
        ),
    ],
    ids=["memory", "spread", "epochs"],
)
def test_the_file_of_another_search_is_refused(
    first: Any, then: dict[str, Any], words: str, path: Path
) -> None:
    settings = {"optimizer": first, "batch_size": None, "engine": "numpy", "checkpoint": path}
    fit(**settings)
    with pytest.raises(tw.SettingError, match=words):
        fit(**{**settings, **then}, resume=True)


def test_a_schedule_may_differ_in_future_epochs(path: Path) -> None:
    def later(done: float) -> float:
        return wavy(done) * (1 if done < 5 else 1.1)

    expected = fit(optimizer=tw.Adam(lr=later), epochs=9)
    fit(optimizer=tw.Adam(lr=wavy), epochs=5, checkpoint=path)
    same(fit(optimizer=tw.Adam(lr=later), epochs=9, checkpoint=path, resume=True), expected)


def test_a_truncated_file_is_refused(path: Path) -> None:
    fit(checkpoint=path)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 211), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(tw.ModelFileError, match=r"a\.run.*(damaged|not a talweg checkpoint)"):
            bundle.read_bundle(path, checkpoint.KIND)
    with pytest.raises(tw.ModelFileError, match="delete it, and train from the start"):
        fit(checkpoint=path, resume=True)


def test_an_altered_file_is_refused_or_unchanged_in_content(path: Path) -> None:
    """Unused bytes, such as the dates in the zip, may change."""
    fit(checkpoint=path)
    expected = bundle.read_bundle(path, checkpoint.KIND)
    whole = bytearray(path.read_bytes())
    refused = 0
    for place in range(0, len(whole), 7):
        altered = whole.copy()
        altered[place] ^= 16
        path.write_bytes(altered)
        try:
            config, arrays = bundle.read_bundle(path, checkpoint.KIND)
        except tw.ModelFileError:
            refused += 1
            continue
        assert config == expected[0] and list(arrays) == list(expected[1])
        assert all(np.array_equal(arrays[each], expected[1][each]) for each in arrays)
    assert refused > 0.6 * len(whole) / 7


def _rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Rewrite the file with a changed head."""
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    head = json.loads(members["checkpoint.json"])
    change(head)
    head["digest"] = bundle.digest_of(head)
    members["checkpoint.json"] = json.dumps(head).encode()
    with zipfile.ZipFile(path, "w") as other:
        for name, raw in members.items():
            other.writestr(name, raw)


def test_a_newer_a_foreign_and_an_empty_file_are_refused(path: Path) -> None:
    fit(checkpoint=path)
    _rewritten(path, lambda head: head.update(version=5, talweg="9.1"))
    with pytest.raises(tw.ModelFileError, match=r"a newer talweg \(9\.1"):
        fit(checkpoint=path, resume=True)
    _rewritten(path, lambda head: head.update(version=4, config={}))
    with pytest.raises(tw.ModelFileError, match=r"config\.run must be a mapping, but is absent"):
        fit(checkpoint=path, resume=True)
    _rewritten(path, lambda head: head.update(format="talweg-model"))
    with pytest.raises(tw.ModelFileError, match="is not a talweg checkpoint"):
        fit(checkpoint=path, resume=True)


def test_settings_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    for given, words in (
        ({"checkpoint": 3}, r"a path or tw\.Checkpoint\(path, epochs=10\), not 3"),
        ({"resume": True}, "resume=True needs a file"),
        ({"resume": 1}, "resume must be True or False"),
        (
            {"checkpoint": tw.Checkpoint("a", best=True)},
            "needs validation data, or restore_best=True",
        ),
    ):
        with pytest.raises(tw.SettingError, match=words):
            fit(**given)
    for wrong in ({"every": 0}, {"epochs": 0}, {"epochs": 1.5}, {"best": 1}):
        with pytest.raises(tw.SettingError, match=f"Checkpoint: {next(iter(wrong))} must be"):
            tw.Checkpoint("a", **wrong)
    with pytest.raises(tw.DataError, match="there is no folder"):
        fit(checkpoint=tmp_path / "none" / "a.run")
    with pytest.raises(tw.DataError, match="it is not a file"):
        fit(checkpoint=tmp_path)
    with pytest.raises(tw.SettingError, match="checkpoint is the same for all runs"):
        tw.sweep(network, X, Y, over={"checkpoint": [tmp_path / "a.run"]})


# Writing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_survives_a_full_disk(
    engine: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fit(engine=engine)
    fit(engine=engine, epochs=3, checkpoint=path)
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        patch.setattr(os, "fsync", fail)
        run = fit(engine=engine, checkpoint=tw.Checkpoint(path, epochs=3))
    same(run, expected)
    assert {str(each.message)[:14] for each in caught} == {"The checkpoint"}
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def test_files_left_by_killed_writers_are_removed(path: Path) -> None:
    kept = [".a.run.txt", ".a.run.0123456", ".b.run.01234567", "a.run.01234567"]
    for name in [*kept, ".a.run.01234567", ".a.run.89abcdef"]:
        path.with_name(name).touch()
    fit(checkpoint=path)
    assert sorted(os.listdir(path.parent)) == sorted([*kept, path.name])


def test_a_checkpoint_is_a_record() -> None:
    assert dataclasses.asdict(tw.Checkpoint("a", epochs=3))["epochs"] == 3
    assert tw.Checkpoint("a").seconds == 30 and tw.Checkpoint("a", best=True).seconds == np.inf
    assert tw.Checkpoint("a", every=2, epochs=3).seconds == 2
    assert fit_module.Checkpoint is tw.Checkpoint
