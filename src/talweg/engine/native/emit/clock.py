"""The time, as a program reads it."""

from __future__ import annotations

import time

from talweg.engine.native.control_block import CLOCK
from talweg.engine.native.llvm.module import Function
from talweg.engine.native.llvm.values import Value


def write_time(f: Function, control: Value, word: int) -> None:
    """Write the seconds of a monotonic clock to a word of the control block, and the nanoseconds to
    the next one. Where the system has no `clock_gettime`, both stay as they are.
    """
    clock, kind = f.load("ptr", f.at(control, CLOCK, "ptr")), getattr(time, "CLOCK_MONOTONIC", 0)
    with f.when(f.compare("ne", clock, Value("ptr", "null"))):
        f.do(f"call i32 {clock.name}(i32 {kind}, {f.at(control, word, 'i64')})")
