"""How `fit` trains with a rule: what it refuses, what it records, and how an engine takes steps.

`talweg.train.methods.table` lists the training methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from talweg.engine.run.program import Method
from talweg.engine.run.rows import Rows
from talweg.graph import Graph
from talweg.nn import Loss
from talweg.optim import FullBatch, Optimizer
from talweg.train.run.recording import Extension, Recipe, first_state, run_settings, step_graph


@dataclass(frozen=True)
class StepMethod:
    """One step of an update rule per batch, as most runs train.

    Subclasses add an `extension` to the recorded step, an engine `method`, or both.
    """

    rule: Any

    @classmethod
    def of(cls, rule: Optimizer | FullBatch, sampler: Any, rows: Rows, loss: Loss) -> StepMethod:
        """The training method for the rule and the sampler of `fit` on these rows."""
        return cls(rule)

    @property
    def needs_gradients(self) -> bool:
        """Whether a parameter without a gradient does not learn."""
        return True

    @property
    def extension(self) -> Extension | None:
        return None

    @property
    def method(self) -> Method | None:
        return None

    def refuse(self, recipe: Recipe, rows: Rows, settings: Mapping[str, Any]) -> None:
        """A SettingError for settings of `fit` that do not go with the method."""

    def record_step(self, recipe: Recipe, batch_size: int) -> Graph:
        """The graph of a step on a batch."""
        return step_graph(recipe, self.rule, self.extension, batch_size)

    def first_state(self, recipe: Recipe, seed: int, draws: bool) -> dict[str, Any]:
        """The state before the first step."""
        return first_state(recipe, self.rule, seed, draws, self.extension)

    def run_settings(self, recipe: Recipe) -> dict[str, float]:
        """The numbers that are inputs of a step."""
        return run_settings(recipe, self.rule, self.extension)
