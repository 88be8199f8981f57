"""Stopping rules: records with a pure `init` and `update`, written with gates.

A list of rules stops the run when the first of them holds; `a & b` when both hold, `a | b` when
either does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from talweg import gates
from talweg.engine.run.program import Epoch
from talweg.errors import SettingError, nearest
from talweg.settings import Checked, Number, setting

EPOCHS = Number(at_least=1, whole=True)
State = dict[str, Any]


class Stop(Checked):
    """The base of stopping rules; a custom rule overrides `init` and `update`."""

    name = "stop"

    def init(self) -> State:
        """The state before the first epoch."""
        return {}

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[State, Any]:
        """(state, whether to stop) after an epoch."""
        raise NotImplementedError

    def watches(self) -> set[str]:
        """The measures that the rule reads, by name."""
        return set()

    def reason(self, epoch: int) -> str:
        """Why a run stopped that this rule ended after `epoch`, in words."""
        return f"the rule {self!r} held after epoch {epoch}"

    def __and__(self, other: Stop) -> Stop:
        return _Both(self, other)

    def __or__(self, other: Stop) -> Stop:
        return _Either(self, other)


def _measure(epoch: Epoch, name: str) -> Any:
    return epoch.measures[name]


@dataclass(frozen=True)
class MaxEpochs(Stop):
    """Stop after a number of epochs."""

    epochs: int = setting(100, EPOCHS)
    name = "max_epochs"

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[State, Any]:
        return {}, gates.greater_equal(epoch.number, self.epochs)

    def reason(self, epoch: int) -> str:
        return f"the {self.epochs} epochs of MaxEpochs were done"


@dataclass(frozen=True)
class TargetLoss(Stop):
    """Stop when a measure, by default the loss, is at or below `target`."""

    target: float = setting(0.0, Number())
    watch: str = "loss"
    name = "target_loss"

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[State, Any]:
        return {}, gates.greater_equal(self.target, _measure(epoch, self.watch))

    def watches(self) -> set[str]:
        return {self.watch}

    def reason(self, epoch: int) -> str:
        return f"{self.watch} reached the target {self.target:g} in epoch {epoch}"


@dataclass(frozen=True)
class MinDecrease(Stop):
    """Stop when the loss has not fallen by more than `min_delta` for `patience` epochs."""

    min_delta: float = setting(1e-4, Number(at_least=0))
    patience: int = setting(1, EPOCHS)
    watch: str = "loss"
    name = "min_decrease"

    def init(self) -> State:
        return {"best": math.inf, "waited": 0.0}

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[State, Any]:
        value = _measure(epoch, self.watch)
        fell = gates.greater(state["best"] - self.min_delta, value)
        best = gates.where(fell, value, state["best"])
        waited = gates.where(fell, 0.0, state["waited"] + 1.0)
        return {"best": best, "waited": waited}, gates.greater_equal(waited, float(self.patience))

    def watches(self) -> set[str]:
        return {self.watch}

    def reason(self, epoch: int) -> str:
        least = f" by more than {self.min_delta:g}" if self.min_delta else ""
        epochs = f"{self.patience} epoch{'s' * (self.patience > 1)}"
        return f"{self.watch} had not fallen{least} for {epochs}"


@dataclass(frozen=True)
class EarlyStopping(MinDecrease):
    """Early stopping: stop when the validation loss has not improved for `patience` epochs."""

    min_delta: float = setting(0.0, Number(at_least=0))
    patience: int = setting(10, EPOCHS)
    watch: str = "val_loss"
    name = "early_stopping"

    def __init__(self, patience: int = 10, *, min_delta: float = 0.0, watch: str = "val_loss"):
        object.__setattr__(self, "min_delta", min_delta)
        object.__setattr__(self, "patience", patience)
        object.__setattr__(self, "watch", watch)
        self.__post_init__()


@dataclass(frozen=True)
class TimeBudget(Stop):
    """Stop after a number of seconds, at the next step."""

    seconds: float = setting(60.0, Number(above=0))
    name = "time_budget"

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[State, Any]:
        return {}, gates.greater_equal(epoch.seconds, self.seconds)

    def reason(self, epoch: int) -> str:
        return f"the time budget of {self.seconds:g} s was used up after epoch {epoch}"


@dataclass(frozen=True)
class _Pair(Stop):
    first: Stop
    second: Stop

    def init(self) -> State:
        return {"first": self.first.init(), "second": self.second.init()}

    def _both(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[State, Any, Any]:
        first, one = self.first.update(state["first"], epoch)
        second, two = self.second.update(state["second"], epoch)
        return {"first": first, "second": second}, one, two

    def watches(self) -> set[str]:
        return self.first.watches() | self.second.watches()


class _Both(_Pair):
    name = "both"

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[State, Any]:
        after, one, two = self._both(state, epoch)
        return after, gates.where(one, two, False)

    def reason(self, epoch: int) -> str:
        return f"{self.first.reason(epoch)}, and {self.second.reason(epoch)}"


class _Either(_Pair):
    """Used only within a `_Both`; elsewhere `as_rules` makes two rules of it."""

    name = "either"

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[State, Any]:
        after, one, two = self._both(state, epoch)
        return after, gates.where(one, True, two)

    def reason(self, epoch: int) -> str:
        return f"{self.first.reason(epoch)}, or {self.second.reason(epoch)}"


def as_rules(given: Any, measures: set[str]) -> list[Stop]:
    """The rules of `fit`'s `stop`: none, one or several. They may read only measures of the run."""
    if given is None:
        return []
    several = isinstance(given, list | tuple)
    rules = [part for rule in (given if several else [given]) for part in _alternatives(rule)]
    for rule in rules:
        for name in sorted(rule.watches()):
            refuse_measure(type(rule).__name__, name, measures)
    return rules


def refuse_measure(rule: str, name: str, measures: set[str]) -> None:
    """Raise a SettingError if the measure that a rule watches is not measured."""
    if name in measures:
        return
    hint = nearest(name, measures)
    if name.startswith("val_") and "val_loss" not in measures:
        hint = "There is no validation data: give validation=(X, y) or a share of rows."
    raise SettingError(f"fit: {rule} watches {name!r}. {hint}")


def _alternatives(rule: Any) -> list[Stop]:
    """The rules that a rule joins by `|`, so that the run can name the one that stopped it."""
    if not isinstance(rule, Stop):
        raise SettingError(f"fit: stop takes rules such as tw.EarlyStopping(10), not {rule!r}")
    return (
        [*_alternatives(rule.first), *_alternatives(rule.second)]
        if isinstance(rule, _Either)
        else [rule]
    )
