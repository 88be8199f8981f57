"""Steps that are runs of the recorded graph: how a run trains where it has no other method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from talweg.engine.run.program import Program
from talweg.engine.run.rows import Batch
from talweg.engine.run.steps import GraphFunctions
from talweg.engine.run.values import origin_of_non_finite
from talweg.gates import Array


class GraphSteps:
    """Each step is one run of the recorded graph."""

    has_ended = False

    def __init__(self, program: Program, graphs: GraphFunctions, weights: Array) -> None:
        self.program, self.graphs = program, graphs
        self.measures, self.watched = len(program.graphs.measures), len(program.watched)
        self.weights = weights.copy()
        self.state: dict[str, Array] = {n: np.array(x) for n, x in program.state.items()}

    def take(
        self, batch: Batch, settings: Mapping[str, Array], *, is_watched: bool
    ) -> Sequence[Any] | None:
        unwatched = None if is_watched else self.graphs.unwatched_step
        results = (unwatched or self.graphs.step).run(*self._inputs(batch, settings))
        count = self.measures + (0 if unwatched else self.watched)
        values, after = results[:count], results[count:]
        if not (math.isfinite(values[0]) and all(map(_is_finite, after))):
            return None
        self.weights = after[0]
        self.state = dict(zip(self.state, after[1:], strict=True))
        return values

    def origin_of_failure(self, batch: Batch, settings: Mapping[str, Array]) -> Any:
        skip = [*self.program.graphs.measures[1:], *self.program.watched]
        return origin_of_non_finite(self.program.step, self._inputs(batch, settings), skip=skip)

    def restore(self, weights: Array, state: Mapping[str, Array], epoch: int) -> None:
        self.weights, self.state = weights, {name: state[name] for name in self.state}

    def _inputs(self, batch: Batch, settings: Mapping[str, Array]) -> list[Array]:
        return [self.weights, *self.state.values(), *settings.values(), *batch]


def _is_finite(x: Array) -> bool:
    """Whether all elements are finite. Their sum shows it without memory, unless it overflows."""
    return math.isfinite(x.sum()) or bool(np.isfinite(x).all())
