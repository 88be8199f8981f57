"""Runs that are killed at random moments, also while they write, and then resumed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from talweg import archive as bundle
from talweg.atomic_write import leftovers
from talweg.train.run import checkpoint

SCRIPT = """
import sys
import numpy as np
import talweg as tw

engine, kind, epochs, path, result = sys.argv[1:]
random = np.random.default_rng(0)
X = random.normal(size=(96, 8))
y = np.sin(X @ random.normal(size=(8, 3)))
net = tw.Sequential(tw.Dense(64, "tanh"), tw.Dropout(0.2), tw.Dense(3))
settings = {
    "epochs": int(epochs),
    "optimizer": tw.Adam(lr=tw.ReduceOnPlateau(0.003, patience=20)),
    "validation": 0.25,
    "stop": tw.EarlyStopping(100000),
    "watch": ["direction_changes"],
    "engine": engine,
}
points = {"always": {"epochs": 1}, "often": {"every": 0.02}, "best": {"best": True}}
given = {}
if kind in points:
    given = {"checkpoint": tw.Checkpoint(path, **points[kind]), "resume": True}
run = tw.fit(net, X, y, **settings, **given)
turns = np.concatenate([each.ravel() for each in run.direction_changes.values()])
arrays = {"weights": run.net.weights.flat, "turns": turns, **run.history}
with open(result, "wb") as file:
    np.savez(file, **arrays)
"""
KILLS = 50
KINDS = [
    ("numpy", "always", 200, 5),
    ("numpy", "often", 400, 5),
    ("native", "always", 400, 18),
    ("native", "often", 20000, 12),
    ("native", "best", 20000, 10),
]


def begun(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)


def test_the_kills_are_fifty() -> None:
    assert sum(count for *_, count in KINDS) == KILLS


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "kind", "epochs", "kills"), KINDS)
def test_a_killed_and_resumed_run_has_the_bits_of_an_uninterrupted_one(
    engine: str, kind: str, epochs: int, kills: int, tmp_path: Path
) -> None:
    file, plain, result = (tmp_path / name for name in ("a.run", "plain.npz", "result.npz"))
    start = time.perf_counter()
    assert (
        begun(tmp_path, engine, "none", str(epochs), str(file), str(plain)).wait(timeout=300) == 0
    )
    alone = time.perf_counter() - start
    chance = random.Random(f"{engine} {kind}")
    reached = [0]
    for kill in range(kills):
        process = begun(tmp_path, engine, kind, str(epochs), str(file), str(result))
        _wait_for_work(process, file)
        if kind == "always" and kill == 0:
            _wait_for_writing(process, file)
        else:
            time.sleep(chance.uniform(0, 0.5 * alone / kills))
        process.kill()
        process.wait(timeout=60)
        assert kind != "always" or kill or leftovers(file)
        if file.exists():
            config, _ = bundle.read_bundle(file, checkpoint.KIND)
            reached.append(config["numbers"]["epoch"])
    assert reached == sorted(reached) and reached[-1] > 0
    assert begun(tmp_path, engine, kind, str(epochs), str(file), str(result)).wait(timeout=300) == 0
    assert result.read_bytes() == plain.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.run", "plain.npz", "result.npz"]


def _wait_for_work(process: subprocess.Popen[bytes], file: Path) -> None:
    """Wait until the process writes or has ended; most of its time is its start."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    while process.poll() is None:
        if file.exists() and file.stat().st_mtime_ns != before:
            return
        time.sleep(0.001)


def _wait_for_writing(process: subprocess.Popen[bytes], file: Path) -> None:
    """Wait until the process stands still in the middle of a write."""
    while True:
        process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), "it ended before it was met while writing"
        if leftovers(file):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.0005)
