"""What all tests share: their own compile cache, Ctrl-C, and which rows of a table are quick."""

import os
import signal
from collections.abc import Iterator
from fnmatch import fnmatchcase
from tempfile import TemporaryDirectory

import pytest

CACHE_FOLDER = "LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME"


def pytest_configure(config: pytest.Config) -> None:
    """Listen to Ctrl-C, which some tests send: a process in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Iterator[None]:
    """Compile into an empty cache, shared by all workers and processes of this run: what an
    earlier run compiled changes neither a result nor a duration.
    """
    with (
        TemporaryDirectory(prefix="talweg-tests-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(CACHE_FOLDER, folder)
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rows of a table that its `quick` mark does not name are slow: some stand for all of them."""
    for item in items:
        quick = item.get_closest_marker("quick")
        if quick and not any(fnmatchcase(item.callspec.id, each) for each in quick.args):
            item.add_marker(pytest.mark.slow)
