"""The sweep of the thirteen-line network: `python -m benchmarks.thirteen_lines NAME ITERATIONS`.

Seven alphas with 4 and 32 hidden units, from the article's initial weights, full batch in float64;
it prints the mean |error| at six moments. Andrew Trask, iamtrask.github.io, 2015-07-27.
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
    """The article's initial weights: (3, hidden) and (hidden, 1)."""
    np.random.seed(1)
    return 2 * np.random.random((3, hidden)) - 1, 2 * np.random.random((hidden, 1)) - 1


def plain(iterations: int, hidden: int) -> Errors:
    """The article's loop, one alpha after another."""
    return [_loop(iterations, alpha, *start(hidden))[:, 0].tolist() for alpha in ALPHAS]


def stacked(iterations: int, hidden: int) -> Errors:
    """One loop, with all alphas along the first axis."""
    first, second = (np.repeat(weights[None], len(ALPHAS), 0) for weights in start(hidden))
    return cast(Errors, _loop(iterations, np.reshape(ALPHAS, (-1, 1, 1)), first, second).T.tolist())


def _loop(iterations: int, alpha: Any, first: Any, second: Any) -> Any:
    """The mean |error| at each moment, (moments, alphas)."""
    errors = []
    for j in range(iterations):
        first, second, gap = _step(np, alpha, first, second)
        if j % (iterations // MOMENTS) == 0:
            errors.append(np.atleast_1d(np.abs(gap).mean((-2, -1))))
    return np.array(errors)


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
    """The loops over alphas and steps in one jitted function: 4.0 s for 6,000 iterations, against
    11.6 s with stacked alphas."""
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

    errors = jax.jit(lambda alphas: lax.map(one, alphas))(jnp.array(ALPHAS))
    return cast(Errors, np.asarray(errors).tolist())


def by_talweg(iterations: int, hidden: int, engine: str | None = None) -> Errors:
    """One sweep, or one run per alpha in versions of talweg without sweeps."""
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
    """Print a line per run: alpha and its errors."""
    with np.errstate(over="ignore"):
        for hidden in HIDDEN:
            print(f"{hidden} hidden units")
            for alpha, errors in zip(ALPHAS, SWEEPS[name](int(iterations), hidden), strict=True):
                print(f"{alpha:<8g}", *(f"{error:<16.12g}" for error in errors))


if __name__ == "__main__":
    main(*sys.argv[1:])
