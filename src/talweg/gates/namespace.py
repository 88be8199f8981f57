"""Array namespaces: a value rule takes its functions from the library of its inputs.

A rule calls functions of `namespace(x)` by their names in the Python array API standard
(https://data-apis.org/array-api), and `special` functions that the standard lacks. So any library
with such a namespace, such as `jax.numpy`, runs every gate. A `Portable` rule also has a form for
NumPy, whose own names are older and faster. The interpreter has NumPy arrays only, and
`Gate.on_numpy` skips the dispatch.
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
    """`x` in the dtype with that NumPy name."""
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
    """The rule that calls one function of the standard, and the same function of NumPy."""
    return Portable(partial(_call, name), numpy)  # a lambda could not be pickled


def _call(name: str, xp: Any, *arrays: Any, **settings: Any) -> Any:
    return getattr(xp, name)(*arrays, **settings)
