"""A run that goes on with one thread, as it does where others want the cores."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

# A thread that waits for one that has left waits for ever, so this is another process.
from talweg.engine.native.runtime import control as c, launch

# A thread that waits for one that has left waits for ever, so this is another process.
FORCED = """
import sys
import numpy as np
import talweg as tw
from talweg.engine.native.runtime import control as c
from talweg.engine.native.runtime import launch

x = np.random.default_rng(0).normal(size=(300, 64))
calls, left, EPOCHS = [], [], 100
begin, call, look = launch._Run._begin, launch._Run._call, launch._Run._share_cores

def at_once(run, threads):  # before the first epoch
    begin(run, threads)
    calls.append(threads)
    run.words[c.ALONE] = 1

def soon(run, threads):
    begin(run, threads)
    calls.append(threads)

def forced(run):  # at the first look, while epochs go on
    look(run)
    run.words[c.ALONE] = run.words[c.ALONE] or 1

def noted(run):
    call(run)
    left.append(int(run.words[c.THREADS]))

def trained(threads):
    net = tw.Sequential(tw.Dense(128, "tanh"), tw.Dense(64, "tanh"), tw.Dense(3))
    settings = {"epochs": EPOCHS, "batch_size": 64, "validation": 0.2, "optimizer": "sgd"}
    run = tw.fit(net, x, x[:, :3] ** 2, threads=threads, engine="native", **settings)
    assert run.epochs == EPOCHS
    return run.net.weights.flat.tobytes(), run.history["val_loss"].tobytes()

expected = trained(1)
launch._Run._call = noted
kind, patience, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
launch.PATIENCE = patience
launch._Run._begin = at_once if kind == "at once" else soon
if kind == "soon":
    launch._Run._share_cores = forced
assert trained(threads) == expected
assert set(calls) == {threads}, calls
assert set(left) == {1}, left
assert (len(calls) > 1) == (patience < 1), calls
print("done")
"""


@pytest.mark.quick("at once-60.0-2")
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(
    ("kind", "patience"),
    [
        ("at once", 60.0),  # alone to the end
        ("at once", 0.02),  # alone, and soon all try again
        ("soon", 60.0),
    ],
)
def test_a_run_goes_on_alone_to_the_same_bits(kind: str, patience: float, threads: int) -> None:
    command = [sys.executable, "-c", FORCED, kind, str(patience), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "done\n", done.stderr


def looked(naps: list[int], times: list[float], monkeypatch: Any) -> list[tuple[int, int]]:
    """What a run tells its program at each look: whether to go on alone, and its last epoch."""
    words = np.zeros(64, np.int64)
    words[c.LAST_EPOCH] = 100
    run = SimpleNamespace(
        words=words, noted=(0.0, 0), wasted=False, memory=SimpleNamespace(threads=2)
    )
    found = []
    for count, now in zip(naps, times, strict=True):
        monkeypatch.setattr(launch.time, "perf_counter", lambda now=now: now)
        words[c.NAPS] = count
        launch._Run._share_cores(run)  # type: ignore[arg-type]
        found.append((int(words[c.ALONE]), int(words[c.LAST_EPOCH])))
    return found


EACH = 2.1 * launch.WAIT
MANY = int(2 * launch.WASTE * EACH * 2 / launch.NAP_SECONDS)  # twice what is let pass by
FEW = MANY // 8


@pytest.mark.parametrize(
    ("naps", "alone"),
    [
        ([0, 0, 0], [0, 0, 0]),
        ([FEW, 2 * FEW, 3 * FEW], [0, 0, 0]),
        ([MANY, 2 * MANY, 2 * MANY], [0, 1, 1]),  # twice in a row
        ([MANY, MANY, 2 * MANY], [0, 0, 0]),
        ([0, MANY, 2 * MANY], [0, 0, 1]),
    ],
)
def test_threads_that_sleep_much_twice_in_a_row_are_sent_away(
    naps: list[int], alone: list[int], monkeypatch: Any
) -> None:
    times = [EACH * (place + 1) for place in range(len(naps))]
    assert [each[0] for each in looked(naps, times, monkeypatch)] == alone


def test_after_a_while_all_try_again(monkeypatch: Any) -> None:
    times = [EACH, 2 * EACH, 2 * EACH + 0.9 * launch.PATIENCE, 2 * EACH + 1.1 * launch.PATIENCE]
    found = looked([MANY, 2 * MANY, 2 * MANY, 2 * MANY], times, monkeypatch)
    assert found == [(0, 100), (1, 100), (1, 100), (1, 0)]


def test_a_look_that_comes_too_soon_decides_nothing(monkeypatch: Any) -> None:
    times = [0.1 * EACH, 0.2 * EACH]
    assert looked([MANY, 2 * MANY], times, monkeypatch) == [(0, 100)] * 2
