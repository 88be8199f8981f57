"""The parameters of a network: one flat vector, and live views of it by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, NoReturn, Self

import numpy as np

from talweg.errors import ShapeError, TalwegError, nearest
from talweg.gates import Array


class Weights(MutableMapping[str, Array]):
    """Names to arrays, each a view into `flat`: writing to one writes to the network.

    Assigning copies values in, and refuses another shape or an unknown name.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        pieces = [array.ravel() for array in arrays.values()]
        self.flat: Array = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        self._views: dict[str, Array] = {}
        start = 0
        for name, array in arrays.items():
            self._views[name] = self.flat[start : start + array.size].reshape(array.shape)
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

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Some of the views under other names, still views into `flat`: new name to old."""
        part = type(self)({})
        part.flat = self.flat
        part._views = {new: self._views[old] for new, old in names.items()}
        return part

    def __reduce__(self) -> tuple[Any, ...]:
        # a copy must have views into its own vector, not arrays that have lost it
        return type(self), (self.copy(),)

    def refuse(self, name: str) -> NoReturn:
        raise TalwegError(f"no parameter is called {name!r}. {nearest(name, self._views)}")

    def __repr__(self) -> str:
        lines = [f"{name}: {view.dtype}{list(view.shape)}" for name, view in self.items()]
        return "Weights(" + ", ".join(lines) + ")"
