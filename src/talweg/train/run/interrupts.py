"""Signals that end a run: Ctrl-C, and in a command also SIGTERM and SIGHUP."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talweg.engine.run.outcome import Control

ENDING = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)
"""Signals that ask a process to end; SIGBREAK is one of Windows."""


class Interrupted(KeyboardInterrupt):
    """A signal ends a command.

    A plain KeyboardInterrupt that passes through code made by `exec`, such as that of dataclasses,
    makes Python end by SIGINT although it was caught.
    """


class Interrupts:
    """The signal handler of a command.

    Before training, a signal ends the command. Later the first signal ends only the training, so
    that its result is kept, and a second one ends the command.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self.has_written = False
        self._controls: Sequence[Control] = ()
        self._has_started = self._is_writing = False

    def __call__(self, number: int, _: Any) -> None:
        self.received.append(number)
        if self._is_writing:
            return
        if len(self.received) > 1 or not self._has_started:
            raise Interrupted
        self._stop()

    def _stop(self) -> None:
        for control in self._controls:
            control.stop = True

    @contextmanager
    def stopping(self, controls: Sequence[Control]) -> Iterator[None]:
        """Within this context a signal stops these runs; so does one that came earlier."""
        self._controls, self._has_started = controls, True
        if self.received:
            self._stop()
        try:
            yield
        finally:
            self._controls = ()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Within this context no signal interrupts the writing of files."""
        self._is_writing = True
        try:
            yield
            self.has_written = True
        finally:
            self._is_writing = False


@contextmanager
def signals_handled() -> Iterator[Interrupts]:
    """Handle the signals to a command, except those that are ignored, as under nohup."""
    interrupts, before = Interrupts(), {}
    if _receives_signals():
        handlers = {number: signal.getsignal(number) for number in ENDING}
        before = {number: of for number, of in handlers.items() if of not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, interrupts)
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Within this context no signal to the command interrupts the writing of files."""
    interrupts = _command_handler()
    if interrupts is None:
        yield
        return
    with interrupts.writing():
        yield


@contextmanager
def interruptible(*controls: Control) -> Iterator[None]:
    """Within this context Ctrl-C asks the runs to stop; a second one interrupts as usual.

    Only the main thread receives signals, so other threads change nothing.
    """
    interrupts = _command_handler() if _receives_signals() else None
    before = signal.getsignal(signal.SIGINT) or signal.default_int_handler
    if interrupts:
        with interrupts.stopping(controls):
            yield
        return
    # a process that ignores Ctrl-C, as under nohup, keeps ignoring it
    if not _receives_signals() or before is signal.SIG_IGN:
        yield
        return

    def ask_to_stop(*_: Any) -> None:
        for control in controls:
            control.stop = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _receives_signals() -> bool:
    return threading.current_thread() is threading.main_thread()


def _command_handler() -> Interrupts | None:
    """The signal handler of the running command; None outside of a command."""
    handlers = map(signal.getsignal, ENDING)
    return next((handler for handler in handlers if isinstance(handler, Interrupts)), None)
