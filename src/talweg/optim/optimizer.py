"""What an update rule is: a pure `init` and `update` on the flat parameter vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.gates import Array
from talweg.graph import Tensor
from talweg.settings import Checked, Number, setting

State = dict[str, Any]
"""What a rule remembers from step to step: arrays by name (tensors while recording)."""

RATE = Number(above=0)
SHARE = Number(at_least=0, below=1)
NOT_NEGATIVE = Number(at_least=0)


@dataclass(frozen=True)
class Optimizer(Checked):
    """The base of all update rules; a rule of your own overrides `init` and `update`.

    Settings are dataclass fields, made with `setting(default, rule)`. Those that are numbers
    other than 0 become inputs of the compiled run, so another value never recompiles it; a
    setting of 0 leaves its part of the rule out.
    """

    lr: float = setting(0.01, RATE)

    def init(self, weights: Array) -> State:
        """The state before the first step, for a vector of parameters."""
        return {}

    def update(
        self, weights: Tensor, gradient: Tensor, state: Mapping[str, Tensor]
    ) -> tuple[Tensor, State]:
        """(weights, state) after one step along `gradient`, written in gates."""
        raise NotImplementedError(f"{type(self).__name__} does not define update")


def used(value: Any) -> bool:
    """Whether a setting takes part in the rule: not when it is 0."""
    return isinstance(value, Tensor) or value != 0


def first_step() -> Array:
    """A step counter at 0; float64, so that powers of decay rates stay exact."""
    return np.zeros(())
