"""BFGS and L-BFGS: quasi-Newton directions with a line search.

Nocedal & Wright, Numerical Optimization (2006), chapters 6 and 7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from talweg.numerics import dot, norm
from talweg.optim.full_batch import FullBatch, Objective, Point, Vector, checked_array
from talweg.optim.line_search import LineSearch, Trial
from talweg.settings import Number, setting

FRACTION = Number(above=0, below=1)
MAX_EVAL = Number(at_least=5, whole=True)
MIN_COSINE = 1e-10
"""The smallest cosine between a step and the change of the gradient for an update of H."""

_PARTS = "steps", "changes", "along"
"""The arrays of a checkpoint that hold the pairs of L-BFGS."""


class Curvature(Protocol):
    """An estimate of the inverse Hessian H (W, W)."""

    def is_new(self) -> bool:
        """Whether there were no updates yet, so that H = I."""

    def times(self, gradient: Vector) -> Vector:
        """H g."""

    def update(self, step: Vector, change: Vector) -> None:
        """Update H with the change of the gradient along a step; change . step > 0."""

    def reset(self) -> None:
        """Set H to I."""

    def state(self) -> dict[str, Any]:
        """The state as arrays."""

    def restore(self, state: Mapping[str, Any], size: int) -> None:
        """Take a state, for `size` parameters. ModelFileError: see `checked_array`."""


class DenseInverse:
    """H as an array: H <- (I - r s y') H (I - r y s') + r s s', r = 1 / y's.

    The first H is I y's / y'y (equation 6.20), which does not depend on the scale of the loss. With
    H = I instead, a small network needed as few passes, but twice as many once the targets were
    multiplied by 100.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.inverse: Vector | None = None

    def is_new(self) -> bool:
        return self.inverse is None

    def times(self, gradient: Vector) -> Vector:
        return gradient if self.inverse is None else dot(self.inverse, gradient)

    def update(self, step: Vector, change: Vector) -> None:
        along = float(dot(change, step))
        if self.inverse is None:
            self.inverse = np.eye(len(step)) * (along / float(dot(change, change)))
        product = dot(self.inverse, change)
        factor = (1 + float(dot(change, product)) / along) / along
        cross = np.outer(product, step / along)
        self.inverse += np.outer(factor * step, step) - cross - cross.T

    def state(self) -> dict[str, Any]:
        return {} if self.inverse is None else {"inverse": self.inverse}

    def restore(self, state: Mapping[str, Any], size: int) -> None:
        if "inverse" in state:
            self.inverse = checked_array(state, "inverse", (size, size)).copy()


class LimitedMemory:
    """H as the last pairs (s, y), applied by the two-loop recursion (algorithm 7.4)."""

    def __init__(self, memory: int) -> None:
        self.pairs: deque[tuple[Vector, Vector, float]] = deque(maxlen=memory)

    def reset(self) -> None:
        self.pairs.clear()

    def is_new(self) -> bool:
        return not self.pairs

    def times(self, gradient: Vector) -> Vector:
        product, factors = gradient, []
        for step, change, along in reversed(self.pairs):
            factors.append(float(dot(step, product)) / along)
            product = product - factors[-1] * change
        if self.pairs:
            _, change, along = self.pairs[-1]
            product = product * (along / float(dot(change, change)))
        for (step, change, along), factor in zip(self.pairs, reversed(factors), strict=True):
            product = product + (factor - float(dot(change, product)) / along) * step
        return product

    def update(self, step: Vector, change: Vector) -> None:
        self.pairs.append((step, change, float(dot(change, step))))

    def state(self) -> dict[str, Any]:
        if not self.pairs:
            return {}
        return dict(zip(_PARTS, map(np.array, zip(*self.pairs, strict=True)), strict=True))

    def restore(self, state: Mapping[str, Any], size: int) -> None:
        if not state.keys() & set(_PARTS):
            return
        count = np.size(state.get("along", ()))
        shapes = (count, size), (count, size), (count,)
        parts = (checked_array(state, *part) for part in zip(_PARTS, shapes, strict=True))
        for step, change, along in zip(*parts, strict=True):
            self.pairs.append((step.copy(), change.copy(), float(along)))


@dataclass(frozen=True)
class QuasiNewton(FullBatch):
    """The base of BFGS and L-BFGS: w <- w - alpha H g, with alpha from a strong Wolfe line search.

    An epoch is one such step of at most `max_eval` passes over all rows; c1 and c2 are the
    constants of the Wolfe conditions. If the passes do not suffice, the network moves to the lowest
    point of the search, H is reset, and the next search follows the gradient. If that does not
    descend either, the run ends. `run.watched` records "passes" and "step_length" of each step.
    """

    c1: float = setting(1e-4, FRACTION)
    c2: float = setting(0.9, FRACTION)
    max_eval: int = setting(10, MAX_EVAL)

    watched: ClassVar[tuple[str, ...]] = ("passes", "step_length")

    def curvature(self) -> Curvature:
        raise NotImplementedError

    def begin(self, start: Point, objective: Objective, *, seed: int, epochs: int) -> Descent:
        return Descent(self, start, objective)


@dataclass(frozen=True)
class BFGS(QuasiNewton):
    """Quasi-Newton steps with the whole inverse Hessian, (W, W) in float64: for small networks.

    w <- w - alpha H g; each step s and gradient change y update H. Broyden, Fletcher, Goldfarb &
    Shanno 1970.
    """

    max_parameters: ClassVar[int | None] = 5000  # 200 MB; an update needs two more such arrays

    def curvature(self) -> Curvature:
        return DenseInverse()


@dataclass(frozen=True)
class LBFGS(QuasiNewton):
    """BFGS that keeps the last `history_size` steps and gradient changes in place of H.

    w <- w - alpha H g. Nocedal 1980; Liu & Nocedal 1989.
    """

    history_size: int = setting(10, Number(at_least=1, whole=True))

    def curvature(self) -> Curvature:
        return LimitedMemory(self.history_size)


class Descent:
    """A run of BFGS or L-BFGS."""

    def __init__(self, method: QuasiNewton, start: Point, objective: Objective) -> None:
        self.method, self.point, self.objective = method, start, objective
        self.curvature, self.ended = method.curvature(), False
        self.reach = min(1.0, norm(start.gradient))  # the distance of the last step

    def step(self) -> Mapping[str, float]:
        passes = 0
        while 0 < norm(self.point.gradient) < np.inf:
            was_new = self.curvature.is_new()
            search, length = self._search()
            accepted = search.run(length)
            passes += search.done
            trial = accepted or search.lowest
            if accepted is None:
                self.curvature.reset()
            if trial is not search.start:
                self._move(trial.point, updates=accepted is not None)
                return {"passes": passes, "step_length": trial.length}
            if was_new:
                break
        self.ended = True
        return {"passes": passes, "step_length": 0.0}

    def state(self) -> dict[str, Any]:
        return {"reach": self.reach, "ended": self.ended, **self.curvature.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.reach = float(checked_array(state, "reach"))
        self.ended = bool(checked_array(state, "ended"))
        self.curvature.restore(state, len(self.point.weights))

    def _search(self) -> tuple[LineSearch, float]:
        """The line search along -H g, and its first step length.

        That is 1, or along -g the length that repeats the distance of the last step.
        """
        here = self.point
        direction = -self.curvature.times(here.gradient)
        if not dot(here.gradient, direction) < 0:  # because of rounding
            self.curvature.reset()
            direction = -here.gradient
        is_new = self.curvature.is_new()
        first = self.reach / norm(direction) if is_new else 1.0

        def along(length: float) -> Trial:
            point = self.objective(here.weights + length * direction)
            return Trial(length, point, float(dot(point.gradient, direction)))

        start = Trial(0.0, here, float(dot(here.gradient, direction)))
        return LineSearch(along, start, self.method.c1, self.method.c2, self.method.max_eval), first

    def _move(self, to: Point, updates: bool) -> None:
        step, change = to.weights - self.point.weights, to.gradient - self.point.gradient
        self.reach = norm(step)
        sizes = self.reach * norm(change)
        if updates and dot(step, change) > MIN_COSINE * sizes:
            self.curvature.update(step, change)
        self.point = to
