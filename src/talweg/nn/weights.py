"""The parameters of a network: one flat vector, and live views of it by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from talweg.errors import ShapeError, TalwegError, nearest
from talweg.gates import Array

if TYPE_CHECKING:
    from talweg.nn.module import Module


class Place(NamedTuple):
    """Whose parameter it is, and what its owner calls it."""

    module: Module
    name: str


class Weights(MutableMapping[str, Array]):
    """Names to arrays, each a view into `flat`: writing to one writes to the network.

    Assigning copies values in, and refuses another shape or an unknown name.
    """

    def __init__(self, arrays: Mapping[Place, tuple[str, Array]]) -> None:
        self.paths = {place: path for place, (path, _) in arrays.items()}
        pieces = [array for _, array in arrays.values()]
        self.flat: Array = np.concatenate([each.ravel() for each in pieces]) if pieces else _empty()
        self._views: dict[str, Array] = {}
        start = 0
        for path, array in arrays.values():
            self._views[path] = self.flat[start : start + array.size].reshape(array.shape)
            start += array.size

    def __getitem__(self, name: str) -> Array:
        if name not in self._views:
            self.refuse(name)
        return self._views[name]

    def __setitem__(self, name: str, values: Any) -> None:
        view, array = self[name], np.asarray(values)
        if array.shape != view.shape:
            raise ShapeError(f"{name}: values of shape {array.shape} given, {view.shape} needed")
        view[...] = array

    def update(self, given: Any = (), /, **more: Any) -> None:
        """Copy several in, after checking all: on an error nothing has changed."""
        values = {**dict(given), **more}
        for name, each in values.items():
            if np.shape(each) != self[name].shape:
                needed = self[name].shape
                raise ShapeError(f"{name}: values of shape {np.shape(each)} given, {needed} needed")
        for name, each in values.items():
            self[name] = each

    def __delitem__(self, name: str) -> None:
        raise TalwegError("a network's weights cannot be deleted; assign new values")

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def copy(self) -> dict[str, Array]:
        """The values now, as arrays of their own."""
        return {name: view.copy() for name, view in self._views.items()}

    def part(self, modules: Mapping[Module, str]) -> Weights:
        """The views of some modules' parameters, under those modules' paths."""
        part = Weights({})
        for place, path in self.paths.items():
            if place.module in modules:
                prefix = modules[place.module]
                own = f"{prefix}.{place.name}" if prefix else place.name
                part.paths[place] = own
                part._views[own] = self._views[path]
        return part

    def refuse(self, name: str) -> NoReturn:
        raise TalwegError(f"no parameter is called {name!r}. {nearest(name, self._views)}")

    def __repr__(self) -> str:
        lines = [f"{name}: {view.dtype}{list(view.shape)}" for name, view in self.items()]
        return "Weights(" + ", ".join(lines) + ")"


def _empty() -> Array:
    return np.zeros(0, np.float32)
