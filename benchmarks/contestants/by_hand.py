"""Plain NumPy: backpropagation and the optimizers, written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contestants.contestant import Contestant
from benchmarks.problems import Array, Case, Problem


class ByHand(Contestant):
    """Straightforward NumPy code; in float64 it is the reference for all contestants."""

    def __init__(self, problem: Problem, threads: int = 1, dtype: str = "") -> None:
        super().__init__(problem, threads)
        self.dtype = np.dtype(dtype or problem.case.dtype)
        threadpool_limits(threads, "blas")
        self.batches = [(x.astype(self.dtype), _numbers(y, self)) for x, y in problem.batches]
        self.reset()

    def reset(self) -> None:
        self.weights = [weight.astype(self.dtype) for weight in self.problem.start]
        self.means = [np.zeros_like(weight) for weight in self.weights]
        self.squares = [np.zeros_like(weight) for weight in self.weights]
        self.steps = 0

    def run(self, epochs: int) -> None:
        if self.case.predicts:
            for _ in range(epochs):
                self.prediction = forward(self.case, self.weights, self.batches[0][0])[-1]
            return
        update = self._sgd if self.case.rule == "sgd" else self._adam
        for _ in range(epochs):
            for x, y in self.batches:
                update(gradients(self.case, self.weights, x, y))

    def _sgd(self, slopes: list[Array]) -> None:
        for weight, slope in zip(self.weights, slopes, strict=True):
            weight -= self.case.lr * slope

    def _adam(self, slopes: list[Array]) -> None:
        """Kingma & Ba 2015: w <- w - lr m^ / (sqrt(v^) + eps)."""
        self.steps += 1
        rate, root = self.case.lr / (1 - 0.9**self.steps), (1 - 0.999**self.steps) ** 0.5
        for weight, mean, square, slope in zip(
            self.weights, self.means, self.squares, slopes, strict=True
        ):
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope * slope - square)
            weight -= rate * mean / (np.sqrt(square) / root + 1e-8)

    def result(self) -> list[Array]:
        return [self.prediction] if self.case.predicts else self.weights


def _numbers(y: Array, runner: ByHand) -> Array:
    """Targets in the shape of the outputs: classes as one-hot rows (N, K)."""
    if y.dtype.kind == "i":
        return np.eye(runner.case.sizes[-1], dtype=runner.dtype)[y]
    return y.astype(runner.dtype)


def _layers(case: Case, weights: list[Array]) -> list[tuple[Array, Any]]:
    if case.bias:
        return list(zip(weights[::2], weights[1::2], strict=True))
    return [(weight, None) for weight in weights]


def _activate(name: str, z: Array) -> Array:
    if name == "sigmoid":
        return 1 / (1 + np.exp(-z))
    return np.maximum(z, 0) if name == "relu" else z


def _slope(name: str, out: Array) -> Any:
    """The derivative of an activation from its output."""
    if name == "sigmoid":
        return out * (1 - out)
    return out > 0 if name == "relu" else 1.0


def forward(case: Case, weights: list[Array], x: Array) -> list[Array]:
    """The rows and every layer's outputs: [x (N, D), (N, H), ..., (N, K)]."""
    layers = _layers(case, weights)
    outputs = [x]
    for i, (weight, bias) in enumerate(layers):
        z = outputs[-1] @ weight
        if bias is not None:
            z += bias
        outputs.append(_activate(case.output if i == len(layers) - 1 else case.hidden, z))
    return outputs


def gradients(case: Case, weights: list[Array], x: Array, y: Array) -> list[Array]:
    """The gradient of the loss, in the order of the weights."""
    layers, outputs = _layers(case, weights), forward(case, weights, x)
    delta = _output_gap(case, outputs[-1], y) * _slope(case.output, outputs[-1])
    result: list[Array] = []
    for i in reversed(range(len(layers))):
        result = [outputs[i].T @ delta, *([delta.sum(0)] if case.bias else []), *result]
        if i:
            delta = (delta @ layers[i][0].T) * _slope(case.hidden, outputs[i])
    return result


def _output_gap(case: Case, prediction: Array, y: Array) -> Any:
    """The gradient of the loss with respect to the outputs (N, K)."""
    if case.loss == "half_sse":
        return prediction - y
    if case.loss == "mse":
        return (prediction - y) * (2 / y.size)
    powers = np.exp(prediction - prediction.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True) - y) / len(y)


def loss_of(case: Case, prediction: Array, y: Array) -> float:
    """The loss over all rows, for y as classes (N,) or numbers (N, K)."""
    if case.loss == "cross_entropy":
        shifted = prediction - prediction.max(1, keepdims=True)
        return float(np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y]))
    squares = (prediction - y) ** 2
    return float(0.5 * squares.sum() if case.loss == "half_sse" else squares.mean())
