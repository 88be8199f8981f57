"""The table of engines: each one's name, what it can do, and where it is found.

An engine is imported when it is first needed. The first one in the table that can be used here is
the one that runs what names no engine.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from talweg.engine.run.engine import Capabilities, Engine
from talweg.errors import SettingError, TrainingWarning, nearest
from talweg.forks import importing


@dataclass(frozen=True)
class Entry:
    """An engine: the `ENGINE` of its module is a class without arguments."""

    module: str
    capabilities: Capabilities


ENGINES: dict[str, Entry] = {
    "native": Entry(
        "talweg.engine.native.engine",
        Capabilities(
            compiles=True,
            whole_runs=True,
            any_rows=True,
            replicas=True,
            side_by_side=True,
            predicts=True,
            same_bits_by_threads=True,
        ),
    ),
    "numpy": Entry("talweg.engine.numpy.engine", Capabilities()),
}


@cache
def engine(name: str) -> Engine:
    """The engine of that name. SettingError: there is none."""
    if name not in ENGINES:
        raise SettingError(f"there is no engine {name!r}. {nearest(name, ENGINES)}")
    entry = ENGINES[name]
    with importing:
        made: Engine = import_module(entry.module).ENGINE()
    made.name, made.capabilities = name, entry.capabilities
    return made


@cache
def chosen_engine(name: str | None) -> Engine:
    """The engine that is named; for None the first that can be used here.

    A TrainingWarning, once, if that is not the first of the table.
    """
    if name is not None:
        return engine(name)
    reasons = missing_engines()
    found = engine(next(each for each in ENGINES if each not in reasons))
    if reasons:
        words = f"Runs use the engine {found.name!r}."
        if not found.capabilities.compiles:
            words = "Runs are interpreted, many times slower than they could be."
        warnings.warn(f"{words} {' '.join(reasons.values())}", TrainingWarning, stacklevel=4)
    return found


def missing_engines() -> Mapping[str, str]:
    """The engines that cannot be used here, and why; asks them in order until one can be."""
    reasons: dict[str, str] = {}
    for name in ENGINES:
        reason = engine(name).why_missing()
        if not reason:
            break
        reasons[name] = reason
    return reasons


def interpreter() -> Engine:
    """The first engine that runs a program at once."""
    return engine(next(n for n, e in ENGINES.items() if not e.capabilities.compiles))


def predicting_engine() -> Engine | None:
    """The first engine whose functions are worth their compiling for predictions."""
    able = (engine(name) for name, entry in ENGINES.items() if entry.capabilities.predicts)
    return next((each for each in able if not each.why_missing()), None)
