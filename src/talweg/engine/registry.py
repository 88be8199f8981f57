"""The table of engines: their names, modules and capabilities.

An engine is imported when it is first needed. A run that names no engine uses the first one of the
table that is available.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from talweg.engine.run.engine import Capabilities, Engine
from talweg.errors import SettingError, TrainingWarning, nearest, user_level
from talweg.forks import importing


@dataclass(frozen=True)
class Entry:
    """An engine: `module.ENGINE` is its class, which takes no arguments."""

    module: str
    capabilities: Capabilities


ENGINES: dict[str, Entry] = {
    "native": Entry(
        "talweg.engine.native.engine",
        Capabilities(
            compiles=True,
            any_rows=True,
            replicas=True,
            side_by_side=True,
            predicts=True,
        ),
    ),
    "numpy": Entry("talweg.engine.numpy.engine", Capabilities()),
}


@cache
def engine(name: str) -> Engine:
    """The engine with this name. SettingError: there is none."""
    if name not in ENGINES:
        raise SettingError(f"there is no engine {name!r}. {nearest(name, ENGINES)}")
    entry = ENGINES[name]
    with importing:
        made: Engine = import_module(entry.module).ENGINE()
    made.name, made.capabilities = name, entry.capabilities
    return made


@cache
def chosen_engine(name: str | None) -> Engine:
    """The engine with this name; for None the first one that is available.

    Warns once (TrainingWarning) if that is not the first of the table.
    """
    if name is not None:
        return engine(name)
    reasons = missing_engines()
    found = engine(next(name for name in ENGINES if name not in reasons))
    if reasons:
        words = f"Runs use the engine {found.name!r}."
        if not found.capabilities.compiles:
            words = "Runs are interpreted, many times slower than they could be."
        warnings.warn(
            f"{words} {' '.join(reasons.values())}", TrainingWarning, stacklevel=user_level()
        )
    return found


def missing_engines() -> Mapping[str, str]:
    """The unavailable engines before the first available one, each with the reason."""
    reasons: dict[str, str] = {}
    for name in ENGINES:
        reason = engine(name).why_missing()
        if not reason:
            break
        reasons[name] = reason
    return reasons


def interpreter() -> Engine:
    """The first engine that does not compile."""
    return engine(next(n for n, e in ENGINES.items() if not e.capabilities.compiles))


def predicting_engine() -> Engine | None:
    """The first available engine that serves predictions."""
    able = (engine(name) for name, entry in ENGINES.items() if entry.capabilities.predicts)
    return next((candidate for candidate in able if not candidate.why_missing()), None)
