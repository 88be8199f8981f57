"""Warns if no gradient reaches a parameter at the start of a run.

One step of the run shows which parameters move; nearly always all of them do. Otherwise gradients
are recorded separately. A few small steps along them show whether a parameter only waits for others
that start at 0, such as the weights of a last layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from talweg.engine.numpy.interpreter import Interpreter
from talweg.engine.run.blas_threads import blas_threads
from talweg.engine.run.program import Program
from talweg.engine.run.rows import BATCH_INPUTS, Rows, filled_up
from talweg.gates import Array
from talweg.graph import Graph, Tensor, gradients, run_input
from talweg.random import first_key
from talweg.train.run.recording import Recipe, forward_pass
from talweg.train.run.watching import of_layers

ROWS = 256
"""The most rows that are used, evenly spaced."""
STEPS = 4
"""Steps along the gradient: with each, the gradient passes one more layer that starts at 0."""
LENGTH = 0.01
"""The length of a step, relative to the norm of all weights."""
_SHOWN = 3  # the most parameters or layers that a warning names
_GRADIENT = "gradient "
_PREDICTION = " prediction"  # not the name of a parameter


@dataclass(frozen=True)
class Flow:
    """What decides the gradients of a run: the recipe of its step, and its graph for some rows.

    `needs` is False for a method without gradients.
    """

    recipe: Recipe
    record_step: Callable[[int], Graph]
    needs: bool = True

    def warning(self, program: Program, rows: Rows) -> str | None:
        """Which parameters no gradient reaches, why, and what to do; None if it reaches all."""
        if not self.needs:
            return None
        with np.errstate(all="ignore"), blas_threads(1):
            if program.method is None and self._all_move(program, rows):
                return None
            count = min(ROWS, len(rows))
            look = Look(self, rows, count)
            left = look.left()
        return look.words(left) if left else None

    def _all_move(self, program: Program, rows: Rows) -> bool:
        """Whether one step without weight decay changes all parameters."""
        weights = self.recipe.net.weights
        # with a small learning rate, rounding may hide a step
        settings = {**program.schedule.settings, "lr": 1.0}
        settings |= {"weight_decay": 0.0} if "weight_decay" in settings else {}
        inputs = {f"state.{name}": array for name, array in program.state.items()}
        inputs |= {f"settings.{name}": np.asarray(value) for name, value in settings.items()}
        # values of a large batch may not fit into memory
        count = min(ROWS, program.schedule.batch_size)
        is_small = program.schedule.batch_size <= ROWS
        step = program.step if is_small else self.record_step(count)
        after = Interpreter(step)(weights=weights.flat, **inputs, **_spaced(rows, count))["weights"]
        moved = weights.views_of(after != weights.flat)
        return all(changed.any() for name, changed in moved.items() if self.learns(name))

    def learns(self, name: str) -> bool:
        """Whether a parameter is not frozen."""
        return self.recipe.multipliers.get(name) != 0


class Look:
    """The gradients on evenly spaced rows."""

    def __init__(self, flow: Flow, rows: Rows, count: int) -> None:
        net = flow.recipe.net
        self.weights, self.count = net.weights, count
        recipe = replace(flow.recipe, rows=rows, metrics=())
        part = forward_pass(recipe, count, run_input(first_key(0), "key"))
        learnt = [n for n in part.views if flow.learns(n) and n not in part.training.assigned]
        wanted = {name: part.views[name] for name in learnt} | {_PREDICTION: part.prediction}
        slopes = gradients(part.objective, list(wanted.values()))
        self.gradients = dict(zip(wanted, slopes, strict=True))
        layers = of_layers(net, part.prediction, part.batch["row_weights"])
        self.layers = {n: x for n, x in layers.items() if n.endswith(tuple(_REASONS))}
        inputs = {"weights": part.flat, "key": part.training.key, **part.batch}
        graph = Graph(inputs, {_GRADIENT + n: x for n, x in self.gradients.items()} | self.layers)
        self.run, self.batch = Interpreter(graph), _spaced(rows, count)
        # different row weights, so that gradients of rows do not cancel by chance
        weights = np.random.default_rng(0).uniform(0.5, 1.5, count)
        self.batch["row_weights"] = weights.astype(self.batch["row_weights"].dtype)

    def left(self) -> list[str]:
        """The parameters whose gradients stay 0 in a few small steps along the other gradients.

        There are none if the loss is flat at the predictions or all inputs are 0, since there is
        nothing to learn then.
        """
        left, key = [name for name in self.gradients if name != _PREDICTION], first_key(0)
        flat = self.weights.flat.copy()
        for step in range(STEPS):
            seen = self.run(weights=flat, key=key + step, **self.batch)
            slopes = {name: seen[_GRADIENT + name] for name in self.gradients}
            if step == 0:
                self.first = seen
            left = [name for name in left if not slopes[name].any()]
            if not left or len(left) == len(self.gradients) - 1:
                break
            self._go(flat, slopes)
        is_level = not self.first[_GRADIENT + _PREDICTION].any()
        is_empty = not self.batch["x"].any()
        return [] if is_empty or (is_level and len(left) == len(self.gradients) - 1) else left

    def _go(self, flat: Array, slopes: Mapping[str, Array]) -> None:
        """Take a small step along the gradients."""
        moving = {name: slope for name, slope in slopes.items() if name != _PREDICTION}
        length = np.sqrt(
            sum(float(np.square(gradient, dtype="f8").sum()) for gradient in moving.values())
        )
        scale = LENGTH * max(1.0, float(np.linalg.norm(flat))) / length
        for name, view in self.weights.views_of(flat).items():
            if name in moving:
                view -= (scale * moving[name]).astype(view.dtype)

    def words(self, left: Sequence[str]) -> str:
        names = _named(left)
        return (
            f"No gradient reaches {names}, so training leaves {'it' if len(left) == 1 else 'them'} "
            f"as {'it starts' if len(left) == 1 else 'they start'}: {self._reason(left)}"
        )

    @property
    def _all_rows(self) -> str:
        return "the only row" if self.count == 1 else f"all of {self.count} rows"

    def _reason(self, left: Sequence[str]) -> str:
        """The likely reason, and what to do."""
        if all(_is_constant(self.gradients[name]) for name in left):
            return (
                "the loss does not depend on it, or only through gates that pass no gradient "
                "(stop_gradient, argmax, comparisons, whole numbers). Let the output of the "
                "network depend on it."
            )
        for kind, words in _REASONS.items():
            off = [n.removesuffix(kind) for n in self.layers if n.endswith(kind) and self._is(n)]
            if off:
                return f"in {self._all_rows} {words.format(_named(off))}"
        return (
            f"the output that depends on it has the slope 0 in {self._all_rows}. Look for weights "
            "or inputs that are all 0, and start such weights at random, as with init='he_uniform'."
        )

    def _is(self, name: str) -> bool:
        """Whether all units of a layer are dead, or saturated."""
        return bool(self.first[name] == 1)


_REASONS = {
    "/dead": (
        "every unit of layer {} is dead: its relu never gets a positive sum. Start its weights at "
        "random, as with init='he_uniform', its biases at 0, and scale the inputs to about -1 to 1."
    ),
    "/saturated": (
        "every unit of layer {} is saturated, at an end of its range. Scale the inputs to about "
        "-1 to 1, or use smaller initial weights."
    ),
}


def _spaced(rows: Rows, count: int) -> dict[str, Array]:
    """A batch of evenly spaced rows, by the names of a step's inputs."""
    indices = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.intp)
    batch = filled_up(rows, indices, count, len(indices) * rows.mean_weight)
    return dict(zip(BATCH_INPUTS, batch, strict=True))


def _is_constant(node: Tensor) -> bool:
    return node.gate is None and not node.recorded


def _named(names: Sequence[str]) -> str:
    """The first few names in words."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
