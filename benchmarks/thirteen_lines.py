"""The sweep of the thirteen-line network: `python -m benchmarks.thirteen_lines NAME ITERATIONS`.

Seven alphas with 4 and with 32 hidden units, each from the same starting weights, full batch in
float64; the mean |error| at six moments, as a table. Andrew Trask, iamtrask.github.io, 2015-07-27.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np

ALPHAS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
HIDDEN = (4, 32)
MOMENTS = 6
X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
Y = np.array([[0, 1, 1, 0]], dtype=float).T
Errors = list[list[float]]


def start(hidden: int) -> tuple[Any, Any]:
    """The article's starting weights: (3, hidden) and (hidden, 1)."""
    np.random.seed(1)
    return 2 * np.random.random((3, hidden)) - 1, 2 * np.random.random((hidden, 1)) - 1


def plain(iterations: int, hidden: int) -> Errors:
    """The article's own loop, one alpha after the other."""
    return [_loop(iterations, alpha, *start(hidden))[:, 0].tolist() for alpha in ALPHAS]


def stacked(iterations: int, hidden: int) -> Errors:
    """The same loop once, with all alphas along a first axis."""
    first, second = (np.repeat(each[None], len(ALPHAS), 0) for each in start(hidden))
    return cast(Errors, _loop(iterations, np.reshape(ALPHAS, (-1, 1, 1)), first, second).T.tolist())


def _loop(iterations: int, alpha: Any, first: Any, second: Any) -> Any:
    """Mean |error| at each moment (moments, alphas)."""
    found = []
    for j in range(iterations):
        first, second, gap = _step(np, alpha, first, second)
        if j % (iterations // MOMENTS) == 0:
            found.append(np.atleast_1d(np.abs(gap).mean((-2, -1))))
    return np.array(found)


def _step(numpy: Any, alpha: Any, first: Any, second: Any) -> tuple[Any, Any, Any]:
    """One step of gradient descent on half the sum of squares: (weights, weights, gap)."""
    hidden = 1 / (1 + numpy.exp(-(X @ first)))
    output = 1 / (1 + numpy.exp(-(hidden @ second)))
    gap = output - Y
    output_delta = gap * output * (1 - output)
    hidden_delta = output_delta @ second.swapaxes(-1, -2) * (hidden * (1 - hidden))
    return (
        first - alpha * (X.T @ hidden_delta),
        second - alpha * (hidden.swapaxes(-1, -2) @ output_delta),
        gap,
    )


def by_jax(iterations: int, hidden: int) -> Errors:
    """The loops over alphas and steps jitted as one; with alphas stacked, as above, XLA's stacks of
    products took 11.6 s where this took 4.0 (6,000 iterations)."""
    import jax
    from jax import lax, numpy as jnp

    jax.config.update("jax_enable_x64", True)
    weights = tuple(map(jnp.array, start(hidden)))

    def one(alpha: Any) -> Any:
        def stretch(weights: Any, _: Any) -> Any:
            gap = _step(jnp, alpha, *weights)[2]
            step = lambda _, weights: _step(jnp, alpha, *weights)[:2]  # noqa: E731
            return lax.fori_loop(0, iterations // MOMENTS, step, weights), jnp.abs(gap).mean()

        return lax.scan(stretch, weights, None, length=MOMENTS)[1]

    found = jax.jit(lambda alphas: lax.map(one, alphas))(jnp.array(ALPHAS))
    return cast(Errors, np.asarray(found).tolist())


def by_talweg(iterations: int, hidden: int, engine: str | None = None) -> Errors:
    """A sweep where there is one, else a run an alpha."""
    import talweg as tw

    def build(hidden: int) -> Any:
        layers = [tw.Dense(units, "sigmoid", bias=False) for units in (hidden, 1)]
        net = tw.Sequential(*layers, dtype="float64")
        net.weights = dict(zip(("0.weight", "1.weight"), start(hidden), strict=True))
        return net

    settings: dict[str, Any] = {
        "loss": "half_sse",
        "epochs": iterations,
        "batch_size": None,
        "metrics": ["mae"],
        "progress": False,
        "engine": engine,
    }
    if hasattr(tw, "sweep"):
        over = {"hidden": [hidden], "lr": list(ALPHAS)}
        runs = tw.sweep(build, X, Y, over=over, optimizer="sgd", **settings).runs
    else:
        runs = [tw.fit(build(hidden), X, Y, optimizer=tw.SGD(lr=a), **settings) for a in ALPHAS]
    return [run.history["mae"][:: iterations // MOMENTS].tolist() for run in runs]


SWEEPS: dict[str, Callable[[int, int], Errors]] = {
    "talweg": by_talweg,
    "talweg's interpreter": partial(by_talweg, engine="numpy"),
    "NumPy": plain,
    "NumPy stacked": stacked,
    "JAX loop": by_jax,
}


def main(name: str, iterations: str) -> None:
    """Print alpha and its errors, a line a run."""
    with np.errstate(over="ignore"):
        for hidden in HIDDEN:
            print(f"{hidden} hidden units")
            for alpha, errors in zip(ALPHAS, SWEEPS[name](int(iterations), hidden), strict=True):
                print(f"{alpha:<8g}", *(f"{each:<16.12g}" for each in errors))


if __name__ == "__main__":
    main(*sys.argv[1:])
