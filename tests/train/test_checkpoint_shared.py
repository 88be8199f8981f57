"""Several runs with one checkpoint at once: the same run is allowed, another is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.train.run.claim import claimed

pytest.importorskip("fcntl")

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X.sum(axis=1)


def fit(path: Path, **settings: Any) -> tw.Run:
    net = tw.Sequential(tw.Dense(3), tw.Dense(1))
    given = {"epochs": 5, "progress": False, **settings}
    return tw.fit(net, X, Y, checkpoint=tw.Checkpoint(path, epochs=1), **given)


def sweep(path: Path, **settings: Any) -> tw.Sweep:
    given = {"over": {"seed": range(3)}, "epochs": 3, "progress": False, **settings}
    point = tw.Checkpoint(path, every=1e-9)
    return tw.sweep(lambda: tw.Sequential(tw.Dense(1)), X, Y, checkpoint=point, **given)


KINDS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "native": (fit, {}),
    "interpreted": (fit, {"engine": "numpy"}),
    "resumed": (fit, {"resume": True}),
    "sweep": (sweep, {}),
    "sweep, resumed": (sweep, {"resume": True}),
    "sweep with halving": (sweep, {"halving": tw.SuccessiveHalving(1)}),
}


def bits(found: Any) -> list[bytes]:
    return [each.net.weights.flat.tobytes() for each in getattr(found, "runs", [found])]


@pytest.mark.quick("native", "sweep, resumed")
@pytest.mark.parametrize("name", KINDS)
def test_the_same_run_in_several_threads(name: str, tmp_path: Path) -> None:
    """Warnings are errors, also in threads."""
    run, settings = KINDS[name]
    path, errors, found = tmp_path / "a.run", [], []

    def again() -> None:
        try:
            found.extend(bits(run(path, **settings)) for _ in range(2))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=again) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert all(each == found[0] for each in found)
    assert os.listdir(tmp_path) == ["a.run"]
    assert bits(run(path, **{**settings, "resume": True})) == found[0]


PROCESS = """
import sys, numpy as np, talweg as tw
X = np.random.default_rng(0).normal(size=(60, 3))
for _ in range(15):
    tw.fit(tw.Sequential(tw.Dense(3), tw.Dense(1)), X, X.sum(1), epochs=5, progress=False,
           checkpoint=tw.Checkpoint(sys.argv[1], epochs=1), resume=sys.argv[2] == "resume")
    tw.sweep(lambda: tw.Sequential(tw.Dense(1)), X, X.sum(1), over={"seed": range(2)}, epochs=2,
             checkpoint=tw.Checkpoint(sys.argv[1] + ".sweep", every=1e-9), progress=False)
"""


@pytest.mark.slow
@pytest.mark.parametrize("resume", ["afresh", "resume"])
def test_the_same_run_in_several_processes(resume: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "a.run"), resume]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [each.communicate(timeout=120)[1] for each in processes] == [""] * 3
    assert sorted(os.listdir(tmp_path)) == ["a.run", "a.run.sweep"]
    fit(tmp_path / "a.run", resume=True)


# Another run --------------------------------------------------------------------------------------


@contextmanager
def under_way(run: Callable[..., Any], path: Path, **settings: Any) -> Iterator[None]:
    """Within this block another thread trains a run that writes to the file."""
    begun, go = threading.Event(), threading.Event()

    def schedule(done: float) -> float:
        begun.set()
        assert go.wait(60)
        return 0.01

    rule = tw.SGD(lr=schedule)
    given = {"optimizer": rule, "engine": "numpy", **settings}
    thread = threading.Thread(target=run, args=(path,), kwargs=given)
    thread.start()
    try:
        assert begun.wait(60)
        yield
    finally:
        go.set()
        thread.join()


@pytest.mark.parametrize("first", [fit, sweep])
@pytest.mark.parametrize("second", [fit, sweep])
@pytest.mark.parametrize("resume", [False, True])
def test_another_run_is_refused_until_the_first_has_ended(
    first: Any, second: Any, resume: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.run"
    with under_way(first, path):
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(tw.SettingError, match=r"a\.run is in use: another run") as raised:
            second(path, resume=resume, optimizer=tw.Adam(), seed=3)
        assert "give another path" in str(raised.value)
        assert (path.read_bytes() if path.exists() else None) == before
        second(tmp_path / "b.run", optimizer=tw.Adam(), seed=3)
    assert sorted(os.listdir(tmp_path)) == ["a.run", "b.run"]
    second(path, optimizer=tw.Adam(), seed=3)  # afresh, over the old one


def test_a_refused_run_leaves_its_net_unchanged(tmp_path: Path) -> None:
    net = tw.Sequential(tw.Dense(1))
    with under_way(fit, tmp_path / "a.run"), pytest.raises(tw.SettingError, match="in use"):
        tw.fit(net, X, Y, checkpoint=tmp_path / "a.run", epochs=2)
    assert not net.is_initialized


def test_an_error_releases_the_claim(tmp_path: Path) -> None:
    def broken(done: float) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(tmp_path / "a.run", optimizer=tw.SGD(lr=broken))
    assert os.listdir(tmp_path) == []
    fit(tmp_path / "a.run")


HOLDS = """
import sys, time, pathlib
from talweg.train.run.claim import claimed
with claimed(pathlib.Path(sys.argv[1]), {"name": "another"}):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_claim_of_a_killed_process_is_released(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    with pytest.raises(tw.SettingError, match="in use"):
        fit(path)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    process.stdout.close()
    fit(path)
    assert os.listdir(tmp_path) == ["a.run"]


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("names", [("file", "link"), ("link", "file"), ("link", "folder/file")])
def test_a_link_and_its_file_are_one_checkpoint(
    tmp_path: Path, names: tuple[str, str], is_there: bool
) -> None:
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").symlink_to(tmp_path)
    if is_there:
        (tmp_path / "file").touch()
    first, second = (claimed(tmp_path / name, {"n": name}) for name in names)
    with first, pytest.raises(tw.SettingError, match="is in use: another run"), second:
        pass
    assert not list(tmp_path.glob(".*.lock"))


def test_similar_names_do_not_conflict(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for number, name in enumerate(["a.run", "a.run.b", "a", "b[*]"]):
            stack.enter_context(claimed(tmp_path / name, {"n": number}))
    assert os.listdir(tmp_path) == []


def test_the_last_of_equal_runs_removes_the_claim(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    first, second = claimed(path, {"n": 1}), claimed(path, {"n": 1})
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    with pytest.raises(tw.SettingError, match="in use"), claimed(path, {"n": 2}):
        pass
    second.__exit__(None, None, None)
    assert os.listdir(tmp_path) == []
    with claimed(path, {"n": 2}):
        pass


def test_runs_that_come_and_go_never_conflict(tmp_path: Path) -> None:
    path, inside, errors = tmp_path / "a.run", {1: 0, 2: 0}, []
    lock, until = threading.Lock(), time.monotonic() + 0.3

    def come_and_go(number: int) -> None:
        while time.monotonic() < until:
            try:
                with claimed(path, {"n": number}):
                    with lock:
                        inside[number] += 1
                        if inside[3 - number]:
                            errors.append(dict(inside))
                    with lock:
                        inside[number] -= 1
            except tw.SettingError:
                pass

    threads = [threading.Thread(target=come_and_go, args=(1 + n % 2,)) for n in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
