"""Short of memory: messages are true, and nothing aborts the process."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import talweg as tw
from talweg import gates, memory_limits
from talweg.engine import registry
from talweg.engine.native.llvm import compiler
from talweg.engine.run.blas_threads import blas_threads
from talweg.gates import contract
from talweg.train.search.tasks import errors_named

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


def net() -> tw.Sequential:
    return tw.Sequential(tw.Dense(3), tw.Dense(1)).init(X)


def train(**more: Any) -> tw.Run:
    return tw.fit(net(), X, X[:, :1], **{"epochs": 1, "progress": False, **more})


def nothing_is_free(monkeypatch: pytest.MonkeyPatch, *modules: Any) -> None:
    for each in modules:
        monkeypatch.setattr(each, "can_allocate", lambda size: False)


# An engine that cannot be loaded ----------------------------------------------------------------


@pytest.fixture
def engine_is_looked_for_anew() -> Any:
    cached = compiler._llvm, compiler.host, registry.chosen_engine
    for each in cached:
        each.cache_clear()
    yield
    for each in cached:
        each.cache_clear()


class Failing:
    """What happens instead of an import of llvmlite."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def find_spec(self, name: str, *_: Any) -> None:
        if name.startswith("llvmlite"):
            raise self.error


UNLOADED = {
    "not there": (ModuleNotFoundError("No module named 'llvmlite'"), True, "is not installed"),
    "no memory for the library": (OSError("Could not find/load"), False, "256 MB of memory"),
    "no memory for Python": (MemoryError(), True, "256 MB of memory"),
    "damaged": (OSError("invalid ELF header"), True, r"cannot be loaded \(invalid ELF header\)"),
    "a part that fails": (ImportError("no symbol"), True, r"cannot be loaded \(no symbol\)"),
}


@pytest.mark.usefixtures("engine_is_looked_for_anew")
@pytest.mark.parametrize("name", UNLOADED)
def test_the_warning_says_why_runs_are_interpreted(name, monkeypatch) -> None:
    error, can_allocate, words = UNLOADED[name]
    for module in [each for each in sys.modules if each.startswith("llvmlite")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Failing(error), *sys.meta_path])
    monkeypatch.setattr(compiler, "can_allocate", lambda size: can_allocate)
    with pytest.warns(tw.TrainingWarning, match=f"are interpreted.*{words}") as noted:
        assert train().settings["engine"] == "numpy"
    assert ("not installed" in str(noted[0].message)) == (name == "not there")
    with pytest.raises(tw.EngineError, match=words):
        train(engine="native")


# What would abort the process -------------------------------------------------------------------


def test_a_first_product_asks_for_its_memory(monkeypatch) -> None:
    nothing_is_free(monkeypatch, memory_limits)
    with ThreadPoolExecutor(1) as pool:  # a new thread
        asked = pool.submit(gates.matmul, X, X.T)
        with pytest.raises(tw.OutOfMemoryError, match="first matrix product needs up to 40 MB"):
            asked.result()
        monkeypatch.undo()
        np.testing.assert_array_equal(pool.submit(gates.matmul, X, X.T).result(), X @ X.T)
        nothing_is_free(monkeypatch, memory_limits)
        assert pool.submit(gates.matmul, X, X.T).result().shape == (60, 60), "it has it now"


def test_a_product_takes_no_memory_after_the_first() -> None:
    """OpenBLAS aborts the process if it does not get its memory."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("no count of memory here")
    large = np.ones((300, 300), np.float32)

    def grown() -> int:
        contract._product(X, X.T)
        before = int(Path("/proc/self/statm").read_text().split()[0])
        held = np.matmul(large, large, out=np.empty_like(large))
        after = int(Path("/proc/self/statm").read_text().split()[0])
        return (after - before) * os.sysconf("SC_PAGESIZE") - 2 * held.nbytes

    with blas_threads(1), ThreadPoolExecutor(1) as pool:
        assert pool.submit(grown).result() < 2**22


ASKED = {
    "a run": lambda: train(engine="native"),
    "a sweep": lambda: tw.sweep(
        lambda: tw.Sequential(tw.Dense(1)), X, X[:, :1], over={"seed": [1, 2]}, epochs=1
    ),
}


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError("no room")])
def test_without_a_thread_there_is_an_error(asked, error, monkeypatch) -> None:
    train()  # what runs allocate once is allocated

    def refuse(_: threading.Thread) -> None:
        raise error

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(tw.EngineError, match="cannot start a thread"):
        ASKED[asked]()


def test_no_thread_starts_without_memory_for_it(monkeypatch) -> None:
    """Python 3.11 would wait for it forever."""
    nothing_is_free(monkeypatch, memory_limits)
    begun: list[Any] = []
    with pytest.raises(tw.EngineError, match="cannot start a thread"):
        memory_limits.start_thread(lambda: begun.append(1))
    assert begun == []


def test_memory_errors_are_errors_of_talweg_and_of_python() -> None:
    assert issubclass(tw.OutOfMemoryError, tw.TalwegError)
    assert issubclass(tw.OutOfMemoryError, MemoryError)


def test_an_error_of_several_points_names_one_of_each_kind() -> None:
    """All runs that wait for one program fail with its error."""
    shared = tw.EngineError("no room")
    for seed in (1, 2):
        with (
            pytest.raises(tw.EngineError, match=rf"^sweep at seed={seed}: no room$"),
            errors_named(f"sweep at seed={seed}"),
        ):
            raise shared


# Limits from little to enough -------------------------------------------------------------------

FITS = """
import json, sys
import numpy as np, talweg as tw
X = np.random.default_rng(0).normal(size=(300, 20)).astype("f4")
try:
    run = tw.fit(tw.Sequential(tw.Dense(50, "relu"), tw.Dense(1)), X, X[:, 0], epochs=2)
    found = [run.net.predict(X).shape, run.net.predict(X[:1]).shape, run.settings["engine"]]
except (MemoryError, tw.TalwegError) as error:
    found = [type(error).__name__, str(error)]
print(json.dumps(found))
"""
WIDE, STEP = 900, 75  # MB


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("megabytes", range(300, WIDE + 1, STEP))
def test_a_fit_within_a_limit_works_or_names_the_lack(megabytes, tmp_path) -> None:
    done = limited([sys.executable, "-W", "ignore", "-c", FITS], megabytes, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found[:2] == [[300, 1], [1, 1]] or "not available" in found[1] or "limit" in found[1]


COMMANDS = ["train", "predict", "show"]
TALWEG = [sys.executable, "-m", "talweg"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with a table and a model of it."""
    folder = tmp_path_factory.mktemp("trained")
    table = "".join(f"{i},{i % 7},{i % 3}\n" for i in range(178))
    (folder / "t.csv").write_text(table)
    subprocess.run(train_in(folder, "out"), check=True, capture_output=True, timeout=60)
    return folder


def train_in(folder: Path, out: str) -> list[str]:
    small = ["--n-estimators", "1", "--epochs", "2"]
    table = str(folder / "t.csv")
    return [*TALWEG, "train", table, "--target", "-1", "--out", str(folder / out), *small]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("megabytes", range(300, WIDE + 1, 2 * STEP))
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_within_a_limit_works_or_names_the_lack(
    command, megabytes, trained, tmp_path
) -> None:
    table, model = str(trained / "t.csv"), str(trained / "out")
    commands = {
        "train": train_in(trained, f"out of {megabytes} MB"),
        "predict": [*TALWEG, "predict", model, table],
        "show": [*TALWEG, "show", model],
    }
    done = limited(commands[command], megabytes, tmp_path)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr and "not installed" not in done.stderr


def limited(command: list[str], megabytes: int, folder: Path) -> Any:
    limit = f"import resource as r; r.setrlimit(r.RLIMIT_AS, ({megabytes} << 20,) * 2); "
    start = limit + "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", start, *command],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
    )


@pytest.mark.skipif(sys.platform != "linux", reason="heaps of the GNU C library")
@pytest.mark.parametrize(("limit", "calls"), [(2**29, [(-8, 1)]), (-1, [])])
def test_threads_share_a_heap_where_addresses_are_limited(limit, calls, monkeypatch) -> None:
    made: list[Any] = []

    class Library:
        def mallopt(self, *given: int) -> None:
            made.append(given)

    monkeypatch.setattr("resource.getrlimit", lambda _: (limit, -1))
    monkeypatch.setattr("ctypes.CDLL", lambda _: Library())
    memory_limits.share_one_heap()
    assert made == calls
