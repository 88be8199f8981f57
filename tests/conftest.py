"""What all tests share: their own compile cache, Ctrl-C, durations, and which tests are slow."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

CACHE_FOLDER = "LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME"
DURATIONS = Path(__file__).with_name("durations.txt")
LONG = 0.05  # seconds: the shorter tests take under a minute together


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--durations-file", action="store_true", help=f"rewrite {DURATIONS.name}")


def pytest_configure(config: pytest.Config) -> None:
    """Listen to Ctrl-C, which some tests send: a process in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--durations-file") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Durations())


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main() -> Iterator[None]:
    """Compile into an empty cache, which all workers and processes of this run share: what an
    earlier run compiled changes neither a result nor a duration. Processes that tests start write
    bytecode, whatever the shell says: reading talweg anew takes each of them 0.3 s.
    """
    with (
        TemporaryDirectory(prefix="talweg-tests-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(CACHE_FOLDER, folder)
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow the tests that durations.txt lists, and the rows of a table that its `quick`
    mark does not name: those that it names stand for all of them.
    """
    lines = DURATIONS.read_text().splitlines() if DURATIONS.exists() else []
    long = {line.split(maxsplit=1)[1] for line in lines if not line.startswith("#")}
    for item in items:
        quick = item.get_closest_marker("quick")
        left_out = quick and not any(fnmatchcase(item.callspec.id, row) for row in quick.args)
        if left_out or item.nodeid in long:
            item.add_marker(pytest.mark.slow)


class Durations:
    """Writes down the tests that took long, the longest first."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        lines = [f"{time:7.2f} {name}" for name, time in self.seconds.most_common() if time >= LONG]
        total = f"# {sum(self.seconds.values()):.0f} s, of which these tests take {LONG} s or more:"
        DURATIONS.write_text("\n".join([total, *lines, ""]))
