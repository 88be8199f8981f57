"""Locks that a fork waits for.

A forked child has the memory of its parent but only one thread: a lock that another thread held is
never released, and what LLVM was changing stays half changed. So a fork takes these locks first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from threading import RLock
from typing import Any

Lock = AbstractContextManager[Any]


def hold_over_forks(locks: Callable[[], Iterable[Lock]]) -> None:
    """Take these locks before each fork, and release them in the parent and in the child.

    They are taken in order, before the locks of earlier calls. They must be reentrant, since a
    signal handler may fork.
    """
    held = ExitStack()

    def take() -> None:
        for lock in locks():
            held.enter_context(lock)

    def release() -> None:
        held.pop_all().close()  # emptied first, since the next thread that forks fills it meanwhile

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=take, after_in_parent=release, after_in_child=release)


importing = RLock()
"""Held while a call imports modules, since Python has a lock for each module.

Code that runs during an import must not take it, since its thread holds such a lock already.
"""


def _innermost() -> Iterator[Lock]:
    """The import lock, then the lock that llvmlite holds during a call, if it is imported.

    Programs may be unloaded, and so call llvmlite, at any time.
    """
    yield importing
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    if (of_llvm := getattr(library, "_lock", None)) is not None:
        yield of_llvm


hold_over_forks(_innermost)
