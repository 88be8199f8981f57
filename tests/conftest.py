"""What all tests share."""

import signal


def pytest_configure() -> None:
    """Listen to Ctrl-C, which some tests send: a process in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
