"""Other processors to compile for, whose instructions this one may have."""

from __future__ import annotations

import sys
from dataclasses import replace

from talweg.engine.native.llvm import compiler
from talweg.engine.native.llvm.compiler import Target

LEVELS = {
    "sse": Target("", "x86-64-v2", "", vector_bytes=16, registers=16),
    "avx2": Target("", "x86-64-v3", "", vector_bytes=32, registers=16),
    "avx512": Target("", "x86-64-v4", "", vector_bytes=64, registers=32),
}
"""The levels of x86-64, by the vectors that they add. The first calls the C library for fma."""


def runs_here(level: str) -> bool:
    """Whether this processor has the instructions of a level."""
    host = compiler.host()
    return host.triple.startswith("x86_64") and LEVELS[level].vector_bytes <= host.vector_bytes


def compile_for(level: str) -> None:
    """Compile for a level in the rest of this process. Call it before anything runs."""
    if "talweg.engine.native.build" in sys.modules:
        raise RuntimeError("the engine is loaded already, for the processor of this machine")
    target = replace(LEVELS[level], triple=compiler.host().triple)
    compiler.host = lambda: target  # type: ignore[assignment]
