"""JAX: a jitted step called from Python, and the loop over all epochs as one jitted call.

Rows are on the device beforehand; weights and optimizer state are donated.
"""

from __future__ import annotations

import math
import os
from typing import Any

from benchmarks.contestants.contestant import Contestant
from benchmarks.problems import Array, Problem


class _Jax(Contestant):
    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        os.environ["NPROC"] = str(threads)  # the only way to size XLA's thread pool, read at import
        import jax

        jax.config.update("jax_enable_x64", self.case.dtype == "float64")
        if self.case.batch <= 4:
            # a step of microseconds is faster on the calling thread: 22 us against 27 to 36
            jax.config.update("jax_cpu_enable_async_dispatch", False)
        self.jax, self.jnp = jax, jax.numpy
        self.batches = [jax.device_put(batch) for batch in problem.batches]
        self.reset()

    def reset(self) -> None:
        weights = [self.jnp.array(weight) for weight in self.problem.start]
        means, squares = ([self.jnp.zeros_like(weight) for weight in weights] for _ in range(2))
        memory = (means, squares, self.jnp.zeros((), self.case.dtype))
        state = weights, memory if self.case.rule == "adam" else ()
        self.state: Any = self.jax.block_until_ready(state)

    def forward(self, weights: Any, x: Any) -> Any:
        stride = 2 if self.case.bias else 1
        for i in range(0, len(weights), stride):
            x = x @ weights[i]
            x = x + weights[i + 1] if self.case.bias else x
            last = i == len(weights) - stride
            x = self._activate(self.case.output if last else self.case.hidden, x)
        return x

    def _activate(self, name: str, x: Any) -> Any:
        return x if name == "identity" else getattr(self.jax.nn, name)(x)

    def _loss(self, weights: Any, x: Any, y: Any) -> Any:
        prediction = self.forward(weights, x)
        if self.case.loss == "cross_entropy":
            chosen = self.jnp.take_along_axis(prediction, y[:, None], 1)[:, 0]
            return self.jnp.mean(self.jax.nn.logsumexp(prediction, 1) - chosen)
        squares = (prediction - y) ** 2
        return 0.5 * squares.sum() if self.case.loss == "half_sse" else squares.mean()

    def step(self, state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        """(weights and optimizer state after one step, loss before it)."""
        weights, memory = state
        tree_map = self.jax.tree.map
        loss, slopes = self.jax.value_and_grad(self._loss)(weights, x, y)
        if self.case.rule == "sgd":
            return (tree_map(lambda w, g: w - self.case.lr * g, weights, slopes), memory), loss
        means, squares, steps = memory
        steps = steps + 1
        means = tree_map(lambda m, g: 0.9 * m + 0.1 * g, means, slopes)
        squares = tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, squares, slopes)
        # 1 - 0.999^steps; in float32 the plain difference keeps four digits in the first step
        rest = -self.jnp.expm1(steps * math.log(0.999))
        rate, root = self.case.lr / (1 - 0.9**steps), self.jnp.sqrt(rest)
        moved = tree_map(
            lambda w, m, v: w - rate * m / (self.jnp.sqrt(v) / root + 1e-8),
            weights,
            means,
            squares,
        )
        return (moved, (means, squares, steps)), loss

    def result(self) -> list[Array]:
        import numpy as np

        return [np.asarray(weight) for weight in self.state[0]]


class Step(_Jax):
    """One call of a jitted function per step, or a jitted prediction."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        self.jitted = self.jax.jit(self.step, donate_argnums=0)
        self.predict = self.jax.jit(self.forward)

    def run(self, epochs: int) -> None:
        if self.case.predicts:
            return self._predict(epochs)
        state = self.state
        for _ in range(epochs):
            for x, y in self.batches:
                state, _ = self.jitted(state, x, y)
        self.state = self.jax.block_until_ready(state)
        return None

    def _predict(self, times: int) -> None:
        for _ in range(times):
            self.prediction = self.jax.device_get(self.predict(self.state[0], self.problem.X))

    def result(self) -> list[Array]:
        return [self.prediction] if self.case.predicts else super().result()


class Loop(_Jax):
    """All epochs in one call: a loop over epochs around a scan over the batches."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        sizes = [len(x) for x, _ in self.batches]
        self.tail = self.batches[-1] if sizes[-1] < sizes[0] or len(sizes) == 1 else None
        full = self.batches if self.tail is None else self.batches[:-1]
        self.full = (
            self.jax.tree.map(lambda *batches: self.jnp.stack(batches), *full) if full else None
        )
        self.jitted = self.jax.jit(self._epochs, donate_argnums=0)

    def run(self, epochs: int) -> None:
        state, _ = self.jitted(self.state, self.full, self.tail, epochs)
        self.state = self.jax.block_until_ready(state)

    def _epochs(self, state: Any, full: Any, tail: Any, epochs: Any) -> Any:
        def epoch(_: Any, carried: Any) -> Any:
            state, total = carried[0], 0.0
            if full is not None:
                # for single rows unrolling helps, 1.4 against 1.8 us; for larger batches it hurts
                unroll = 4 if self.case.batch == 1 else 1
                state, losses = self.jax.lax.scan(
                    lambda state, batch: self.step(state, *batch), state, full, unroll=unroll
                )
                total = losses.sum()
            if tail is not None:
                state, last = self.step(state, *tail)
                total = total + last
            return state, total / self.case.steps

        start = state, self.jnp.zeros((), self.case.dtype)
        return self.jax.lax.fori_loop(0, epochs, epoch, start)
