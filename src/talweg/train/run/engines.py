"""Which engine runs a program: the interpreter, or the native one, which compiles it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from talweg.engine.numpy import loop
from talweg.engine.run.program import Control, Outcome, Program, Rows
from talweg.errors import TrainingWarning
from talweg.forks import importing
from talweg.nn import Module
from talweg.train.methods import full_batch, importance_sampling_loop as sampled
from talweg.train.run import python_loop as stepwise

Engine = Callable[[Program, Any, Rows, Rows | None, Control], Outcome]


def engine_for(name: str | None, program: Program) -> Engine:
    """What runs a program, and every other one with the same graphs; compiled, if need be."""
    if program.search is not None:
        return stepwise.prepare(full_batch.Searching, chosen_engine(name), program).run
    if program.groups is not None:
        return stepwise.prepare(sampled.Sampling, chosen_engine(name), program).run
    if chosen_engine(name) == "numpy":
        return loop.run
    from talweg.engine.native.runtime import launch

    return launch.prepare(program).run


def load_engine() -> str:
    """Import what compiles runs and predictions, which takes as long as a small run. Why it cannot
    be used; empty where it can.
    """
    from talweg.engine.native.llvm import compiler
    from talweg.engine.native.runtime import launch  # noqa: F401

    return compiler.why_unavailable()


def begin_to_compile(name: str, net: Module) -> None:
    """Compile beside Python what all programs of such nets share, if the engine compiles."""
    if name == "native":
        from talweg.engine.native.build import begin_products

        begin_products(net.weights.values())


@cache
def chosen_engine(name: str | None) -> str:
    """The engine that is asked for; for None the native one, or where it cannot be, the other."""
    if name == "numpy":
        return name
    with importing:
        reason = load_engine()
    if name is None and reason:  # cached, and so said once
        words = f"Runs are interpreted, many times slower than they could be. {reason}"
        warnings.warn(words, TrainingWarning, stacklevel=4)
        return "numpy"
    return name or "native"
