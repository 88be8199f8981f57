"""The parameters of a network: one flat vector, and live views into it by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, NoReturn, Self

import numpy as np

from talweg.errors import DtypeError, SettingError, ShapeError, TalwegError, nearest
from talweg.gates import Array


class Weights(MutableMapping[str, Array]):
    """A mapping from names to arrays, each a view into `flat`: writing to one changes the network.

    Assignment copies the values in, and refuses another shape or an unknown name.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        pieces = [array.ravel() for array in arrays.values()]
        self._flat: Array | None = np.concatenate(pieces or [np.zeros(0, np.float32)])
        self._views = _views(self._flat, arrays)

    @property
    def flat(self) -> Array:
        """All parameters one after another, in the order of the names."""
        if self._flat is None:
            raise SettingError(
                "only a whole network has a flat vector of weights, and this is a part "
                "of one; use that of the network"
            )
        return self._flat

    def __getitem__(self, name: str) -> Array:
        if name not in self._views:
            self.refuse(name)
        return self._views[name]

    def __contains__(self, name: object) -> bool:
        return name in self._views

    def __setitem__(self, name: str, values: Any) -> None:
        self.update({name: values})

    def update(self, given: Any = (), /, **more: Any) -> None:
        """Copy several arrays in. All are checked first, so an error changes nothing."""
        values = {**dict(given), **more}
        arrays = {name: self._checked(name, value) for name, value in values.items()}
        for name, array in arrays.items():
            self._views[name][...] = array

    def _checked(self, name: str, values: Any) -> Array:
        view, array = self[name], np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise DtypeError(f"{name}: values must be numbers, but {array.dtype} was given")
        if array.shape != view.shape:
            raise ShapeError(
                f"{name}: values of shape {array.shape} were given, but {view.shape} is needed"
            )
        return array

    def __delitem__(self, name: str) -> None:
        raise TalwegError("a network's weights cannot be deleted; assign new values")

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def views_of(self, flat: Array) -> dict[str, Array]:
        """Views into another flat vector, by the same names."""
        return _views(flat, self._views)

    def copy(self) -> dict[str, Array]:
        """Copies of the arrays, by name."""
        return {name: view.copy() for name, view in self._views.items()}

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Some of the views under other names; `names` maps new names to old."""
        part = type(self)({})
        part._flat = None
        part._views = {new: self._views[old] for new, old in names.items()}
        return part

    def __reduce__(self) -> tuple[Any, ...]:
        # a copy needs views into its own vector, not arrays without one
        return type(self), (self.copy(),)

    def refuse(self, name: str) -> NoReturn:
        raise TalwegError(f"no parameter is called {name!r}. {nearest(name, self._views)}")

    def __repr__(self) -> str:
        lines = [f"{name}: {view.dtype}{list(view.shape)}" for name, view in self.items()]
        return "Weights(" + ", ".join(lines) + ")"


def _views(flat: Array, like: Mapping[str, Array]) -> dict[str, Array]:
    """Views into a flat vector with the shapes of the given arrays, one after another."""
    views, start = {}, 0
    for name, array in like.items():
        views[name] = flat[start : start + array.size].reshape(array.shape)
        start += array.size
    return views
