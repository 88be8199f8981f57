"""talweg, through the public `fit`.

Each call records its program and compiles it or finds it in the cache, which the peers did before.
So the time of the call beyond `run.seconds` is reported separately, as `setup`.
"""

from __future__ import annotations

import inspect
import time
from typing import Any

import talweg as tw
from benchmarks.contestants.contestant import Contestant, NotComparable
from benchmarks.problems import Array, Problem

_RAN = {"native": "ran on the native engine", "numpy": "ran on the interpreter"}


class Talweg(Contestant):
    """The native engine if it runs the network, else the interpreter."""

    engines: tuple[str, ...] = ("native", "numpy")
    more: dict[str, Any] = {}  # noqa: RUF012 - more settings of `fit`, never changed in place

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        self.X, self.y = problem.X, problem.y
        self.net = _net(problem)
        rules: dict[str, type[tw.SGD | tw.Adam]] = {"sgd": tw.SGD, "adam": tw.Adam}
        self.rule = rules[self.case.rule](lr=self.case.lr)
        self.reset()
        if self.case.predicts:
            self.run(3)  # the first call copies the weights, the next compiles

    def reset(self) -> None:
        names = ["weight", "bias"] if self.case.bias else ["weight"]
        keys = [f"{layer}.{n}" for layer in range(len(self.case.sizes) - 1) for n in names]
        self.net.weights = dict(zip(keys, self.problem.start, strict=True))

    def run(self, epochs: int) -> None:
        if self.case.predicts:
            for _ in range(epochs):
                self.prediction = self.net.predict(self.X)
            return
        try:
            self._fit(epochs)
        except tw.EngineError:
            if len(self.engines) == 1:
                raise
            self.engines = self.engines[1:]
            self._fit(epochs)

    def _fit(self, epochs: int) -> None:
        begun = time.perf_counter()
        run = tw.fit(
            self.net,
            self.X,
            self.y,
            loss=self.case.loss,
            optimizer=self.rule,
            epochs=epochs,
            batch_size=self.case.batch,
            shuffle=False,
            threads=self.threads or None,
            engine=self.engines[0],
            progress=False,
            **self.more,
        )
        self.setup = time.perf_counter() - begun - run.seconds
        self.remark = _RAN[self.engines[0]]

    def result(self) -> list[Array]:
        return [self.prediction] if self.case.predicts else list(self.net.weights.values())


class Interpreter(Talweg):
    """The interpreter, even if the native engine is available."""

    engines = ("numpy",)


class Watching(Talweg):
    """The same run with `watch=True`."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        if "watch" not in inspect.signature(tw.fit).parameters:
            raise NotComparable("`fit` of this version has no setting `watch`")
        self.more = {"watch": True}
        super().__init__(problem, threads)


def _net(problem: Problem) -> tw.Sequential:
    case = problem.case
    activations = [case.hidden] * (len(case.sizes) - 2) + [case.output]
    layers = [
        tw.Dense(units, activation, bias=case.bias)
        for units, activation in zip(case.sizes[1:], activations, strict=True)
    ]
    return tw.Sequential(*layers, dtype=case.dtype)
