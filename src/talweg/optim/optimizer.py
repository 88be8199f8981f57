"""The bases of optimizers and of schedules, and the tables of both.

An optimizer is a pure `init` and `update` on the flat parameter vector. A schedule is a function of
`done`, the number of finished epochs, which is 0 in the first epoch. It replaces a number among the
settings of an optimizer, as in `SGD(lr=CosineDecay(0.1))`; so does any function of `done`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, fields
from functools import partial
from typing import Any, ClassVar

import numpy as np

from talweg.errors import SettingError, nearest
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.lazy import ClassTable
from talweg.optim.full_batch import FullBatch
from talweg.settings import Checked, Choice, Flag, Number, plain, setting

Adjustable = Any
"""A number, a schedule, or a function of the epochs done; while a run is recorded, a tensor."""
State = dict[str, Any]
"""The state of an optimizer between steps: arrays by name (tensors while recording)."""


# Schedules ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Schedule(Checked):
    """The base of schedules; a custom schedule overrides `at`.

    The value changes at each epoch or step (`every="epoch"` or `"step"`); within an epoch, `done`
    has a fractional part.
    """

    follows_measure: ClassVar[bool] = False
    """Whether the value depends on a measure of the run, as that of ReduceOnPlateau."""

    _: KW_ONLY
    every: str = setting("epoch", Choice(("epoch", "step")))

    def at(self, done: float, epochs: int) -> float:
        """The value after `done` of `epochs` epochs."""
        raise NotImplementedError(f"{type(self).__name__} does not define at")


def is_schedule(value: Any) -> bool:
    """Whether a setting changes during a run: a schedule, or a function of `done`."""
    return isinstance(value, Schedule) or (callable(value) and not isinstance(value, type))


def changes_each_step(value: Any) -> bool:
    """Whether a setting changes within an epoch."""
    return isinstance(value, Schedule) and value.every == "step"


def value_at(value: Any, done: float, epochs: int) -> Any:
    """The value of a number, a schedule or a function after `done` epochs."""
    if isinstance(value, Schedule):
        return value.at(done, epochs)
    return value(done) if is_schedule(value) else value


class Scheduled(Number):
    """A number, or a schedule of such numbers; a schedule may also reach an open bound."""

    def allows(self, value: Any) -> bool:
        return is_schedule(value) or super().allows(value)

    def along(self, what: str, value: Any, epochs: int) -> Callable[[float], float]:
        """A schedule as a function of `done` that checks its values."""
        each_step = changes_each_step(value)
        low, high = max(self.above, self.at_least), min(self.below, self.at_most)
        schedule = partial(value.at, epochs=epochs) if isinstance(value, Schedule) else value

        def at(done: float) -> float:
            time = done if each_step else math.floor(done)
            number = schedule(time)
            if type(number) is float and low < number < high and number != math.inf:
                return number  # the usual case; the path below takes 3 us
            number = plain(number)
            if not (Number.allows(self, number) or number in (self.above, self.at_least)):
                given = getattr(value, "__name__", repr(value))
                raise SettingError(
                    f"{what} must be {self}, but its schedule {given} gave {number!r} after "
                    f"{time:g} epochs"
                )
            return float(number)

        return at


RATE = Scheduled(above=0)
SHARE = Scheduled(at_least=0, below=1)
NOT_NEGATIVE = Scheduled(at_least=0)


# Optimizers ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Optimizer(Checked):
    """The base of all optimizers; a custom optimizer overrides `init` and `update`.

    Settings are dataclass fields made with `setting(default, constraint)`. Numbers other than 0
    become inputs of the compiled run, so a new value needs no compilation; a setting of 0 leaves
    its part of the update out. A schedule may replace a number.

    All optimizers have these settings. `weight_decay` w is added to g before the update, or if
    decoupled, w <- w (1 - lr weight_decay). `clip_value` bounds each element of g, and `clip_norm`
    its Euclidean norm over the whole network, as torch.nn.utils.clip_grad_norm_; clipping comes
    before weight decay.
    """

    lr: Adjustable = setting(0.01, RATE)
    _: KW_ONLY
    weight_decay: Adjustable = setting(0.0, NOT_NEGATIVE)
    decoupled_weight_decay: bool = setting(False, Flag())
    clip_norm: Adjustable = setting(0.0, NOT_NEGATIVE)
    clip_value: Adjustable = setting(0.0, NOT_NEGATIVE)

    essential: ClassVar[tuple[str, ...]] = ("lr",)
    by_parameter: ClassVar[bool] = False
    """Whether `update` gets each parameter in its own shape, not all as one vector."""

    def init(self, weights: Array) -> State:
        """The state before the first step, for a vector of parameters."""
        return {}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        """(weights, state) after one step along `gradient`, written in gates."""
        raise NotImplementedError(f"{type(self).__name__} does not define update")

    def step(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        """Weight decay, then the update."""
        if used(self.weight_decay) and self.decoupled_weight_decay:
            weights = weights * (1 - self.lr * self.weight_decay)
        elif used(self.weight_decay):
            gradient = gradient + self.weight_decay * weights
        return self.update(weights, gradient, state)

    def run_settings(self) -> dict[str, float]:
        """The settings that are inputs of a run; 1 for those that a schedule changes."""
        changing = [*self.schedules(1), *self.plateaus()]
        plain = self.with_tensors(dict.fromkeys(changing, 1.0))
        return Checked.run_settings(plain)

    def schedules(self, epochs: int) -> dict[str, Callable[[float], float]]:
        """The scheduled settings, as functions of the number of finished epochs."""
        return {
            name: constraint.along(f"{type(self).__name__}: {name}", getattr(self, name), epochs)
            for name, constraint in self._constraints().items()
            if isinstance(constraint, Scheduled)
            and is_schedule(getattr(self, name))
            and name not in self.plateaus()
        }

    def plateaus(self) -> dict[str, Any]:
        """The schedules that follow a measure, by the settings that they change."""
        values = {name: getattr(self, name) for name in self._constraints()}
        schedules = {name: value for name, value in values.items() if isinstance(value, Schedule)}
        return {name: value for name, value in schedules.items() if value.follows_measure}

    @property
    def changes_each_step(self) -> bool:
        """Whether a schedule changes a setting within an epoch."""
        return any(changes_each_step(getattr(self, name)) for name in self.schedules(1))


def used(value: Any) -> bool:
    """Whether a setting takes part in the update: not if it is 0."""
    return isinstance(value, Tensor) or value != 0


def first_step() -> Array:
    """The step counter before the first step; float64, so that powers of decay rates are exact."""
    return np.zeros(())


# By name ------------------------------------------------------------------------------------------

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
