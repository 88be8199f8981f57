"""The settings of a TableModel: the values that each allows, and their form in a model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any

import numpy as np

from talweg.data.model.targets.table import TASK
from talweg.data.split.folds import FOLDS
from talweg.lazy import ClassTable
from talweg.nn.activations import ACTIVATIONS
from talweg.optim import METHODS, SCHEDULES, FullBatch, Optimizer
from talweg.optim.optimizer import is_schedule
from talweg.random import SEED
from talweg.schema import Anything, Either, Exactly, Items, Record, Text, Tuple, optional
from talweg.settings import Choice, Constraint, Number


@dataclass(frozen=True)
class _Targets:
    """The values that `target` allows."""

    def allows(self, value: Any) -> bool:
        names = value if isinstance(value, tuple) else (value,)
        return bool(names) and all(isinstance(name, str | Integral) for name in names)

    def __str__(self) -> str:
        return "the name or the position of a column, or several of these in a list"


@dataclass(frozen=True)
class _Sizes:
    """The values that `hidden` allows."""

    def allows(self, value: Any) -> bool:
        is_size = Number(at_least=1, whole=True).allows
        return value is None or (isinstance(value, tuple) and all(map(is_size, value)))

    def __str__(self) -> str:
        return "sizes of layers such as (128, 64), or None"


@dataclass(frozen=True)
class _Threshold:
    """The values that `threshold` allows."""

    def allows(self, value: Any) -> bool:
        share = Number(above=0, below=1)
        return value is None or value in ("balanced", "f1") or share.allows(value)

    def __str__(self) -> str:
        return 'a number between 0 and 1, "balanced", "f1" or None'


SETTINGS: dict[str, Constraint] = {
    "target": _Targets(),
    "task": TASK,
    "class_weight": Choice(("balanced",), optional=True),
    "threshold": _Threshold(),
    "hidden": _Sizes(),
    "activation": Choice(tuple(ACTIVATIONS), optional=True),
    "dropout": Number(at_least=0, below=1, optional=True),
    "bins": Number(at_least=0, whole=True, optional=True),
    "n_estimators": Number(at_least=1, at_most=FOLDS, whole=True, optional=True),
    "epochs": Number(at_least=1, whole=True, optional=True),
    "batch_size": Number(at_least=1, whole=True, optional=True),
    "patience": Number(at_least=1, whole=True, optional=True),
    "time_budget": Number(above=0, optional=True),
}

_COLUMN = Either((Text(), Number(whole=True)))
_AS_KEPT: dict[str, Constraint] = {
    "target": Either((_COLUMN, Items(_COLUMN, at_least=1))),
    "drop": Items(_COLUMN),
    "columns": Items(Tuple((_COLUMN, Either((Text(), Items(Text())))))),
    "weight": optional(_COLUMN),
    "groups": optional(_COLUMN),
    "time": optional(Either((_COLUMN, Items(_COLUMN, at_least=1), Exactly(False)))),
    "hidden": optional(Items(Number(at_least=1, whole=True))),
    "optimizer": Anything(),  # it checks its settings when it is rebuilt
    "seed": SEED,
}
SETTINGS_RECORD = Record({**SETTINGS, **_AS_KEPT})
"""The settings in a model file, where tuples are lists."""


def settings_to_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a model file holds them."""
    return {name: _to_json(value) for name, value in settings.items()}


def settings_from_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from a model file. SettingError: an optimizer with wrong settings."""
    return {name: _from_json(value) for name, value in record.items()}


def _to_json(value: Any) -> Any:
    """A setting as JSON. An optimizer of talweg can be restored; a custom one is only named."""
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, Optimizer | FullBatch):
        return _described(value, "rule", METHODS) or repr(value)
    return value.item() if isinstance(value, np.generic) else value


def _described(value: Any, word: str, kinds: ClassTable[Any]) -> dict[str, Any] | None:
    """An optimizer or a schedule by name, with its settings; None if it is a custom one."""
    name = kinds.name_of(type(value))
    if name is None:
        return None
    settings = {field.name: getattr(value, field.name) for field in fields(value)}
    parts = {
        setting: _described(number, "kind", SCHEDULES) if is_schedule(number) else number
        for setting, number in settings.items()
    }
    is_custom = any(is_schedule(settings[own]) and part is None for own, part in parts.items())
    return None if is_custom else {word: name, **parts}


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        settings = {name: _from_json(item) for name, item in value.items()}
        is_rule = "rule" in settings
        kinds: Mapping[str, Any] = METHODS if is_rule else SCHEDULES
        return kinds[settings.pop("rule" if is_rule else "kind")](**settings)
    return tuple(map(_from_json, value)) if isinstance(value, list) else value
