"""A schedule that reduces a setting when a measure stops improving."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from talweg import gates
from talweg.engine.run.program import Epoch
from talweg.errors import SettingError
from talweg.optim.optimizer import Schedule
from talweg.optim.schedules import NUMBER
from talweg.settings import Number, setting

_NOT_NEGATIVE = Number(at_least=0)
_COUNT = Number(at_least=0, whole=True)


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """value <- max(min_value, factor value) after more than `patience` epochs without improvement.

    The measure `watch` improves when it falls below best (1 - threshold). The first `cooldown`
    epochs after a reduction do not count. As torch.optim.lr_scheduler.ReduceLROnPlateau with mode
    "min".
    """

    follows_measure: ClassVar[bool] = True
    start: float = setting(0.1, NUMBER)
    factor: float = setting(0.1, Number(above=0, below=1))
    patience: int = setting(10, _COUNT)
    threshold: float = setting(1e-4, _NOT_NEGATIVE)
    cooldown: int = setting(0, _COUNT)
    min_value: float = setting(0.0, _NOT_NEGATIVE)
    watch: str = "val_loss"

    def at(self, done: float, epochs: int) -> float:
        raise SettingError(
            "ReduceOnPlateau depends on a measure, so it cannot be part of another "
            "schedule; use it alone"
        )

    def init(self) -> dict[str, Any]:
        """The state before the first epoch."""
        return {"value": float(self.start), "best": math.inf, "waited": 0.0, "rest": 0.0}

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[dict[str, Any], Any]:
        """(state, value from now on) after an epoch, written in gates."""
        measure, best, rest = epoch.measures[self.watch], state["best"], state["rest"]
        is_better = gates.greater(best * (1.0 - self.threshold), measure)
        waited = gates.where(is_better, 0.0, state["waited"] + 1.0)
        waited = gates.where(gates.greater(rest, 0.0), 0.0, waited)
        falls = gates.greater(waited, float(self.patience))
        lower = gates.maximum(self.factor * state["value"], float(self.min_value))
        value = gates.where(falls, lower, state["value"])
        after = {
            "value": value,
            "best": gates.where(is_better, measure, best),
            "waited": gates.where(falls, 0.0, waited),
            "rest": gates.where(falls, float(self.cooldown), gates.maximum(rest - 1.0, 0.0)),
        }
        return after, value
