"""Optimizers, schedules and full-batch methods.

An optimizer is a frozen dataclass of settings with a pure `init` and `update` on the flat parameter
vector. It is written in gates, so it runs on every engine. A new one is a class in a file of its
own and a row in `OPTIMIZERS`. Methods that choose their own passes over the rows are in
`FULL_BATCH`.
"""

from typing import Any

from talweg.errors import SettingError, nearest
from talweg.optim.adadelta import AdaDelta
from talweg.optim.adagrad import AdaGrad
from talweg.optim.adam import Adam, AdamW
from talweg.optim.adamax import Adamax
from talweg.optim.annealing import SimulatedAnnealing
from talweg.optim.bfgs import BFGS, LBFGS
from talweg.optim.full_batch import FullBatch
from talweg.optim.lion import Lion
from talweg.optim.muon import Muon
from talweg.optim.nadam import NAdam
from talweg.optim.optimizer import Optimizer
from talweg.optim.plateau import ReduceOnPlateau
from talweg.optim.radam import RAdam
from talweg.optim.rmsprop import RMSProp
from talweg.optim.sgd import SGD

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "adagrad": AdaGrad,
    "adadelta": AdaDelta,
    "rmsprop": RMSProp,
    "nadam": NAdam,
    "radam": RAdam,
    "adamax": Adamax,
    "lion": Lion,
    "muon": Muon,
}
FULL_BATCH: dict[str, type[FullBatch]] = {
    "bfgs": BFGS,
    "lbfgs": LBFGS,
    "annealing": SimulatedAnnealing,
}
"""Methods whose passes each see all rows, at weights that the method chooses."""


def as_optimizer(given: Any) -> Optimizer | FullBatch:
    """The optimizer itself, or the one of that name with its default settings."""
    if isinstance(given, Optimizer | FullBatch):
        return given
    known = OPTIMIZERS | FULL_BATCH
    if isinstance(given, str) and given.lower() in known:
        return known[given.lower()]()
    hint = nearest(given, known) if isinstance(given, str) else "Give tw.SGD(lr=0.01)."
    raise SettingError(f"fit: optimizer must be an Optimizer or its name; got {given!r}. {hint}")


__all__ = [
    "BFGS",
    "FULL_BATCH",
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adamax",
    "FullBatch",
    "Lion",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSProp",
    "ReduceOnPlateau",
    "SimulatedAnnealing",
    "as_optimizer",
]
