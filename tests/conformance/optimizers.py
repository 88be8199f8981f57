"""Every update rule, a row each, with its trajectory in a few lines of NumPy."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

import talweg as tw

OUTPUTS = 3
INPUTS = 4


def decayed(w, g, lr, weight_decay, decoupled_weight_decay):
    """(w, g) after weight decay."""
    if decoupled_weight_decay:
        return w * (1 - lr * weight_decay), g
    return w, g + weight_decay * w


def sgd(w, gradient, steps, *, lr, momentum, nesterov, **decay):
    velocity = np.zeros_like(w)
    for _ in range(steps):
        w, g = decayed(w, gradient(w), lr, **decay)
        velocity = momentum * velocity + g
        w = w - lr * (g + momentum * velocity if nesterov else velocity)
        yield w


def adam(w, gradient, steps, *, lr, beta1, beta2, eps, amsgrad, **decay):
    mean, square, largest = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        w, g = decayed(w, gradient(w), lr, **decay)
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g**2
        largest = np.maximum(largest, square) if amsgrad else square
        w = w - lr * (mean / (1 - beta1**t)) / (np.sqrt(largest / (1 - beta2**t)) + eps)
        yield w


def adagrad(w, gradient, steps, *, lr, eps, **decay):
    total = np.zeros_like(w)
    for _ in range(steps):
        w, g = decayed(w, gradient(w), lr, **decay)
        total = total + g**2
        w = w - lr * g / (np.sqrt(total) + eps)
        yield w


def adadelta(w, gradient, steps, *, lr, rho, eps, **decay):
    square, moved = np.zeros_like(w), np.zeros_like(w)
    for _ in range(steps):
        w, g = decayed(w, gradient(w), lr, **decay)
        square = rho * square + (1 - rho) * g**2
        delta = g * np.sqrt((moved + eps) / (square + eps))
        moved = rho * moved + (1 - rho) * delta**2
        w = w - lr * delta
        yield w


def rmsprop(w, gradient, steps, *, lr, alpha, eps, momentum, centered, **decay):
    square, mean, velocity = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for _ in range(steps):
        w, g = decayed(w, gradient(w), lr, **decay)
        square = alpha * square + (1 - alpha) * g**2
        mean = alpha * mean + (1 - alpha) * g
        velocity = momentum * velocity + g / (np.sqrt(square - centered * mean**2) + eps)
        w = w - lr * velocity
        yield w


def adamax(w, gradient, steps, *, lr, beta1, beta2, eps, **decay):
    mean, largest = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        w, g = decayed(w, gradient(w), lr, **decay)
        mean = beta1 * mean + (1 - beta1) * g
        largest = np.maximum(beta2 * largest, abs(g) + eps)
        w = w - lr * mean / (1 - beta1**t) / largest
        yield w


def nadam(w, gradient, steps, *, lr, beta1, beta2, eps, momentum_decay, **decay):
    mean, square, product = np.zeros_like(w), np.zeros_like(w), 1.0
    for t in range(1, steps + 1):
        w, g = decayed(w, gradient(w), lr, **decay)
        now, ahead = (beta1 * (1 - 0.96 ** (momentum_decay * each) / 2) for each in (t, t + 1))
        product *= now
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g**2
        direction = (1 - now) / (1 - product) * g + ahead / (1 - product * ahead) * mean
        w = w - lr * direction / (np.sqrt(square / (1 - beta2**t)) + eps)
        yield w


def radam(w, gradient, steps, *, lr, beta1, beta2, eps, **decay):
    mean, square, most = np.zeros_like(w), np.zeros_like(w), 2 / (1 - beta2) - 1
    for t in range(1, steps + 1):
        w, g = decayed(w, gradient(w), lr, **decay)
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g**2
        length = most - 2 * t * beta2**t / (1 - beta2**t)
        scale = 1.0
        if length > 5:
            share = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
            scale = np.sqrt(share * (1 - beta2**t)) / (np.sqrt(square) + eps)
        w = w - lr * mean / (1 - beta1**t) * scale
        yield w


def lion(w, gradient, steps, *, lr, beta1, beta2, **decay):
    mean = np.zeros_like(w)
    for _ in range(steps):
        w, g = decayed(w, gradient(w), lr, **decay)
        w = w - lr * np.sign(beta1 * mean + (1 - beta1) * g)
        mean = beta2 * mean + (1 - beta2) * g
        yield w


def muon(w, gradient, steps, *, lr, momentum, nesterov, **others):
    """The matrix by orthogonal steps, and Adam for the rest, which it has no say in."""
    decay = {n: others[n] for n in ("weight_decay", "decoupled_weight_decay")}
    size, mean = len(w) - OUTPUTS, 0
    other = adam(w[size:], lambda v: g[size:], steps, lr=lr, **others)
    for _ in range(steps):
        g = gradient(w)
        matrix, own = decayed(w[:size], g[:size], lr, **decay)
        mean = momentum * mean + (1 - momentum) * own
        x = ((1 - momentum) * own + momentum * mean if nesterov else mean).reshape(-1, OUTPUTS)
        x = x / np.linalg.norm(x)
        for _ in range(5):
            s = x @ x.T
            x = 3.4445 * x - 4.775 * s @ x + 2.0315 * s @ s @ x
        matrix = matrix - lr * 0.2 * np.sqrt(max(x.shape)) * x.ravel()
        w = np.concatenate([matrix, next(other)])
        yield w


class Row(NamedTuple):
    """A rule, its reference, and the steps it needs in a parabola and in Rosenbrock's valley;
    None where decay moves the lowest point, or the steps are too long."""

    rule: tw.Optimizer
    reference: Callable[..., Iterator[np.ndarray]]
    parabola: int | None = None
    valley: int | None = None


ROWS = {
    "plain": Row(tw.SGD(lr=0.1), sgd, 100),
    "small steps": Row(tw.SGD(lr=0.002), sgd, 3000, 6000),
    "momentum": Row(tw.SGD(lr=0.001, momentum=0.9), sgd, 1000, 3000),
    "nesterov": Row(tw.SGD(lr=0.001, momentum=0.9, nesterov=True), sgd, 1000, 3000),
    "decay": Row(tw.SGD(lr=0.1, weight_decay=0.05), sgd),
    "momentum and decay": Row(tw.SGD(lr=0.01, momentum=0.8, weight_decay=0.1), sgd),
    "adam": Row(tw.Adam(lr=0.05), adam, 600, 3000),
    "adam, no averages": Row(tw.Adam(lr=0.01, beta1=0.0, beta2=0.0), adam, 600),
    "adam, others": Row(tw.Adam(lr=0.02, beta1=0.8, beta2=0.99, eps=1e-3), adam, 600, 3000),
    "adam and decay": Row(tw.Adam(lr=0.05, weight_decay=0.1), adam),
    "amsgrad": Row(tw.Adam(lr=0.05, amsgrad=True), adam, 600, 3000),
    "adamw": Row(tw.AdamW(lr=0.05), adam),
    "adamw, strong decay": Row(tw.AdamW(lr=0.05, weight_decay=0.5), adam),
    "adamw, no decay": Row(tw.AdamW(lr=0.05, weight_decay=0), adam, 600, 3000),
    "adagrad": Row(tw.AdaGrad(lr=0.5), adagrad, 600, 3000),
    "adagrad and decay": Row(tw.AdaGrad(lr=0.3, eps=1e-3, weight_decay=0.1), adagrad),
    "adadelta": Row(tw.AdaDelta(eps=1e-4), adadelta, 1500),
    "adadelta, small steps": Row(tw.AdaDelta(lr=0.03), adadelta, None, 6000),
    "adadelta, others": Row(tw.AdaDelta(lr=0.5, rho=0.8, weight_decay=0.1), adadelta),
    "rmsprop": Row(tw.RMSProp(lr=0.003), rmsprop, 2000, 6000),
    "rmsprop, momentum": Row(tw.RMSProp(lr=0.001, momentum=0.9), rmsprop, 1000, 3000),
    "rmsprop, centred": Row(tw.RMSProp(lr=0.003, centered=True, alpha=0.95), rmsprop, 2000),
    "rmsprop, all": Row(
        tw.RMSProp(lr=0.001, momentum=0.8, centered=True, weight_decay=0.1, eps=1e-3), rmsprop
    ),
    "adamax": Row(tw.Adamax(lr=0.05), adamax, 600, 3000),
    "adamax and decay": Row(tw.Adamax(lr=0.01, beta1=0.8, beta2=0.99, weight_decay=0.1), adamax),
    "nadam": Row(tw.NAdam(lr=0.05), nadam, 600, 3000),
    "nadam, no decay of momentum": Row(tw.NAdam(lr=0.05, momentum_decay=0.0), nadam, 600),
    "nadam and decay": Row(tw.NAdam(lr=0.05, weight_decay=0.1, decoupled_weight_decay=True), nadam),
    "radam": Row(tw.RAdam(lr=0.05), radam, 600),
    "radam, small steps": Row(tw.RAdam(lr=0.003), radam, 3000, 6000),
    "radam, short": Row(tw.RAdam(lr=0.02, beta2=0.9, weight_decay=0.1), radam),
    "radam, never certain": Row(tw.RAdam(lr=0.01, beta2=0.5), radam, 600),
    "lion": Row(tw.Lion(lr=0.001), lion, 3000, 6000),
    "lion and decay": Row(tw.Lion(lr=0.01, beta1=0.8, beta2=0.9, weight_decay=0.5), lion),
    "muon": Row(tw.Muon(lr=0.02), muon),
    "muon, no decay": Row(tw.Muon(lr=0.02, weight_decay=0.0), muon, 600, 6000),
    "muon, others": Row(
        tw.Muon(lr=0.01, momentum=0.8, nesterov=False, weight_decay=0.0, beta1=0.5), muon
    ),
}


def settings_of(rule: tw.Optimizer) -> dict[str, float]:
    """The settings of a rule but for those that concern its gradient as a whole."""
    names = {each.name for each in dataclasses.fields(rule)} - {"clip_norm", "clip_value"}
    return {name: getattr(rule, name) for name in names}


# What is minimised: the mean squared error of x W + b ---------------------------------------------

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(20, INPUTS))
Y = X @ RANDOM.normal(size=(INPUTS, OUTPUTS)) + 1 + RANDOM.normal(size=(20, OUTPUTS))
START = RANDOM.normal(size=INPUTS * OUTPUTS + OUTPUTS)


def gradient(w: np.ndarray) -> np.ndarray:
    """Of the mean squared error, by all weights in one vector."""
    matrix, bias = w[:-OUTPUTS].reshape(INPUTS, OUTPUTS), w[-OUTPUTS:]
    slope = 2 / Y.size * (X @ matrix + bias - Y)
    return np.concatenate([(X.T @ slope).ravel(), slope.sum(axis=0)])


def trained(rule: tw.Optimizer, epochs: int, dtype: str = "float64", **settings) -> np.ndarray:
    """The weights after so many steps on all rows."""
    net = tw.Sequential(tw.Dense(OUTPUTS), dtype=dtype)
    net.init(X, seed=0)
    net.weights.flat[:] = START
    tw.fit(net, X, Y, loss="mse", optimizer=rule, epochs=epochs, batch_size=None, **settings)
    return net.weights.flat
