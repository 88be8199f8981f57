"""PyTorch: eager with fused optimizers, and the whole step through torch.compile.

Batches are views made once; a DataLoader would copy each. Denormals are flushed to zero.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.contestants.contestant import Contestant
from benchmarks.problems import Array, Problem

_LOSSES = {
    "cross_entropy": functional.cross_entropy,
    "mse": functional.mse_loss,
    "half_sse": lambda prediction, y: 0.5 * (prediction - y).square().sum(),
}
_ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "identity": nn.Identity}


class Eager(Contestant):
    """Module, loss, backward and optimizer, as in the tutorials."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        self.net = _net(problem)
        self.loss = _LOSSES[self.case.loss]
        X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
        self.batches = list(zip(X.split(self.case.batch), y.split(self.case.batch), strict=True))
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        for weight, start in zip(self.net.parameters(), self._start(), strict=True):
            weight.copy_(start)
        rules: dict[str, Any] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
        self.rule = rules[self.case.rule](self.net.parameters(), lr=self.case.lr, fused=True)

    def _start(self) -> list[Tensor]:
        """PyTorch stores the weight of a layer as (H, D)."""
        return [torch.from_numpy(weight.T.copy()) for weight in self.problem.start]

    def run(self, epochs: int) -> None:
        if self.case.predicts:
            return self._predict(epochs)
        for _ in range(epochs):
            for x, y in self.batches:
                self._step(x, y)
        return None

    def _step(self, x: Tensor, y: Tensor) -> None:
        self.rule.zero_grad()
        self.loss(self.net(x), y).backward()
        self.rule.step()

    def _predict(self, times: int) -> None:
        with torch.inference_mode():
            for _ in range(times):
                self.prediction = self.net(torch.from_numpy(self.problem.X)).numpy()

    def result(self) -> list[Array]:
        if self.case.predicts:
            return [self.prediction]
        return [weight.detach().numpy().T for weight in self.net.parameters()]


class Compiled(Eager):
    """Loss, gradient and update as one function without graph breaks, compiled once per shape.

    For 64-100-10 with batch 32, on two cores: 222 to 245 us. With torch.compile's defaults 233 to
    299, with max-autotune 218 to 252, net and optimizer compiled separately 588, eager 483.
    """

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        options: dict[str, Any] = {"cpp_wrapper": True}
        self.compiled = torch.compile(self._update, dynamic=False, fullgraph=True, options=options)

    @torch.no_grad()
    def reset(self) -> None:
        weights = {name: weight.detach() for name, weight in self.net.named_parameters()}
        if not hasattr(self, "weights"):
            self.weights = weights
            self.means = {name: torch.zeros_like(weight) for name, weight in weights.items()}
            self.squares = {name: torch.zeros_like(weight) for name, weight in weights.items()}
            self.steps = torch.zeros((), dtype=self.problem_dtype)
        for weight, start in zip(self.weights.values(), self._start(), strict=True):
            weight.copy_(start)
        for tensor in [self.steps, *self.means.values(), *self.squares.values()]:
            tensor.zero_()

    @property
    def problem_dtype(self) -> torch.dtype:
        return getattr(torch, self.case.dtype)  # type: ignore[no-any-return]

    def _step(self, x: Tensor, y: Tensor) -> None:
        with torch.no_grad():
            self.compiled(self.weights, self.means, self.squares, self.steps, x, y)

    def _update(self, weights: Any, means: Any, squares: Any, steps: Any, x: Any, y: Any) -> Any:
        slopes, loss = torch.func.grad_and_value(self._loss)(weights, x, y)
        if self.case.rule == "sgd":
            for name, weight in weights.items():
                weight.sub_(self.case.lr * slopes[name])
            return loss
        steps += 1
        # 1 - 0.999^steps; in float32 the plain difference keeps four digits in the first step
        rest = -torch.expm1(steps * math.log(0.999))
        rate, root = self.case.lr / (1 - 0.9**steps), rest.sqrt()
        for name, weight in weights.items():
            mean, square = means[name], squares[name]
            mean.lerp_(slopes[name], 0.1)
            square.mul_(0.999).addcmul_(slopes[name], slopes[name], value=0.001)
            weight.sub_(rate * mean / (square.sqrt() / root + 1e-8))
        return loss

    def _loss(self, weights: Any, x: Tensor, y: Tensor) -> Any:
        return self.loss(torch.func.functional_call(self.net, weights, (x,)), y)


def _net(problem: Problem) -> nn.Sequential:
    case, layers = problem.case, []
    pairs = list(zip(case.sizes, case.sizes[1:], strict=False))
    for i, (fan_in, units) in enumerate(pairs):
        name = case.output if i == len(pairs) - 1 else case.hidden
        layers += [nn.Linear(fan_in, units, bias=case.bias)]
        layers += [] if name == "identity" else [_ACTIVATIONS[name]()]
    return nn.Sequential(*layers).to(getattr(torch, case.dtype))
