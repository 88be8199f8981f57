"""A thousand 3-4-1 networks: `python -m benchmarks.many_nets`, or with NAME STARTS EPOCHS.

A hundred initial weights times ten learning rates; 4 rows, full batch, no biases, SGD, float32.
Timed from the call to the losses of all epochs, with compilation and, in a second call, without.
Imports are not timed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.processes import ROOT, as_installed

STARTS, EPOCHS, ROUNDS = 100, 10_000, 3
RATES = np.geomspace(0.1, 5.0, 10).tolist()
X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.float32)
Y = np.array([[0, 1, 1, 0]], dtype=np.float32).T
TOLERANCE = 1e-3  # relative, for the last losses: float32 sums depend on their order
Losses = Any
"""(networks, epochs): half the sum of squares before each update."""


def starts(count: int) -> tuple[Any, Any]:
    """Weights (count, 3, 4) and (count, 4, 1), uniform in -1..1."""
    random = np.random.default_rng(0)
    first, second = (random.uniform(-1, 1, (count, *shape)) for shape in ((3, 4), (4, 1)))
    return first.astype(np.float32), second.astype(np.float32)


def by_talweg(count: int, epochs: int) -> Losses:
    """One sweep."""
    import talweg as tw

    weights = starts(count)

    def build(seed: int) -> Any:
        net = tw.Sequential(*(tw.Dense(units, "sigmoid", bias=False) for units in (4, 1)))
        net.weights = {f"{layer}.weight": start[seed] for layer, start in enumerate(weights)}
        return net

    over = {"seed": range(count), "lr": RATES}
    settings: dict[str, Any] = {"loss": "half_sse", "optimizer": "sgd", "batch_size": None}
    sweep = tw.sweep(build, X, Y, over=over, epochs=epochs, progress=False, **settings)
    return np.array([run.history["loss"] for run in sweep.runs])


def by_jax(count: int, epochs: int) -> Losses:
    """The whole loop of one network, jitted and vmapped over all networks."""
    import jax
    from jax import lax, numpy as jnp

    def loss(weights: Any) -> Any:
        hidden = jax.nn.sigmoid(X @ weights[0])
        return 0.5 * jnp.sum((jax.nn.sigmoid(hidden @ weights[1]) - Y) ** 2)

    def net(rate: Any, *weights: Any) -> Any:
        def step(weights: Any, _: Any) -> Any:
            value, slopes = jax.value_and_grad(loss)(weights)
            return tuple(w - rate * g for w, g in zip(weights, slopes, strict=True)), value

        return lax.scan(step, weights, None, length=epochs)[1]

    return np.asarray(jax.jit(jax.vmap(net))(*_all_nets(count)))


def by_numpy(count: int, epochs: int) -> Losses:
    """One loop, with all networks along the first axis."""
    rates, first, second = _all_nets(count)
    rates, losses = rates[:, None, None], []
    for _ in range(epochs):
        hidden = 1 / (1 + np.exp(-(X @ first)))
        output = 1 / (1 + np.exp(-(hidden @ second)))
        gap = output - Y
        losses.append(0.5 * (gap * gap).sum((1, 2)))
        delta = gap * output * (1 - output)
        hidden_delta = delta @ second.swapaxes(1, 2) * hidden * (1 - hidden)
        first = first - rates * (X.T @ hidden_delta)
        second = second - rates * (hidden.swapaxes(1, 2) @ delta)
    return np.array(losses).T


def _all_nets(count: int) -> tuple[Any, Any, Any]:
    """The learning rate and the weights of each network, in the order of the product."""
    first, second = (np.repeat(weights, len(RATES), 0) for weights in starts(count))
    return np.tile(np.float32(RATES), count), first, second


SWEEPS: dict[str, Callable[[int, int], Losses]] = {
    "talweg": by_talweg,
    "JAX vmap": by_jax,
    "NumPy stacked": by_numpy,
}


def once(name: str, count: int, epochs: int) -> tuple[float, float, float]:
    """Seconds of a first and a second call, and the median of the final losses."""
    taken = []
    SWEEPS[name](1, 1)  # imports the library
    for _ in range(2):
        begun = time.perf_counter()
        losses = SWEEPS[name](count, epochs)
        taken.append(time.perf_counter() - begun)
    assert losses.shape == (count * len(RATES), epochs)
    return taken[0], taken[1], float(np.median(losses[:, -1]))


def compared() -> None:
    """Run the contestants in turn, each in its own process, and print the minimum over rounds."""
    samples: dict[str, list[list[float]]] = {name: [] for name in SWEEPS}
    for _ in range(ROUNDS):
        for name, rounds in samples.items():
            rounds.append(_in_process(name))
    judge = samples["NumPy stacked"][0][2]
    print(
        f"{len(RATES) * STARTS:,} networks, {EPOCHS:,} epochs; seconds of a first and second call"
    )
    for name, rounds in samples.items():
        first, second, loss = (min(column) for column in zip(*rounds, strict=True))
        agrees = "" if abs(loss - judge) <= TOLERANCE * judge else "  DISAGREES"
        print(f"{name:<14} {first:7.2f} {second:7.2f}   median loss {loss:.6f}{agrees}")


def _in_process(name: str) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.many_nets", name, str(STARTS), str(EPOCHS)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env=as_installed()
    )
    return [float(word) for word in done.stdout.split()]


def main(given: Sequence[str]) -> None:
    """Compare all contestants, or print the numbers of one."""
    if given:
        name, count, epochs = given
        print(*once(name, int(count), int(epochs)))
    else:
        compared()


if __name__ == "__main__":
    main(sys.argv[1:])
