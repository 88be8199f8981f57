"""Optimizers, schedules and full-batch methods.

An optimizer is a frozen dataclass of settings with a pure `init` and `update` on the flat parameter
vector. It is written in gates, so it runs on every engine. A new one is a class in a file of its
own and a row in `OPTIMIZERS`. Methods that choose their own passes over the rows are in
`FULL_BATCH`. A run imports only those that it uses.
"""

from talweg.optim.full_batch import FullBatch
from talweg.optim.optimizer import (
    FULL_BATCH,
    METHODS,
    OPTIMIZERS,
    SCHEDULES,
    Optimizer,
    as_optimizer,
    optimizer_hint,
)

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
