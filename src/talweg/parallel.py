"""Work on several threads at once, as many as there are cores for them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from talweg.cores import cores
from talweg.errors import EngineError
from talweg.memory_limits import start_thread

_T = TypeVar("_T")
_busy: list[None] = []  # one entry for each helping thread; its methods are atomic


def for_each(do: Callable[[_T], Any], items: Sequence[_T]) -> None:
    """Call `do` on each item, on this thread and on others.

    All calls of a process together have one thread for each core, and each takes the next item as
    it becomes free. Fewer threads help where the system gives no more. The first error is raised,
    and no further item is begun after it.
    """
    pending, errors = iter(items), list[BaseException]()

    def work() -> None:
        try:
            for item in pending:
                do(item)
        except BaseException as error:  # raised below, on the thread of the caller
            errors.append(error)
            for _ in pending:
                pass

    def help_out() -> None:
        try:
            work()
        finally:
            _busy.pop()

    helpers = _started(help_out, len(items) - 1)
    work()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]


def _started(target: Callable[[], None], most: int) -> list[threading.Thread]:
    """Threads that have started, one for each core that none works on."""
    threads: list[threading.Thread] = []
    with suppress(EngineError):
        for _ in range(min(most, cores() - 1 - len(_busy))):
            thread = threading.Thread(target=target, name="talweg", daemon=True)
            _busy.append(None)
            try:
                start_thread(thread.start)
            except BaseException:
                _busy.pop()
                raise
            threads.append(thread)
    return threads


if hasattr(os, "register_at_fork"):  # the threads that help do not exist in a forked child
    os.register_at_fork(after_in_child=_busy.clear)
