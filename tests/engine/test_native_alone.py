"""A run that continues on one thread, as it does where other programs want the cores."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from talweg.engine.native import control_block as c
from talweg.engine.native.runtime import core_sharing
from talweg.engine.native.runtime.core_sharing import CoreSharing

# A thread that waits for one that has left waits forever, so this is another process.
FORCED = """
import sys
import numpy as np
import talweg as tw
from talweg.engine.native import control_block as c
from talweg.engine.native.runtime import core_sharing
from talweg.engine.native.runtime.call import Call
from talweg.engine.native.runtime.core_sharing import CoreSharing

x = np.random.default_rng(0).normal(size=(300, 64))
calls, left, EPOCHS = [], [], 100
begin, run_call, look = Call._begin, Call.run, CoreSharing.look

def begin_alone(call, threads):  # before the first epoch
    begin(call, threads)
    calls.append(threads)
    call.words[c.ALONE] = 1

def begin_together(call, threads):
    begin(call, threads)
    calls.append(threads)

def look_and_go_on_alone(sharing):  # at the first look, while epochs go on
    look(sharing)
    sharing.words[c.ALONE] = sharing.words[c.ALONE] or 1

def run_and_count(call):
    run_call(call)
    left.append(int(call.words[c.THREADS]))

def trained(threads):
    net = tw.Sequential(tw.Dense(128, "tanh"), tw.Dense(64, "tanh"), tw.Dense(3))
    settings = {"epochs": EPOCHS, "batch_size": 64, "validation": 0.2, "optimizer": "sgd"}
    run = tw.fit(net, x, x[:, :3] ** 2, threads=threads, engine="native", **settings)
    assert run.epochs == EPOCHS
    return run.net.weights.flat.tobytes(), run.history["val_loss"].tobytes()

expected = trained(1)
Call.run = run_and_count
kind, patience, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
core_sharing.RETRY_SECONDS = patience
Call._begin = begin_alone if kind == "at once" else begin_together
if kind == "soon":
    CoreSharing.look = look_and_go_on_alone
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
        ("at once", 0.02),  # alone, and soon all threads try again
        ("soon", 60.0),
    ],
)
def test_one_thread_alone_gives_the_same_bits(kind: str, patience: float, threads: int) -> None:
    command = [sys.executable, "-c", FORCED, kind, str(patience), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "done\n", done.stderr


def looked(naps: list[int], times: list[float], monkeypatch: Any) -> list[tuple[int, int]]:
    """Whether the first thread goes on alone, and the last epoch of the call, after each look."""
    words = np.zeros(64, np.int64)
    words[c.LAST_EPOCH] = 100
    monkeypatch.setattr(core_sharing.time, "perf_counter", lambda: 0.0)
    sharing, found = CoreSharing(words, threads=2), []
    for count, now in zip(naps, times, strict=True):
        monkeypatch.setattr(core_sharing.time, "perf_counter", lambda now=now: now)
        words[c.NAPS] = count
        sharing.look()
        found.append((int(words[c.ALONE]), int(words[c.LAST_EPOCH])))
    return found


EACH = 2.1 * core_sharing.LOOK_SECONDS
MANY = int(2 * core_sharing.MOST_SLEEP * EACH * 2 / core_sharing.NAP_SECONDS)  # twice the limit
FEW, RETRY = MANY // 8, core_sharing.RETRY_SECONDS


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
def test_threads_that_sleep_much_twice_in_a_row_stop(
    naps: list[int], alone: list[int], monkeypatch: Any
) -> None:
    times = [EACH * (place + 1) for place in range(len(naps))]
    assert [each[0] for each in looked(naps, times, monkeypatch)] == alone


def test_after_a_while_all_threads_try_again(monkeypatch: Any) -> None:
    times = [EACH, 2 * EACH, 2 * EACH + 0.9 * RETRY, 2 * EACH + 1.1 * RETRY]
    found = looked([MANY, 2 * MANY, 2 * MANY, 2 * MANY], times, monkeypatch)
    assert found == [(0, 100), (1, 100), (1, 100), (1, 0)]


def test_a_look_that_comes_too_soon_changes_nothing(monkeypatch: Any) -> None:
    times = [0.1 * EACH, 0.2 * EACH]
    assert looked([MANY, 2 * MANY], times, monkeypatch) == [(0, 100)] * 2
