"""BFGS and L-BFGS: Newton's direction from the gradients seen so far, and a line search along it.

Nocedal & Wright, Numerical Optimization (2006), chapters 6 and 7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from talweg.optim.full_batch import FullBatch, Landscape, Point, Vector, remembered
from talweg.optim.line_search import LineSearch, Trial
from talweg.settings import Number, setting

SHARE = Number(above=0, below=1)
PASSES = Number(at_least=5, whole=True)
CURVED = 1e-10
"""The least cosine between a step and the change of the gradient that teaches a curvature."""


_PARTS = "steps", "changes", "along"
"""What the pairs of L-BFGS are written as."""


class Curvature(Protocol):
    """An estimate of the inverse Hessian H (W, W)."""

    def is_new(self) -> bool:
        """Whether it knows nothing yet, and H = I."""

    def times(self, gradient: Vector) -> Vector:
        """H g."""

    def learn(self, step: Vector, change: Vector) -> None:
        """Take in that the gradient changed so much along a step; change . step > 0."""

    def forget(self) -> None: ...

    def state(self) -> dict[str, Any]:
        """All that it knows, as arrays."""

    def restore(self, state: Mapping[str, Any], size: int) -> None:
        """Know what `state` gave, of so many weights. ModelFileError: see `remembered`."""


class Matrix:
    """H as an array: H <- (I - r s y') H (I - r y s') + r s s', r = 1 / y's.

    The first H is I y's / y'y (equation 6.20), which does not depend on the loss's unit: on a small
    net I alone took 1 pass a step too and was ahead, but twice the passes with targets times 100.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.inverse: Vector | None = None

    def is_new(self) -> bool:
        return self.inverse is None

    def times(self, gradient: Vector) -> Vector:
        return gradient if self.inverse is None else self.inverse @ gradient

    def learn(self, step: Vector, change: Vector) -> None:
        along = float(change @ step)
        if self.inverse is None:
            self.inverse = np.eye(len(step)) * (along / float(change @ change))
        turned = self.inverse @ change
        factor = (1 + float(change @ turned) / along) / along
        both = np.outer(turned, step / along)
        self.inverse += np.outer(factor * step, step) - both - both.T

    def state(self) -> dict[str, Any]:
        return {} if self.inverse is None else {"inverse": self.inverse}

    def restore(self, state: Mapping[str, Any], size: int) -> None:
        if "inverse" in state:
            self.inverse = remembered(state, "inverse", (size, size)).copy()


class Pairs:
    """H as the last pairs (s, y), applied by the two-loop recursion (algorithm 7.4)."""

    def __init__(self, memory: int) -> None:
        self.pairs: deque[tuple[Vector, Vector, float]] = deque(maxlen=memory)

    def forget(self) -> None:
        self.pairs.clear()

    def is_new(self) -> bool:
        return not self.pairs

    def times(self, gradient: Vector) -> Vector:
        rest, shares = gradient, []
        for step, change, along in reversed(self.pairs):
            shares.append(float(step @ rest) / along)
            rest = rest - shares[-1] * change
        if self.pairs:
            _, change, along = self.pairs[-1]
            rest = rest * (along / float(change @ change))
        for (step, change, along), share in zip(self.pairs, reversed(shares), strict=True):
            rest = rest + (share - float(change @ rest) / along) * step
        return rest

    def learn(self, step: Vector, change: Vector) -> None:
        self.pairs.append((step, change, float(change @ step)))

    def state(self) -> dict[str, Any]:
        if not self.pairs:
            return {}
        return dict(zip(_PARTS, map(np.array, zip(*self.pairs, strict=True)), strict=True))

    def restore(self, state: Mapping[str, Any], size: int) -> None:
        if not state.keys() & set(_PARTS):
            return
        count = np.size(state.get("along", ()))
        shapes = (count, size), (count, size), (count,)
        parts = (remembered(state, *each) for each in zip(_PARTS, shapes, strict=True))
        for step, change, along in zip(*parts, strict=True):
            self.pairs.append((step.copy(), change.copy(), float(along)))


@dataclass(frozen=True)
class QuasiNewton(FullBatch):
    """What BFGS and L-BFGS share: w <- w - rate H g, the rate by a strong Wolfe line search.

    An epoch is one such step of at most `max_eval` passes over all rows, c1 and c2 being the
    conditions' numbers. If they do not suffice, the net goes to the lowest place seen, H is
    forgotten, and it goes on along the gradient. Where that leads no lower either, the run ends.
    Of each step `run.watched` notes the "passes" and the "rate".
    """

    c1: float = setting(1e-4, SHARE)
    c2: float = setting(0.9, SHARE)
    max_eval: int = setting(10, PASSES)

    notes: ClassVar[tuple[str, ...]] = ("passes", "rate")

    def curvature(self) -> Curvature:
        raise NotImplementedError

    def begin(self, start: Point, landscape: Landscape, *, seed: int, epochs: int) -> Descent:
        return Descent(self, start, landscape)


@dataclass(frozen=True)
class BFGS(QuasiNewton):
    """Quasi-Newton steps with the whole inverse Hessian, (W, W) in float64: for small nets.

    w <- w - rate H g; H learns from each step s and change of the gradient y. Broyden, Fletcher,
    Goldfarb & Shanno 1970.
    """

    most_weights: ClassVar[int | None] = 5000  # 200 MB; an update makes two more such arrays

    def curvature(self) -> Curvature:
        return Matrix()


@dataclass(frozen=True)
class LBFGS(QuasiNewton):
    """BFGS that keeps the last `history_size` steps and gradient changes in place of H.

    w <- w - rate H g. Nocedal 1980; Liu & Nocedal 1989.
    """

    history_size: int = setting(10, Number(at_least=1, whole=True))

    def curvature(self) -> Curvature:
        return Pairs(self.history_size)


class Descent:
    """BFGS or L-BFGS on its way."""

    def __init__(self, rule: QuasiNewton, start: Point, landscape: Landscape) -> None:
        self.rule, self.point, self.landscape = rule, start, landscape
        self.curvature, self.ended = rule.curvature(), False
        self.reach = min(1.0, float(np.linalg.norm(start.gradient)))  # the length of the last step

    def step(self) -> Mapping[str, float]:
        passes = 0
        while 0 < np.linalg.norm(self.point.gradient) < np.inf:
            is_plain = self.curvature.is_new()
            search, rate = self._search()
            found = search.run(rate)
            passes += search.done
            trial = found or search.lowest
            if found is None:
                self.curvature.forget()
            if trial is not search.start:
                self._move(trial.point, learns=found is not None)
                return {"passes": passes, "rate": trial.rate}
            if is_plain:
                break
        self.ended = True
        return {"passes": passes, "rate": 0.0}

    def state(self) -> dict[str, Any]:
        return {"reach": self.reach, "ended": self.ended, **self.curvature.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.reach = float(remembered(state, "reach"))
        self.ended = bool(remembered(state, "ended"))
        self.curvature.restore(state, len(self.point.weights))

    def _search(self) -> tuple[LineSearch, float]:
        """The search along -H g, and the first rate: 1, or along -g, one as long as the last."""
        here = self.point
        direction = -self.curvature.times(here.gradient)
        if not here.gradient @ direction < 0:  # by rounding
            self.curvature.forget()
            direction = -here.gradient
        is_plain = self.curvature.is_new()
        first = self.reach / float(np.linalg.norm(direction)) if is_plain else 1.0

        def along(rate: float) -> Trial:
            point = self.landscape(here.weights + rate * direction)
            return Trial(rate, point, float(point.gradient @ direction))

        start = Trial(0.0, here, float(here.gradient @ direction))
        return LineSearch(along, start, self.rule.c1, self.rule.c2, self.rule.max_eval), first

    def _move(self, to: Point, learns: bool) -> None:
        step, change = to.weights - self.point.weights, to.gradient - self.point.gradient
        self.reach = float(np.linalg.norm(step))
        sizes = self.reach * float(np.linalg.norm(change))
        if learns and float(step @ change) > CURVED * sizes:
            self.curvature.learn(step, change)
        self.point = to
