"""A module: a part of a network, or a whole one.

`__call__` computes with gates and asks `self.parameter(name, shape)` for what is to be learnt.
The outermost module of a call is the network: it owns the one flat vector that all parameters
of its parts live in, side by side.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from talweg.errors import DtypeError, RecordingError, ShapeError
from talweg.gates import Array, Shape
from talweg.graph import Tensor, constant
from talweg.graph.source_line import calling_line
from talweg.graph.topological_order import made_since, next_number
from talweg.nn.forward_pass import (
    Declare,
    ForwardPass,
    TrainingStep,
    checked,
    current_pass,
    first_values,
    look_up,
    sizes_of,
)
from talweg.nn.initializers import ByShape
from talweg.nn.predictor import Predictor, in_batches, predictor
from talweg.nn.targets import refuse_masked
from talweg.nn.weights import Weights
from talweg.random import SEED
from talweg.settings import Number, check

DTYPES = ("float32", "float64")
_PREDICT = {"batch_size": Number(at_least=1, whole=True)}


class _Changes:
    """How often anything was set on any module: a network looks again once this has moved."""

    count = 0


_changes = _Changes()


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
    _given: Mapping[str, Any] | None = None
    _asked: Mapping[str, tuple[Shape, Any]] | None = None
    row_shape: Shape = ()
    _changed = 0
    _predictor: Predictor | None = None
    _predictor_of: tuple[int, int] = (-1, 0)
    _looked_at: tuple[int, int] = (-1, 0)

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "__call__" in vars(cls):
            cls.__call__ = _as_part(cls.__call__)  # type: ignore[method-assign]

    def __call__(self, x: Any) -> Tensor:
        hint = "; rename forward to __call__" if hasattr(self, "forward") else ""
        raise RecordingError(f"{type(self).__name__} does not define __call__{hint}")

    def parameter(self, name: str, shape: Shape, init: Any = None) -> Tensor:
        """The parameter `name` of this module, made on first use; only inside `__call__`.

        It starts as `init` says: an initialiser, its name, a number, or an array. With None a
        matrix or a kernel (..., fan-in, fan-out) starts as `tw.Glorot()` draws it, a vector or a
        single number at 0, as biases do; give a vector that scales init="ones".
        """
        recording = self._call_under_way(f"parameter({name!r})")
        start = ByShape() if init is None else init
        return recording.declare(self.path_of(name), sizes_of(name, shape), start)

    def path_of(self, name: str) -> str:
        """What the network calls a parameter of this module; only inside `__call__`."""
        return _joined(self._call_under_way(f"path_of({name!r})").path(self), name)

    @property
    def is_training(self) -> bool:
        """Whether this call is a step of training: what only disturbs learning rests otherwise."""
        return self._call_under_way("is_training").training is not None

    def training(self) -> TrainingStep:
        """What a module may ask of a step of training beside its output; only where
        `is_training`.
        """
        training = self._call_under_way("training").training
        if training is None:
            raise RecordingError("this call is no step of training: ask self.is_training before")
        return training

    def uniform(self, shape: Shape, dtype: npt.DTypeLike | None = None) -> Tensor:
        """Random numbers from [0, 1), other ones in each step of training; only where
        `is_training`. They depend on the run's seed and the step alone.
        """
        return self.training().uniform(shape, dtype or self.whole.dtype)

    def _call_under_way(self, what: str) -> ForwardPass:
        recording = current_pass.get()
        if recording is None:
            raise RecordingError(f"{what} is for use inside a module's __call__")
        return recording

    def parts(self) -> Iterator[tuple[str, Module]]:
        """The modules that this one holds, with the names of their attributes."""
        for name, value in vars(self).items():
            if isinstance(value, Module | list | tuple | dict) and name[0] != "_":
                yield from _modules_in(name, value)

    # Starting -----------------------------------------------------------------------------

    def init(self, X: Any, *, seed: int = 0) -> Self:
        """Draw starting weights, with shapes taken from the rows X (N, ...); returns the network.

        Weights that were given before keep their given values, and a part that another network
        has trained brings its weights along (as copies). Same seed, same weights.
        """
        given = check("init", {"seed": seed}, {"seed": SEED})
        self._declare_all(self.as_rows(X)[:2], given["seed"])
        return self

    def init_as(self, like: Module, X: Any, *, seed: int = 0) -> Self:
        """As `init`, for a network that asks for what `like` asked for, and so need not be run."""
        if like._asked is None:  # a copy, or loaded
            return self.init(X, seed=seed)
        self._declare(like._asked, like.row_shape, seed)
        return self

    def _declare(
        self, asked: Mapping[str, tuple[Shape, Any]], row_shape: Shape, seed: int | None
    ) -> None:
        """Become a network with parameters of these shapes, as initialisers draw them."""
        given = self._brought_along()
        values = {
            path: first_values(path, shape, init, given, seed, place).astype(self.dtype)
            for place, (path, (shape, init)) in enumerate(asked.items())
        }
        self._own(values, given, row_shape)

    @property
    def is_initialized(self) -> bool:
        """Whether it is a network with weights."""
        return self._weights is not None

    @property
    def whole(self) -> Module:
        """The network that it is a part of; itself, where it is one or not yet a part of any."""
        return self._home or self

    def _declare_all(self, X: Array, seed: int | None) -> None:
        """Run once on example rows; each parameter is made when it is first asked for."""
        given = self._brought_along()
        made: dict[str, Tensor] = {}
        asked: dict[str, tuple[Shape, Any]] = {}

        def declare(path: str, shape: Shape, init: Any) -> Tensor:
            if path not in made:
                asked[path] = shape, init
                values = first_values(path, shape, init, given, seed, len(made))
                made[path] = Tensor(values.astype(self.dtype), name=path)
            return checked(made[path], shape)

        self._run(declare, constant(X))
        self._own({path: node.array for path, node in made.items()}, given, X.shape[1:])
        self._asked = asked

    def _own(self, values: Mapping[str, Array], given: Mapping[str, Any], row_shape: Shape) -> None:
        """Become a network with these starting values; `given` names must be among theirs."""
        weights = Weights(values)
        for name in given:
            if name not in values:
                weights.refuse(name)
        self._weights, self.row_shape = weights, row_shape
        for _, module in self.named_modules():
            module._home = self

    def _brought_along(self) -> dict[str, Any]:
        """The starting values that are there: those of parts of other networks, then given ones."""
        found: dict[str, Any] = {}
        for path, part in self.named_modules():
            has_own = part._home is not None and part._home is not self
            brought = part.weights if has_own else part._given or {}
            found |= {_joined(path, name): values for name, values in brought.items()}
        return found

    # Using --------------------------------------------------------------------------------

    def apply(
        self, weights: Mapping[str, Any], X: Any, *, training: TrainingStep | None = None
    ) -> Tensor:
        """The output for parameters given by name, as tensors or arrays: what a run records.

        With `training` it is a step of training, in which dropout and noise take part.
        """
        tensors = {
            name: each if isinstance(each, Tensor) else constant(each)
            for name, each in weights.items()
        }
        return self._run(look_up(tensors), X, training=training)

    def predict(self, X: Any, *, batch_size: int = 4096) -> Array:
        """The outputs for rows X (N, ...) as an array, computed `batch_size` rows at a time.

        The first call compiles the forward pass; a part of a network, and one with gates that
        have no native code, is interpreted.
        """
        native = self.native_forward(X)
        if native is not None and native.takes_row(X):
            return native.single(X)  # some 3 us; what follows takes 10
        size: int = check("predict", {"batch_size": batch_size}, _PREDICT)["batch_size"]
        rows = self.as_rows(X)
        suits = native is not None and rows.shape[1:] == self.row_shape and len(rows)
        forward = native if suits and native is not None else self._interpreted
        return in_batches(forward, rows, size)

    def _interpreted(self, rows: Array) -> Array:
        return np.array(self(rows).value)

    def native_forward(self, X: Any) -> Predictor | None:
        """The compiled forward pass; made anew once something in the network was set."""
        if self._looked_at != (_changes.count, id(self._weights)):
            latest = max(module._changed for _, module in self.named_modules())
            if self._predictor_of != (latest, id(self._weights)):
                self._predictor = self._compiled_for(X) if self._weights is not None else None
                self._predictor_of = latest, id(self._weights)
            self._looked_at = _changes.count, id(self._weights)
        return self._predictor

    def _compiled_for(self, X: Any) -> Predictor | None:
        return predictor(self, few=np.shape(X)[:1] == (1,))

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles carry along: all but compiled code and what dates it, since
        another process counts changes anew, and how the network was begun.
        """
        left = ("_predictor", "_predictor_of", "_looked_at", "_changed", "_asked")
        return {name: value for name, value in vars(self).items() if name not in left}

    def __copy__(self) -> Self:
        """A copy, shallow or deep, is a network of its own: a part belongs to one network."""
        return copy.deepcopy(self)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name[0] != "_" and name != "weights":  # what a call computes may be another now
            _changes.count += 1
            object.__setattr__(self, "_changed", _changes.count)

    @property
    def weights(self) -> Weights:
        """The parameters by name: live views into the one flat vector, `weights.flat`.

        Assigning a mapping copies values in; before the first use it sets the starting weights.
        A part shows its own parameters, in the vector of the network.
        """
        home = self.whole
        if home._weights is None:
            raise RecordingError(
                f"{type(self).__name__} has no weights yet, since their shapes come from the "
                "data; call net.init(X), or fit it"
            )
        return home._weights if home is self else home._weights.renamed(self._names_in(home))

    @weights.setter
    def weights(self, given: Mapping[str, Any]) -> None:
        if self._home is None:
            self._given = dict(given)
        else:
            self.weights.update(given)

    def _names_in(self, home: Module) -> dict[str, str]:
        """What this part calls its parameters, to what the network calls them."""
        own, paths = {id(part): path for path, part in self.named_modules()}, {}
        for path, module in home.named_modules():
            if id(module) in own:
                paths[path] = own[id(module)]
        owners = {name: name.rpartition(".") for name in home.weights}
        return {
            _joined(paths[owner], last): name
            for name, (owner, _, last) in owners.items()
            if owner in paths
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def summary(self) -> str:
        """A table of the layers: output shape, parameters, and the operations for one row."""
        from talweg.nn.summary import summary

        return summary(self)

    # Recording a call -----------------------------------------------------------------------

    def _outermost(self, *inputs: Any) -> Tensor:
        """A call from outside: the numbers of the weights as they are now, as new nodes."""
        X = [each if isinstance(each, Tensor) else self.as_rows(each) for each in inputs]
        if self._home is None and self._given:
            self._declare_all(X[0].array if isinstance(X[0], Tensor) else X[0], seed=None)
        views = self.weights.items()
        tensors = {name: Tensor(np.array(view), name=name) for name, view in views}
        return self._run(look_up(tensors), *X)

    def _run(self, declare: Declare, *inputs: Any, training: TrainingStep | None = None) -> Tensor:
        paths = {id(module): path for path, module in self.named_modules()}
        token = current_pass.set(ForwardPass(declare, paths, training))
        try:
            return self(*(each if isinstance(each, Tensor) else constant(each) for each in inputs))
        finally:
            current_pass.reset(token)

    def as_rows(self, X: Any) -> Array:
        """Rows as an array of the network's dtype."""
        dtype = self.whole.dtype
        if dtype not in DTYPES:
            raise DtypeError(f"a network's dtype is one of {DTYPES}, but {dtype!r} was given")
        refuse_masked("X", X)
        try:
            given = np.asarray(X)
            if given.dtype.kind not in "fiubO":
                raise ValueError(f"it holds {given.dtype}")
            with np.errstate(over="ignore"):  # told by fit, in words
                array = np.asarray(given, dtype=dtype)
        except (TypeError, ValueError, OverflowError) as error:
            raise DtypeError(
                f"X must hold numbers: {error} ({calling_line()}); for a table with text or "
                "missing cells use tw.TableModel"
            ) from None
        if array.ndim < 1:
            raise ShapeError(f"X must hold rows, but is one number ({calling_line()})")
        return array

    def named_modules(self) -> list[tuple[str, Module]]:
        """Every module of this network with its path, itself first; a shared part's first path."""
        found: list[tuple[str, Module]] = [("", self)]
        known = {id(self)}
        for path, module in found:
            for name, part in module.parts():
                if id(part) not in known:
                    known.add(id(part))
                    found.append((_joined(path, name), part))
        return found


def _as_part(call: Callable[..., Any]) -> Callable[..., Any]:
    """A module's `__call__`, which notes on each node it makes which layer it belongs to."""

    @functools.wraps(call)
    def called(self: Module, *inputs: Any) -> Any:
        recording = current_pass.get()
        if recording is None:
            return self._outermost(*inputs)
        mark = next_number()
        output = call(self, *inputs)
        if not isinstance(output, Tensor):
            raise RecordingError(
                f"{type(self).__name__}.__call__ gave {type(output).__name__}, not a tensor; "
                "compute the result from the input with gates, operators and parts"
            )
        path = recording.path(self)
        for node in made_since([output], mark):
            node.layer = path if node.layer is None else node.layer
        return output

    return called


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
