"""What all tests share."""

import signal
from fnmatch import fnmatchcase

import pytest


def pytest_configure() -> None:
    """Listen to Ctrl-C, which some tests send: a process in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rows of a table that its `quick` mark does not name are slow: some stand for all of them."""
    for item in items:
        quick = item.get_closest_marker("quick")
        if quick and not any(fnmatchcase(item.callspec.id, each) for each in quick.args):
            item.add_marker(pytest.mark.slow)
