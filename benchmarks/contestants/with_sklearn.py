"""scikit-learn's MLPClassifier and MLPRegressor, where they compute the same."""

from __future__ import annotations

import warnings
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.contestants.contestant import Contestant, NotComparable
from benchmarks.problems import Array, Problem


class Multilayer(Contestant):
    """`fit` without penalty, early stopping or shuffling.

    A warm start keeps the weights that were set, and starts with a fresh optimizer.
    """

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        if not self.case.bias or self.case.output != "identity":
            raise NotComparable("its networks always have biases, and no half_sse of a sigmoid")
        warnings.simplefilter("ignore")  # it warns that few epochs do not converge
        self.peer = self._made()
        threadpool_limits(threads, "blas")
        self.begun = False

    def _made(self) -> Any:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        settings = {
            "hidden_layer_sizes": self.case.sizes[1:-1],
            "solver": self.case.rule,
            "learning_rate_init": self.case.lr,
            "batch_size": self.case.batch,
            "alpha": 0.0,
            "momentum": 0.0,
            "shuffle": False,
            "warm_start": True,
            "n_iter_no_change": 10**9,
            "tol": 0.0,
        }
        if self.case.loss == "cross_entropy":
            return MLPClassifier(**settings)
        # its loss is half the mean square; halving epsilon as well gives the same steps
        return MLPRegressor(**settings, epsilon=0.5e-8)

    def reset(self) -> None:
        if not self.begun:
            self._fit(1)  # creates the arrays of weights, which are set below
            self.begun = True
        for weights, start in (
            (self.peer.coefs_, self.problem.start[::2]),
            (self.peer.intercepts_, self.problem.start[1::2]),
        ):
            for weight, given in zip(weights, start, strict=True):
                weight[:] = given

    def run(self, epochs: int) -> None:
        if self.case.predicts:
            for _ in range(epochs):
                self.prediction = self.peer.predict(self.problem.X)
        else:
            self._fit(epochs)

    def _fit(self, epochs: int) -> None:
        y = self.problem.y
        self.peer.set_params(max_iter=epochs)
        self.peer.fit(self.problem.X, y.ravel())

    def result(self) -> list[Array]:
        if self.case.predicts:
            return [self.prediction]
        pairs = zip(self.peer.coefs_, self.peer.intercepts_, strict=True)
        return [array for pair in pairs for array in pair]
