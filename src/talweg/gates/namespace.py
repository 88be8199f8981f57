"""Which array library computes a gate: a value rule takes its functions from its inputs.

A rule calls what `namespace(x)` offers, under the names of the Python array API standard
(https://data-apis.org/array-api), and `special` functions beside it. So any library with such a
namespace runs every gate; `jax.numpy` does. A `Portable` rule also has a form for NumPy, which
is older than the standard and faster by its own names. Where all arrays are NumPy's, as in the
interpreter, `Gate.on_numpy` spares the dispatch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

_NUMPY = (np.ndarray, np.generic)


def namespace(x: Any) -> Any:
    """The functions of the library that array `x` belongs to."""
    return np if isinstance(x, _NUMPY) else x.__array_namespace__()


def as_dtype(x: Any, dtype: Any) -> Any:
    """`x` in a dtype that NumPy names."""
    if isinstance(x, _NUMPY):
        return x.astype(dtype)
    xp = namespace(x)
    return xp.astype(x, getattr(xp, np.dtype(dtype).name))


def special(xp: Any, name: str) -> Callable[..., Any]:
    """A function such as erf that the standard lacks: the library's own or its SciPy's."""
    if hasattr(xp, name):
        own: Callable[..., Any] = getattr(xp, name)
        return own
    library = xp.__name__.partition(".")[0]
    of_scipy: Callable[..., Any] = getattr(import_module(f"{library}.scipy.special"), name)
    return of_scipy


@dataclass(frozen=True)
class Portable:
    """A value rule with two forms: one over any namespace, and a faster one for NumPy."""

    rule: Callable[..., Any]
    """(namespace, *arrays, **settings) -> array"""
    numpy: Callable[..., Any]
    """(*arrays, **settings) -> array"""

    def __call__(self, *arrays: Any, **settings: Any) -> Any:
        xp = namespace(arrays[0])
        if xp is np:
            return self.numpy(*arrays, **settings)
        return self.rule(xp, *arrays, **settings)


def function(name: str, numpy: Callable[..., Any]) -> Portable:
    """The rule that is one function of the standard, and what NumPy calls it."""
    return Portable(partial(_call, name), numpy)  # a lambda could not be pickled


def _call(name: str, xp: Any, *arrays: Any, **settings: Any) -> Any:
    return getattr(xp, name)(*arrays, **settings)
