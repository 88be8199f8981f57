"""What ends a run from outside: Ctrl-C, and where a command is run SIGTERM and SIGHUP as well."""

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
"""The signals that ask a process to end; SIGBREAK is that of Windows."""


class Interrupted(KeyboardInterrupt):
    """A signal that ends a command.

    Python notes a bare KeyboardInterrupt that passes through code made by `exec`, as that of
    dataclasses is, and dies of SIGINT in the end, although it was caught.
    """


class Interrupts:
    """The handler of a command's signals.

    Before training a signal ends the command. From then on, the first one ends the training alone,
    so that what was reached is kept, and a second one ends the command.
    """

    def __init__(self) -> None:
        self.came: list[int] = []
        self.has_written = False
        self._controls: Sequence[Control] = ()
        self._has_begun = self._is_held = False

    def __call__(self, number: int, _: Any) -> None:
        self.came.append(number)
        if self._is_held:
            return
        if len(self.came) > 1 or not self._has_begun:
            raise Interrupted
        self._stop()

    def _stop(self) -> None:
        for each in self._controls:
            each.stop = True

    @contextmanager
    def stopping(self, controls: Sequence[Control]) -> Iterator[None]:
        """While entered, a signal stops these runs, as one does that came before."""
        self._controls, self._has_begun = controls, True
        if self.came:
            self._stop()
        try:
            yield
        finally:
            self._controls = ()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While entered, files are put in their places, which no signal cuts short."""
        self._is_held = True
        try:
            yield
            self.has_written = True
        finally:
            self._is_held = False


@contextmanager
def handled() -> Iterator[Interrupts]:
    """The signals of a command while it runs, but for those that are ignored, as under nohup."""
    interrupts, before = Interrupts(), {}
    if _receives_signals():
        found = {each: signal.getsignal(each) for each in ENDING}
        before = {each: of for each, of in found.items() if of not in (signal.SIG_IGN, None)}
    try:
        for each in before:
            signal.signal(each, interrupts)
        yield interrupts
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def written_uncut() -> Iterator[None]:
    """While entered, files are put in their places, which no signal of the command cuts short."""
    found = _of_command()
    if found is None:
        yield
        return
    with found.writing():
        yield


@contextmanager
def interruptible(*controls: Control) -> Iterator[None]:
    """While entered, Ctrl-C asks the runs to stop; a second one interrupts as usual.

    Only the main thread receives signals, so on another nothing is changed.
    """
    found = _of_command() if _receives_signals() else None
    before = signal.getsignal(signal.SIGINT) or signal.default_int_handler
    if found:
        with found.stopping(controls):
            yield
        return
    # Whoever ignores Ctrl-C, as nohup does, means it.
    if not _receives_signals() or before is signal.SIG_IGN:
        yield
        return

    def ask_to_stop(*_: Any) -> None:
        for each in controls:
            each.stop = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _receives_signals() -> bool:
    return threading.current_thread() is threading.main_thread()


def _of_command() -> Interrupts | None:
    """What handles the signals of the command that is run, if one is."""
    handlers = map(signal.getsignal, ENDING)
    return next((each for each in handlers if isinstance(each, Interrupts)), None)
