"""Checks for free memory before code that would end the process without it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from mmap import mmap
from typing import TypeVar

from talweg.errors import EngineError, OutOfMemoryError

_T = TypeVar("_T")
_THREAD = 2**24
"""Bytes that a thread needs, mostly for its stack. Python 3.11 waits forever for a new thread that
runs out of memory at once."""
_ARENA_MAX = -8  # of the GNU C library's malloc.h


def can_allocate(size: int) -> bool:
    """Whether that many bytes can be allocated now; none is touched."""
    try:
        mmap(-1, size).close()
    except (OSError, MemoryError):
        return False
    return True


def require_memory(size: int, what: str, advice: str) -> None:
    """Raise an OutOfMemoryError if `what` cannot get the bytes that it may need."""
    if not can_allocate(size):
        raise OutOfMemoryError(
            f"{what} needs up to {size / 2**20:.0f} MB of memory, which is not available. {advice}"
        )


def start_thread(start: Callable[[], _T]) -> _T:
    """Call `start`, which starts a thread, and return its result.

    EngineError: no thread can start.
    """
    try:
        if not can_allocate(_THREAD):
            raise MemoryError("no memory for its stack")
        return start()
    except (RuntimeError, MemoryError) as error:
        raise EngineError(
            f"The run cannot start a thread ({error}): this process is at its limit of memory or "
            "threads. End some threads, or free some memory."
        ) from error


def share_one_heap() -> None:
    """Make all threads allocate from one heap if the process has a limit on its address space.

    The C library of Linux reserves 64 MB of addresses for each thread, so under a limit of 800 MB
    eight threads find nothing left, though most of it is unused.
    """
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit
    except ImportError:  # Windows has no such limit
        return
    if getrlimit(RLIMIT_AS)[0] != RLIM_INFINITY:
        with suppress(AttributeError, OSError, TypeError):  # another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
