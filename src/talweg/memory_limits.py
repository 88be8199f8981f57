"""Memory that has to be there before it is asked for, by code that ends the process without it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from mmap import mmap
from typing import TypeVar

from talweg.errors import EngineError, OutOfMemoryError

_T = TypeVar("_T")
_THREAD = 2**24
"""Bytes that a thread needs, mostly for its stack. Python 3.11 waits for ever for one that fails
for want of memory in its first lines."""
_ARENA_MAX = -8  # of the GNU C library's malloc.h


def can_allocate(size: int) -> bool:
    """Whether so many bytes can be had now; none is touched."""
    try:
        mmap(-1, size).close()
    except (OSError, MemoryError):
        return False
    return True


def require_memory(size: int, what: str, advice: str) -> None:
    """OutOfMemoryError if so many bytes cannot be had, which is what something takes up to."""
    if not can_allocate(size):
        raise OutOfMemoryError(
            f"{what} takes up to {size / 2**20:.0f} MB of memory, which cannot be had. {advice}"
        )


def start_thread(start: Callable[[], _T]) -> _T:
    """What `start` gives, which begins a thread. EngineError: there is none to be had."""
    try:
        if not can_allocate(_THREAD):
            raise MemoryError("no memory for one")
        return start()
    except (RuntimeError, MemoryError) as error:
        raise EngineError(
            f"The run cannot have a thread ({error}): this process is at a limit of memory or of "
            "threads. End some, or free some memory."
        ) from error


def share_one_heap() -> None:
    """Let all threads take memory from one heap, if the process has a limit of addresses.

    The C library of Linux sets 64 MB of them apart for each thread, so that eight threads find
    nothing left under a limit of 800 MB, most of which nobody uses.
    """
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit
    except ImportError:  # not on Windows, which has no such limit
        return
    if getrlimit(RLIMIT_AS)[0] != RLIM_INFINITY:
        with suppress(AttributeError, OSError, TypeError):  # another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
