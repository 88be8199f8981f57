"""Optimizers, schedules and full-batch methods.

An optimizer is a frozen dataclass of settings with a pure `init` and `update` on the flat parameter
vector. It is written in gates, so it runs on every engine. A new one is a class in a file of its
own and a row in `OPTIMIZERS`. Methods that choose their own passes over the rows are in
`FULL_BATCH`. A run imports only those that it uses.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from talweg.errors import SettingError, nearest
from talweg.lazy import ClassTable
from talweg.optim.full_batch import FullBatch
from talweg.optim.optimizer import Optimizer, Schedule

OPTIMIZERS: ClassTable[Optimizer] = ClassTable(
    {
        "sgd": "talweg.optim.sgd.SGD",
        "adam": "talweg.optim.adam.Adam",
        "adamw": "talweg.optim.adam.AdamW",
        "adagrad": "talweg.optim.adagrad.AdaGrad",
        "adadelta": "talweg.optim.adadelta.AdaDelta",
        "rmsprop": "talweg.optim.rmsprop.RMSProp",
        "nadam": "talweg.optim.nadam.NAdam",
        "radam": "talweg.optim.radam.RAdam",
        "adamax": "talweg.optim.adamax.Adamax",
        "lion": "talweg.optim.lion.Lion",
        "muon": "talweg.optim.muon.Muon",
    }
)
FULL_BATCH: ClassTable[FullBatch] = ClassTable(
    {
        "bfgs": "talweg.optim.bfgs.BFGS",
        "lbfgs": "talweg.optim.bfgs.LBFGS",
        "annealing": "talweg.optim.annealing.SimulatedAnnealing",
    }
)
"""Methods whose passes each see all rows, at weights that the method chooses."""

METHODS: ClassTable[Optimizer | FullBatch] = ClassTable(OPTIMIZERS.paths | FULL_BATCH.paths)

SCHEDULES: ClassTable[Schedule] = ClassTable(
    {
        "StepDecay": "talweg.optim.schedules.StepDecay",
        "ExponentialDecay": "talweg.optim.schedules.ExponentialDecay",
        "InverseScaling": "talweg.optim.schedules.InverseScaling",
        "CosineDecay": "talweg.optim.schedules.CosineDecay",
        "OneCycle": "talweg.optim.schedules.OneCycle",
        "LinearWarmup": "talweg.optim.schedules.LinearWarmup",
        "ReduceOnPlateau": "talweg.optim.plateau.ReduceOnPlateau",
    }
)


def as_optimizer(given: Any) -> Optimizer | FullBatch:
    """The optimizer itself, or the one of that name with its default settings."""
    if isinstance(given, Optimizer | FullBatch):
        return given
    if isinstance(given, str) and given.lower() in METHODS:
        return METHODS[given.lower()]()
    hint = nearest(given, METHODS) if isinstance(given, str) else "Give tw.SGD(lr=0.01)."
    raise SettingError(f"fit: optimizer must be an Optimizer or its name; got {given!r}. {hint}")


def optimizer_hint(name: str, given: Mapping[str, Any]) -> str:
    """What to do with a setting of the optimizer that was given to `fit`; "" for any other name."""
    rule = as_optimizer(given.get("optimizer", "adam"))
    if name not in {field.name for field in fields(rule) if field.init}:
        return ""
    return f"It is a setting of the optimizer: give optimizer=tw.{type(rule).__name__}({name}=...)."


__all__ = [
    "FULL_BATCH",
    "METHODS",
    "OPTIMIZERS",
    "SCHEDULES",
    "FullBatch",
    "Optimizer",
    "as_optimizer",
    "optimizer_hint",
]
