"""A module: a part of a network, or a whole one.

`__call__` computes with gates and asks `self.parameter(name, shape)` for what is to be learnt.
The outermost module of a call is the network: it owns the one flat vector that all parameters
of its parts live in, side by side.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from talweg.engine.random import INITIAL_WEIGHTS, SEED, generator
from talweg.errors import DtypeError, RecordingError, ShapeError, TalwegError
from talweg.gates import Array, Shape
from talweg.graph import Tensor, constant
from talweg.graph.line import calling_line
from talweg.graph.order import made_since
from talweg.graph.tensor import next_number
from talweg.nn.initializers import as_initializer
from talweg.nn.weights import Place, Weights

Declare = Callable[["Module", str, Shape, Any], Tensor]
"""What gives a module the tensor of one parameter: (module, name, shape, initialiser)."""


class Recording(NamedTuple):
    """A network's call that is under way: where parameters come from, what parts are called."""

    declare: Declare
    paths: Mapping[Module, str]


_recording: ContextVar[Recording | None] = ContextVar("recording", default=None)

DTYPES = ("float32", "float64")


class Module:
    """The base of layers and networks.

    A module of your own makes its parts in `__init__` and uses them in `__call__`; sharing a part
    is using it twice, a skip connection is a `+`. Set `dtype` on the outermost one.

    >>> class Residual(tw.Module):
    ...     def __init__(self):
    ...         self.inner, self.out = tw.Dense(3, "tanh"), tw.Dense(1)
    ...     def __call__(self, x):
    ...         return self.out(x + self.inner(x))
    >>> net = Residual().init(np.ones((2, 3)), seed=0)
    >>> list(net.weights)
    ['inner.weight', 'inner.bias', 'out.weight', 'out.bias']
    """

    dtype: str = "float32"

    _weights: Weights | None = None
    _home: Module | None = None
    _pending: ClassVar[Mapping[str, Any]] = {}
    _example: Shape = ()

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "__call__" in vars(cls):
            cls.__call__ = _as_part(cls.__call__)  # type: ignore[method-assign]

    def __call__(self, x: Any) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define __call__")

    def parameter(self, name: str, shape: Shape, init: Any = "zeros") -> Tensor:
        """The parameter `name` of this module, made on first use; only inside `__call__`."""
        recording = _recording.get()
        if recording is None:
            raise RecordingError(f"parameter({name!r}) is for use inside a module's __call__")
        return recording.declare(self, name, tuple(int(size) for size in shape), init)

    def parts(self) -> Iterator[tuple[str, Module]]:
        """The modules that this one holds, with the names of their attributes."""
        for name, value in vars(self).items():
            if not name.startswith("_"):
                yield from _modules_in(name, value)

    # Starting -----------------------------------------------------------------------------

    def init(self, X: Any, *, seed: int = 0) -> Self:
        """Draw starting weights, with shapes taken from the rows X (N, ...); returns the network.

        Weights that were given before keep their given values. Same seed, same weights.
        """
        if not SEED.allows(seed):
            raise TalwegError(f"init: seed must be {SEED}, but {seed!r} was given")
        self._declare_all(self._input(X)[:2], seed, self._pending)
        return self

    @property
    def is_initialized(self) -> bool:
        return self._weights is not None

    def _declare_all(self, X: Array, seed: int, given: Mapping[str, Any]) -> None:
        """Run once on example rows; each parameter is made when it is first asked for."""
        paths = self._paths()
        made: dict[Place, tuple[str, Tensor]] = {}

        def declare(module: Module, name: str, shape: Shape, init: Any) -> Tensor:
            place = Place(module, name)
            if place not in made:
                path = _joined(paths.get(module, "?"), name)
                values = _first_values(path, shape, init, given, seed, len(made))
                made[place] = path, Tensor(values.astype(self.dtype), name=path)
            return _checked(made[place][1], shape)

        self._run(declare, paths, constant(X))
        unknown = [name for name in given if name not in [path for path, _ in made.values()]]
        weights = Weights({place: (path, node.array) for place, (path, node) in made.items()})
        if unknown:
            weights.refuse(unknown[0])
        self._weights, self._example = weights, X.shape[1:]
        for module in paths:
            module._home = self

    # Using --------------------------------------------------------------------------------

    def apply(self, weights: Mapping[str, Any], X: Any) -> Tensor:
        """The output for parameters given by name, as tensors or arrays: what a run records."""
        own = self._require_weights(X)
        tensors = {}
        for place, path in own.paths.items():
            given = weights[path]
            tensors[place] = given if isinstance(given, Tensor) else constant(given)
        return self._run(_lookup(tensors, self), self._paths(), X)

    def predict(self, X: Any, *, batch_size: int = 4096) -> Array:
        """The outputs for rows X (N, ...) as an array, computed `batch_size` rows at a time."""
        rows = self._input(X)
        self._require_weights(rows)
        pieces = [self(rows[i : i + batch_size]).value for i in range(0, len(rows), batch_size)]
        return np.concatenate(pieces) if pieces else np.array(self(rows).value)

    @property
    def weights(self) -> Weights:
        """The parameters by name: live views into the one flat vector, `weights.flat`.

        Assigning a mapping copies values in; before the first use it sets the starting weights.
        """
        home = self._home or self
        if home._weights is None:
            raise RecordingError(
                f"{type(self).__name__} has no weights yet, since their shapes come from the "
                "data; call net.init(X), or fit it"
            )
        return home._weights if home is self else home._weights.part(self._paths())

    @weights.setter
    def weights(self, given: Mapping[str, Any]) -> None:
        if self._home is None and self._weights is None:
            self._pending = dict(given)  # type: ignore[misc]
        else:
            self.weights.update(given)

    def summary(self) -> str:
        """A table of the layers: output shape, parameters, and the operations for one row."""
        from talweg.nn.summary import summary

        return summary(self)

    # Recording a call -----------------------------------------------------------------------

    def _outermost(self, *inputs: Any) -> Tensor:
        """A call from outside: the numbers of the weights as they are now, as new nodes."""
        home = self._home or self
        X = [each if isinstance(each, Tensor) else self._input(each) for each in inputs]
        own = home._require_weights(X[0])
        tensors = {
            place: Tensor(np.array(view), name=path)
            for place, path, view in zip(own.paths, own.paths.values(), own.values(), strict=True)
        }
        return self._run(_lookup(tensors, home), home._paths(), *X)

    def _run(self, declare: Declare, paths: Mapping[Module, str], *inputs: Any) -> Tensor:
        token = _recording.set(Recording(declare, paths))
        try:
            return self(*(each if isinstance(each, Tensor) else constant(each) for each in inputs))
        finally:
            _recording.reset(token)

    def _require_weights(self, X: Any) -> Weights:
        if self._weights is None:
            if not self._pending:
                return self.weights  # raises
            rows = X.array if isinstance(X, Tensor) else self._input(X)
            self._declare_all(rows[:2], -1, self._pending)
        assert self._weights is not None
        return self._weights

    def _input(self, X: Any) -> Array:
        """Rows as an array of the network's dtype."""
        dtype = (self._home or self).dtype
        if dtype not in DTYPES:
            raise DtypeError(f"a network's dtype is one of {DTYPES}, but {dtype!r} was given")
        try:
            array = np.asarray(X, dtype=dtype)
        except (TypeError, ValueError) as error:
            raise DtypeError(
                f"X must hold numbers: {error} ({calling_line()}); for a table with text or "
                "missing cells use tw.TableModel"
            ) from None
        if array.ndim < 1:
            raise ShapeError(f"X must hold rows, but is one number ({calling_line()})")
        return array

    def _paths(self) -> dict[Module, str]:
        """Every module of this network with its path, itself first; a shared part's first path."""
        found: dict[Module, str] = {self: ""}
        waiting: list[Module] = [self]
        while waiting:
            module = waiting.pop(0)
            for name, part in module.parts():
                if part not in found:
                    found[part] = _joined(found[module], name)
                    waiting.append(part)
        return found


def _as_part(call: Callable[..., Any]) -> Callable[..., Any]:
    """A module's `__call__`, which notes on each node it makes which layer it belongs to."""

    @functools.wraps(call)
    def called(self: Module, *inputs: Any) -> Any:
        recording = _recording.get()
        if recording is None:
            return self._outermost(*inputs)
        mark = next_number()
        output = call(self, *inputs)
        if not isinstance(output, Tensor):
            raise RecordingError(
                f"{type(self).__name__}.__call__ gave {type(output).__name__}, not a tensor; "
                "compute the result from the input with gates, operators and parts"
            )
        path = recording.paths.get(self, "")
        for node in made_since([output], mark):
            node.layer = node.layer or path
        return output

    return called


def _lookup(tensors: Mapping[Place, Tensor], home: Module) -> Declare:
    def look_up(module: Module, name: str, shape: Shape, init: Any) -> Tensor:
        found = tensors.get(Place(module, name))
        if found is None:
            raise RecordingError(
                f"{type(module).__name__} asks for a parameter {name!r} that it did not ask for "
                f"when {type(home).__name__} was initialised; call init again"
            )
        return _checked(found, shape)

    return look_up


def _checked(found: Tensor, shape: Shape) -> Tensor:
    if found.shape != shape:
        raise ShapeError(
            f"{found.name}: this input asks for shape {shape}, but the network was made with "
            f"{found.shape}; check the number of columns, or call init with the new data"
        )
    return found


def _first_values(
    path: str, shape: Shape, init: Any, given: Mapping[str, Any], seed: int, index: int
) -> Array:
    """The starting values of one parameter: the given ones, or a draw of its own stream."""
    if path in given:
        values = np.asarray(given[path])
        if values.shape != shape:
            raise ShapeError(f"{path}: weights of shape {values.shape} given, {shape} needed")
        return values
    if seed < 0:
        raise ShapeError(f"{path}: no weights given; give all of them, or call net.init(X)")
    return as_initializer(init)(shape, generator(seed, INITIAL_WEIGHTS, index))


def _modules_in(name: str, value: Any) -> Iterator[tuple[str, Module]]:
    if isinstance(value, Module):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, each in enumerate(value):
            yield from _modules_in(f"{name}.{i}", each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _modules_in(f"{name}.{key}", each)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
