"""A network of layers in sequence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.errors import SettingError
from talweg.graph import Tensor
from talweg.nn.activations import as_activation
from talweg.nn.module import DTYPES, Module
from talweg.settings import Choice, check


class Sequential(Module):
    """Layers in sequence: each takes the output of the one before.

    A layer is a module, the name of an activation, or a function of one tensor; its path is its
    position.

    >>> net = Sequential(tw.Dense(4), "relu", tw.Dense(1)).init([[1.0, 2.0, 3.0]])
    >>> list(net.weights), net.weights.flat.size
    (['0.weight', '0.bias', '2.weight', '2.bias'], 21)
    """

    def __init__(self, *layers: Any, dtype: npt.DTypeLike = "float32") -> None:
        name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
        self.dtype = check("Sequential", {"dtype": name}, {"dtype": Choice(DTYPES)})["dtype"]
        if len(layers) == 1 and isinstance(layers[0], list | tuple):
            layers = tuple(layers[0])
        self.layers = [_as_layer(layer) for layer in layers]

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
