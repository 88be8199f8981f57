"""Sweeps in a file: finished runs are read back bit for bit, and other sweeps are refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import talweg as tw
from talweg import archive as bundle
from talweg.train.run.job import Job
from talweg.train.search.sweep_file import KIND

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 3))
Y = np.tanh(X @ [1.0, -2.0, 0.5])
QUIET: dict[str, Any] = {"batch_size": 8, "progress": False, "epochs": 6}
OVER = {"hidden": [3, 40], "lr": [0.001, 0.01, 0.1, 0.05, 0.3]}
ENGINES = ["native", "numpy"]
TIMES = {"seconds"}


def build(hidden: int = 4, dtype: str = "float64") -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, "tanh"), tw.Dense(1), dtype=dtype)


def assert_same(one: tw.Sweep, two: tw.Sweep) -> None:
    """Two sweeps are equal, except for times."""
    assert one.points == two.points and one.left_out == two.left_out and one.rungs == two.rungs
    assert list(one.table) == list(two.table)
    for name in one.table.keys() - TIMES:
        assert_array_equal(one.table[name], two.table[name])
    for ours, theirs in zip(one.runs, two.runs, strict=True):
        assert_array_equal(ours.net.weights.flat, theirs.net.weights.flat)
        assert ours.net.weights.flat.dtype == theirs.net.weights.flat.dtype
        for records in ("history", "watched", "direction_changes"):
            found = getattr(ours, records), getattr(theirs, records)
            assert list(found[0]) == list(found[1])
            for name, values in found[0].items():
                assert_array_equal(values, found[1][name])
        for name in (
            "stopped_by",
            "stop_reason",
            "best_epoch",
            "weights_taken",
            "epochs",
            "steps",
            "settings",
        ):
            assert getattr(ours, name) == getattr(theirs, name), name
        assert (ours.failure is None) == (theirs.failure is None)
        assert ours.failure is None or vars(ours.failure) == vars(theirs.failure)
    assert one.best_point == two.best_point


KINDS: dict[str, dict[str, Any]] = {
    "replicas and single runs": {},
    "validation": {"validation": 0.25, "stop": tw.EarlyStopping(2)},
    "watched": {"watch": "epoch"},
    "halving": {"halving": tw.SuccessiveHalving(2)},
    "halving with validation": {
        "halving": tw.SuccessiveHalving(1),
        "validation": 0.25,
        "optimizer": "adam",
    },
    "drawn": {"over": {"lr": tw.Range(0.001, 0.1, log=True), "seed": range(5)}, "points": 9},
    "dtypes": {"over": {"dtype": ["float32", "float64"], "seed": [1, 2]}},
}


class CutError(Exception):
    """An exception that ends a sweep as a crash would."""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", KINDS)
def test_a_resumed_sweep_equals_one_that_was_not_interrupted(
    name: str, engine: str, tmp_path: Path, monkeypatch
) -> None:
    given = {**QUIET, "over": OVER, "engine": engine, "threads": 2, **KINDS[name]}
    whole = tw.sweep(build, X, Y, **given)
    given |= {"checkpoint": tw.Checkpoint(tmp_path / "a.sweep", every=1e-9), "resume": True}
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a disk may take a tenth of a second for it
    plain, cuts = Job.run, 0
    for most in [2, 0, 5]:
        with monkeypatch.context() as patch:
            patch.setattr(Job, "run", cut_after(most, plain))
            try:
                tw.sweep(build, X, Y, **given)
            except CutError:
                cuts += 1
    assert cuts >= 1
    assert_same(tw.sweep(build, X, Y, **given), whole)
    with monkeypatch.context() as patch:
        patch.setattr(Job, "run", cut_after(0, plain))  # all is done
        again = tw.sweep(build, X, Y, **given)
    assert_same(again, whole)
    assert again.programs == 0 and again.compile_seconds == 0
    assert os.listdir(tmp_path) == ["a.sweep"]


def cut_after(most: int, plain) -> Any:
    """A `Job.run` that fails after so many runs."""
    begun: list[None] = []

    def run(job: Job, *given) -> tw.Run:
        begun.append(None)
        if len(begun) > most:
            raise CutError
        return plain(job, *given)

    return run


@pytest.mark.parametrize("halving", [None, tw.SuccessiveHalving(3)])
def test_ctrl_c_writes_the_finished_runs(halving, tmp_path: Path, monkeypatch) -> None:
    def run(job: Job, engine, control) -> tw.Run:
        begun.append(job)
        if len(begun) == 3:
            signal.raise_signal(signal.SIGINT)
            while not control.stop:  # the main thread takes it
                time.sleep(0.001)
        return plain(job, engine, control)

    if threading.current_thread() is not threading.main_thread():
        pytest.skip("only the main thread receives signals")
    given = {**QUIET, "over": {"hidden": [40], "seed": range(5)}, "threads": 1, "halving": halving}
    whole = tw.sweep(build, X, Y, **given)
    given |= {"checkpoint": tmp_path / "a.sweep", "resume": True}
    begun, plain = [], Job.run
    with monkeypatch.context() as patch:
        patch.setattr(Job, "run", run)
        cut = tw.sweep(build, X, Y, **given)
    assert [each.stopped_by for each in cut.runs] == (
        ["epochs", "epochs", "interrupted"] if halving is None else ["interrupted"] * 3
    )
    assert len(bundle.read_bundle(tmp_path / "a.sweep", KIND)[0]["runs"]) == 2
    assert_same(tw.sweep(build, X, Y, **given), whole)


def test_failures_are_kept(tmp_path: Path) -> None:
    given = {**QUIET, "over": {"lr": [0.1, 1e200]}, "optimizer": "sgd"}
    given |= {"checkpoint": tmp_path / "a.sweep", "resume": True}
    for _ in range(2):
        with pytest.warns(tw.TrainingWarning, match=r"1 of 2 runs .*: lr=1e\+200"):
            sweep = tw.sweep(build, X, Y, **given)
        assert sweep.runs[1].failure.lr == 1e200 and sweep.best is sweep.runs[0]


def test_a_sweep_without_resume_starts_anew(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "a.sweep"
    given = {**QUIET, "over": {"lr": [0.1, 0.2]}, "checkpoint": file}
    first = tw.sweep(build, X, Y, **given)
    before = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Job, "run", cut_after(0, Job.run))
        with pytest.raises(CutError):
            tw.sweep(build, X, Y, **given)
    assert_same(tw.sweep(build, X, Y, **given), first)
    assert before and file.exists()


# Others -------------------------------------------------------------------------------------------

BASE: dict[str, Any] = {**QUIET, "over": {"lr": [0.1, 0.2], "hidden": [3]}, "optimizer": "sgd"}


def other_start(hidden: int = 4) -> tw.Sequential:
    first = tw.Dense(hidden, "tanh", init=tw.Normal(0.5))
    return tw.Sequential(first, tw.Dense(1), dtype="float64")


def other_net(hidden: int = 4) -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, "sigmoid"), tw.Dense(1), dtype="float64")


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "a value": (
        {"over": {"lr": [0.1, 0.3], "hidden": [3]}},
        "the points differs (number 1 is lr=0.2, hidden=3, but here lr=0.3, hidden=3)",
    ),
    "more points": (
        {"over": {"lr": [0.1, 0.2], "hidden": [3, 4]}},
        "the points differs (it has 2 of them, but here there are 4)",
    ),
    "epochs": ({"epochs": 7}, "the setting epochs differs (6, but here 7)"),
    "a setting more": (
        {"shuffle": False},
        "the setting shuffle differs (not given, but here False)",
    ),
    "the optimiser": (
        {"optimizer": "adam"},
        "the setting optimizer differs ('sgd', but here 'adam')",
    ),
    "halving": (
        {"halving": tw.SuccessiveHalving(2)},
        "halving differs (None, but here SuccessiveHalving(min_epochs=2, factor=3",
    ),
    "the engine": ({"engine": "numpy"}, "engine differs (native, but here numpy)"),
    "the data": ({"X": X + 1}, "the training data differs. Give"),
    "the targets": ({"y": Y + 1}, "the training data differs. Give"),
    "the rows' weights": ({"sample_weight": np.arange(24)}, "the setting sample_weight differs."),
    "the start": ({"build": other_start}, "the starting weights differs. Give"),
    "the net": ({"build": other_net}, "the network, the loss or the kind of optimizer"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_another_sweep_is_refused(name: str, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("llvmlite")
    file = tmp_path / "a.sweep"
    tw.sweep(build, X, Y, checkpoint=file, **BASE)
    before = file.read_bytes()
    monkeypatch.setattr("talweg.train.search.bracket.Executor", None)
    changed, words = OTHERS[name]
    given = {**BASE, "build": build, "X": X, "y": Y, "checkpoint": file, "resume": True, **changed}
    with pytest.raises(tw.SettingError, match=re.escape(words)) as raised:
        tw.sweep(given.pop("build"), given.pop("X"), given.pop("y"), **given)
    assert str(raised.value).startswith(f"sweep: the checkpoint {file} is of another sweep: ")
    assert file.read_bytes() == before


REFUSED: list[tuple[type[Exception], dict[str, Any], str]] = [
    (tw.SettingError, {"checkpoint": None, "resume": True}, "resume=True needs a file"),
    (tw.SettingError, {"resume": 1}, "resume must be True or False, but 1"),
    (tw.SettingError, {"checkpoint": 3}, "checkpoint must be a path or tw.Checkpoint"),
    (tw.SettingError, {"checkpoint": tw.Checkpoint("a", epochs=3)}, "tw.Checkpoint(path, every=5)"),
    (tw.SettingError, {"checkpoint": tw.Checkpoint("a", best=True)}, "a sweep is saved by time"),
    (tw.DataError, {"checkpoint": "none/a.sweep"}, "there is no folder"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "given", "words"), REFUSED, ids=[each[2] for each in REFUSED])
def test_refused_before_anything_is_trained(
    monkeypatch, tmp_path: Path, error, given, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("talweg.train.search.bracket.Executor", None)
    with pytest.raises(error, match=re.escape(words)):
        tw.sweep(build, X, Y, **{**BASE, "checkpoint": "a.sweep", **given})
    assert os.listdir(tmp_path) == []


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.sweep"
    tw.sweep(build, X, Y, checkpoint=file, **BASE)
    whole = file.read_bytes()
    for place in Random(0).sample(range(len(whole)), 20):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        file.write_bytes(broken)
        try:
            tw.sweep(build, X, Y, checkpoint=file, resume=True, **BASE)
        except (tw.ModelFileError, tw.SettingError) as error:
            assert "a.sweep" in str(error)
        file.write_bytes(whole)
    config, arrays = bundle.read_bundle(file, KIND)
    del config["runs"]["0"]["weights"]
    bundle.write_bundle(file, KIND, config, arrays)
    with pytest.raises(
        tw.ModelFileError,
        match=r"runs\.0\.weights must be the dtype and the shape of an array, but is absent",
    ):
        tw.sweep(build, X, Y, checkpoint=file, resume=True, **BASE)


def test_a_sweep_continues_if_a_write_fails(tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("talweg.train.search.sweep_file.write_bundle", full)
    with pytest.warns(tw.TrainingWarning, match=r"could not be written \(no space left\)"):
        sweep = tw.sweep(build, X, Y, checkpoint=tmp_path / "a.sweep", **BASE)
    assert [run.stopped_by for run in sweep.runs] == ["epochs"] * 2


# Killed -------------------------------------------------------------------------------------------

SCRIPT = """
import sys
import numpy as np
import talweg as tw

engine, kind, path, result = sys.argv[1:]
random = np.random.default_rng(0)
X = random.normal(size=(64, 6))
y = np.sin(X @ random.normal(size=(6, 2)))
build = lambda hidden: tw.Sequential(tw.Dense(hidden, "tanh"), tw.Dropout(0.1), tw.Dense(2))
many = 2000 if engine == "native" else 40
given = {"checkpoint": tw.Checkpoint(path, every=0.01), "resume": True} if path != "none" else {}
sweep = tw.sweep(
    build, X, y, over={"hidden": [4, 32], "lr": tw.Range(1e-3, 0.1, log=True)}, points=12,
    epochs=many, validation=0.25, engine=engine,
    halving=tw.SuccessiveHalving(many // 4, factor=2) if kind == "halving" else None, **given,
)
arrays = {f"{i}.{n}": v for i, run in enumerate(sweep.runs) for n, v in run.history.items()}
arrays |= {f"{i}.weights": run.net.weights.flat for i, run in enumerate(sweep.runs)}
arrays |= {n: v for n, v in sweep.table.items() if n != "seconds"}
with open(result, "wb") as file:
    np.savez(file, **arrays)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "kind"), [("native", "plain"), ("native", "halving"), ("numpy", "halving")]
)
def test_a_killed_sweep_is_resumed_bit_for_bit(engine: str, kind: str, tmp_path: Path) -> None:
    def begun(path: str, result: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", SCRIPT, engine, kind, path, result]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)

    file, chance = tmp_path / "a.sweep", Random(f"{engine} {kind}")
    assert begun("none", "plain.npz").wait(timeout=300) == 0
    done = [0]
    for _ in range(4):
        process = begun("a.sweep", "result.npz")
        before = file.stat().st_mtime_ns if file.exists() else 0
        while process.poll() is None and not (file.exists() and file.stat().st_mtime_ns != before):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.08))
        process.kill()
        process.wait(timeout=60)
        runs = bundle.read_bundle(file, KIND)[0]["runs"] if file.exists() else {}
        done.append(sum(len(each["losses"]) for each in runs.values()))
    assert done == sorted(done) and 0 < done[1] < done[-1]
    assert begun("a.sweep", "result.npz").wait(timeout=300) == 0
    assert (tmp_path / "result.npz").read_bytes() == (tmp_path / "plain.npz").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.sweep", "plain.npz", "result.npz"]
