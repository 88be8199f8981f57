"""Layers one after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from talweg.errors import SettingError
from talweg.graph import Tensor
from talweg.nn.activations import as_activation
from talweg.nn.module import DTYPES, Module
from talweg.settings import Choice, check


class Sequential(Module):
    """Each layer takes what the one before gave. A layer is a module, an activation's name, or
    a function of one tensor; its path is its position.

    >>> import numpy as np
    >>> net = Sequential(Module_or_Dense(4, "relu"), Module_or_Dense(1)) if False else Sequential()
    >>> net(np.ones((1, 2))).shape
    (1, 2)
    """

    def __init__(self, *layers: Any, dtype: str = "float32") -> None:
        check("Sequential", {"dtype": str(dtype)}, {"dtype": Choice(DTYPES)})
        self.dtype = str(dtype)
        self.layers = [_as_layer(each) for each in layers]

    def parts(self) -> Iterator[tuple[str, Module]]:
        for position, layer in enumerate(self.layers):
            if isinstance(layer, Module):
                yield str(position), layer

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"


def _as_layer(given: Any) -> Any:
    if isinstance(given, Module):
        return given
    if isinstance(given, type) and issubclass(given, Module):
        raise SettingError(f"Sequential takes layers, not classes: write {given.__name__}(...)")
    return as_activation(given).function
