"""What no other thread is in the middle of while this process forks.

A child has the memory of its parent and one of its threads: a lock that another one held stays
taken for ever, and what LLVM was changing stays half changed. So a fork waits for these locks.
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
    """Take these locks before each fork, in their order and before those of earlier calls, and
    let them go on either side of it. One thread may take them twice: a signal's handler may fork.
    """
    held = ExitStack()

    def take() -> None:
        for each in locks():
            held.enter_context(each)

    def let_go() -> None:
        held.pop_all().close()  # emptied first: the next thread that forks fills it meanwhile

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=take, after_in_parent=let_go, after_in_child=let_go)


importing = RLock()
"""Held while modules are imported in the middle of a call, since Python has a lock for each; not to
be taken by what runs at an import, in a thread that has such a lock already.
"""


def _innermost() -> Iterator[Lock]:
    """The lock of imports, then the one that llvmlite holds in each of its calls, if it is here by
    then: programs are unloaded at any time.
    """
    yield importing
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    if (of_llvm := getattr(library, "_lock", None)) is not None:
        yield of_llvm


hold_over_forks(_innermost)
