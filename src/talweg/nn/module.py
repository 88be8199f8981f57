"""Modules: parts of a network, or whole networks.

`__call__` computes with gates and asks `self.parameter(name, shape)` for each parameter. The
outermost module of a call is the network: it owns the one flat vector that holds all parameters of
its parts, one after another.
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
from talweg.graph.node import made_since, next_number
from talweg.graph.source_line import calling_line
from talweg.nn.forward_pass import (
    ForwardPass,
    ParameterSource,
    TrainingStep,
    current_pass,
    from_tensors,
    initial_values,
    parameter_shape,
    with_shape,
)
from talweg.nn.initializers import ByShape
from talweg.nn.predictor import Predictor, in_batches, predictor
from talweg.nn.summary import summary
from talweg.nn.targets import refuse_masked
from talweg.nn.weights import Weights
from talweg.random import SEED
from talweg.settings import NamesKnown, Number, check

DTYPES = ("float32", "float64")
_PREDICT = {"batch_size": Number(at_least=1, whole=True)}
Declaration = tuple[Shape, Any]
"""The shape and the initializer of a parameter."""
_OF_COMPILED = ("_predictor", "_predictor_of", "_checked_at", "_changed")
STATE_OF_USE = {"_weights", "_network", "_given", "_declared", "row_shape", *_OF_COMPILED}
"""The attributes that using a module sets; the others decide what it computes."""


class _Changes:
    """The number of attributes set on any module: a network checks its parts once it has grown."""

    count = 0


_changes = _Changes()


class Module(NamesKnown):
    """The base of layers and networks.

    A custom module creates its parts in `__init__` and calls them in `__call__`. To share a part,
    use it twice; a skip connection is a `+`. Set `dtype` on the outermost module.

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
    _network: Module | None = None
    _given: Mapping[str, Any] | None = None
    _declared: Mapping[str, Declaration] | None = None
    row_shape: Shape = ()
    _changed = 0
    _predictor: Predictor | None = None
    _predictor_of: tuple[int, int] = (-1, 0)
    _checked_at: tuple[int, int] = (-1, 0)

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "__call__" in vars(cls):
            cls.__call__ = _labeled(cls.__call__)  # type: ignore[method-assign]

    def __call__(self, x: Any) -> Tensor:
        hint = "; rename forward to __call__" if hasattr(self, "forward") else ""
        raise RecordingError(f"{type(self).__name__} does not define __call__{hint}")

    # For use in __call__ --------------------------------------------------------------------

    def parameter(self, name: str, shape: Shape, init: Any = None) -> Tensor:
        """The parameter `name` of this module, made on first use; only inside `__call__`.

        `init` is an initializer, its name, a number, or an array. With None, a matrix or a kernel
        (..., fan-in, fan-out) is drawn by `tw.Glorot()`, and a vector or a single number starts at
        0, as biases do; a vector of factors needs init="ones".
        """
        parameters = self._current_pass(f"parameter({name!r})").parameters
        initializer = ByShape() if init is None else init
        return parameters(self.path_of(name), parameter_shape(name, shape), initializer)

    def path_of(self, name: str) -> str:
        """The network's name for a parameter of this module; only inside `__call__`."""
        return _joined(self._current_pass(f"path_of({name!r})").path(self), name)

    @property
    def is_training(self) -> bool:
        """Whether this call is part of a training step; regularizers do nothing otherwise."""
        return self._current_pass("is_training").training is not None

    def training(self) -> TrainingStep:
        """The training step that this call is part of; only if `is_training`."""
        training = self._current_pass("training").training
        if training is None:
            raise RecordingError("this call is not a training step: check self.is_training first")
        return training

    def uniform(self, shape: Shape, dtype: npt.DTypeLike | None = None) -> Tensor:
        """Random numbers from [0, 1), different ones in each training step; only if `is_training`.

        They depend on the run's seed and the step alone.
        """
        return self.training().uniform(shape, dtype or self.network.dtype)

    def _current_pass(self, what: str) -> ForwardPass:
        forward_pass = current_pass.get()
        if forward_pass is None:
            raise RecordingError(f"{what} is for use inside a module's __call__")
        return forward_pass

    # The network and its parts ----------------------------------------------------------------

    @property
    def network(self) -> Module:
        """The network that this module is a part of; itself, if it is not a part of another."""
        return self._network or self

    def parts(self) -> Iterator[tuple[str, Module]]:
        """The modules that this one holds, with the names of their attributes."""
        for name, value in vars(self).items():
            if isinstance(value, Module | list | tuple | dict) and name[0] != "_":
                yield from _modules_in(name, value)

    def named_modules(self) -> list[tuple[str, Module]]:
        """Every module of this network with its (first) path, the network itself first."""
        modules: list[tuple[str, Module]] = [("", self)]
        known = {id(self)}
        for path, module in modules:
            for name, part in module.parts():
                if id(part) not in known:
                    known.add(id(part))
                    modules.append((_joined(path, name), part))
        return modules

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def summary(self) -> str:
        """A table of the layers: output shape, parameters, and operations for one row."""
        return summary(self)

    # Initialization -------------------------------------------------------------------------

    def init(self, X: Any, *, seed: int = 0) -> Self:
        """Draw initial weights, with shapes from the rows X (N, ...); returns the network.

        Weights that were assigned before keep their values, and a part that another network has
        trained keeps copies of its weights. The same seed gives the same weights.
        """
        given = check("init", {"seed": seed}, {"seed": SEED})
        self._initialize_by_call(self.as_rows(X)[:2], given["seed"])
        return self

    def init_as(self, like: Module, X: Any, *, seed: int = 0) -> Self:
        """Like `init`, with the parameters of `like` and without calling the network."""
        if like._declared is None:  # a copy, or a network from a file
            return self.init(X, seed=seed)
        self._initialize(like._declared, like.row_shape, seed)
        return self

    @property
    def is_initialized(self) -> bool:
        """Whether this is a network with weights."""
        return self._weights is not None

    def _initialize(
        self, declared: Mapping[str, Declaration], row_shape: Shape, seed: int | None
    ) -> None:
        """Become a network with these parameters."""
        given = self._given_values()
        values = {
            path: initial_values(path, shape, init, given, seed, i).astype(self.dtype)
            for i, (path, (shape, init)) in enumerate(declared.items())
        }
        self._own(values, given, row_shape)

    def _initialize_by_call(self, X: Array, seed: int | None) -> None:
        """Call the network once on example rows; each parameter is made on first use."""
        given = self._given_values()
        made: dict[str, Tensor] = {}
        declared: dict[str, Declaration] = {}

        def declare(path: str, shape: Shape, init: Any) -> Tensor:
            if path not in made:
                declared[path] = shape, init
                values = initial_values(path, shape, init, given, seed, len(made))
                made[path] = Tensor(values.astype(self.dtype), name=path)
            return with_shape(made[path], shape)

        self._run(declare, constant(X))
        self._own({path: node.array for path, node in made.items()}, given, X.shape[1:])
        self._declared = declared

    def _own(self, values: Mapping[str, Array], given: Mapping[str, Any], row_shape: Shape) -> None:
        """Become a network with these initial values, which must include all that were given."""
        weights = Weights(values)
        for name in given:
            if name not in values:
                weights.refuse(name)
        self._weights, self.row_shape = weights, row_shape
        for _, module in self.named_modules():
            module._network = self

    def _given_values(self) -> dict[str, Any]:
        """The values that initialization keeps: of parts of other networks, and assigned ones."""
        values: dict[str, Any] = {}
        for path, part in self.named_modules():
            is_of_another = part._network is not None and part._network is not self
            kept = part.weights if is_of_another else part._given or {}
            values |= {_joined(path, name): value for name, value in kept.items()}
        return values

    # Weights --------------------------------------------------------------------------------

    @property
    def weights(self) -> Weights:
        """The parameters by name: live views into the one flat vector, `weights.flat`.

        Assigning a mapping copies its values; before initialization it sets the initial weights. A
        part shows its own parameters, which lie in the vector of the network.
        """
        network = self.network
        if network._weights is None:
            raise RecordingError(
                f"{type(self).__name__} has no weights yet, since their shapes come from the "
                "data; call net.init(X), or fit it"
            )
        if network is self:
            return network._weights
        return network._weights.renamed(self._names_in(network))

    @weights.setter
    def weights(self, given: Mapping[str, Any]) -> None:
        if self._network is None:
            self._given = dict(given)
        else:
            self.weights.update(given)

    def _names_in(self, network: Module) -> dict[str, str]:
        """This part's names of its parameters, to the network's names."""
        own, paths = {id(part): path for path, part in self.named_modules()}, {}
        for path, module in network.named_modules():
            if id(module) in own:
                paths[path] = own[id(module)]
        owners = {name: name.rpartition(".") for name in network.weights}
        return {
            _joined(paths[owner], last): name
            for name, (owner, _, last) in owners.items()
            if owner in paths
        }

    # Prediction -----------------------------------------------------------------------------

    def predict(self, X: Any, *, batch_size: int = 4096) -> Array:
        """The outputs for rows X (N, ...) as an array.

        They are computed `batch_size` rows at a time unless each depends on its own row alone. A
        part of a network, and a network with a gate that has no native code, is interpreted.
        """
        native = self.native_forward(X)
        if native is not None and native.takes_row(X):
            return native.single(X)  # some 3 us; the path below takes 10
        size: int = check("predict", {"batch_size": batch_size}, _PREDICT)["batch_size"]
        rows = self.as_rows(X)
        if native is not None and rows.shape[1:] == self.row_shape and len(rows):
            return native.in_batches(rows, size)
        return in_batches(lambda x: np.array(self(x).value), rows, size)

    def apply(
        self, weights: Mapping[str, Any], X: Any, *, training: TrainingStep | None = None
    ) -> Tensor:
        """The output for parameters given by name, as tensors or arrays.

        With `training` the call is part of a training step, in which dropout and noise act.
        """
        tensors = {
            name: value if isinstance(value, Tensor) else constant(value)
            for name, value in weights.items()
        }
        return self._run(from_tensors(tensors), X, training=training)

    def as_rows(self, X: Any) -> Array:
        """Rows as an array of the network's dtype."""
        dtype = self.network.dtype
        if dtype not in DTYPES:
            raise DtypeError(f"a network's dtype is one of {DTYPES}, but {dtype!r} was given")
        if type(X) is not np.ndarray:  # which has no mask
            refuse_masked("X", X)
        try:
            given = np.asarray(X)
            if given.dtype.kind not in "fiubO":
                raise ValueError(f"it holds {given.dtype}")
            with np.errstate(over="ignore"):  # fit reports infinite values
                array = np.asarray(given, dtype=dtype)
        except (TypeError, ValueError, OverflowError) as error:
            raise DtypeError(
                f"X must hold numbers: {error} ({calling_line()}); for a table with text or "
                "missing cells use tw.TableModel"
            ) from None
        if array.ndim < 1:
            raise ShapeError(f"X must hold rows, but is a single number ({calling_line()})")
        return array

    def native_forward(self, X: Any) -> Predictor | None:
        """The compiled forward pass; compiled again after an attribute of the network was set."""
        if self._checked_at != (_changes.count, id(self._weights)):
            latest = max(module._changed for _, module in self.named_modules())
            if self._predictor_of != (latest, id(self._weights)):
                few = np.shape(X)[:1] == (1,)
                self._predictor = predictor(self, few=few) if self._weights is not None else None
                self._predictor_of = latest, id(self._weights)
            self._checked_at = _changes.count, id(self._weights)
        return self._predictor

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name[0] != "_" and name != "weights":  # the attribute may change what a call computes
            _changes.count += 1
            object.__setattr__(self, "_changed", _changes.count)

    # Calls ----------------------------------------------------------------------------------

    def _call_from_outside(self, *inputs: Any) -> Tensor:
        """A call outside of a forward pass: the weights are variables with their current values."""
        X = [x if isinstance(x, Tensor) else self.as_rows(x) for x in inputs]
        if self._network is None and self._given:
            self._initialize_by_call(X[0].array if isinstance(X[0], Tensor) else X[0], seed=None)
        views = self.weights.items()
        tensors = {name: Tensor(np.array(view), name=name) for name, view in views}
        return self._run(from_tensors(tensors), *X)

    def _run(
        self, parameters: ParameterSource, *inputs: Any, training: TrainingStep | None = None
    ) -> Tensor:
        paths = {id(module): path for path, module in self.named_modules()}
        token = current_pass.set(ForwardPass(parameters, paths, training))
        try:
            return self(*(x if isinstance(x, Tensor) else constant(x) for x in inputs))
        finally:
            current_pass.reset(token)

    # Copies ---------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """The state that copies and pickles keep.

        It leaves out compiled code, the counts that date it (another process starts them at 0), and
        the declarations of parameters.
        """
        left_out = (*_OF_COMPILED, "_declared")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __copy__(self) -> Self:
        """A copy, shallow or deep, is a separate network, since a part belongs to one network."""
        return copy.deepcopy(self)


def _labeled(call: Callable[..., Any]) -> Callable[..., Any]:
    """A module's `__call__` that labels each node it makes with the path of its layer."""

    @functools.wraps(call)
    def labeled(self: Module, *inputs: Any) -> Any:
        forward_pass = current_pass.get()
        if forward_pass is None:
            return self._call_from_outside(*inputs)
        number = next_number()
        output = call(self, *inputs)
        if not isinstance(output, Tensor):
            raise RecordingError(
                f"{type(self).__name__}.__call__ returned {type(output).__name__}, not a tensor; "
                "compute the result from the input with gates, operators and parts"
            )
        path = forward_pass.path(self)
        for node in made_since([output], number):
            node.layer = path if node.layer is None else node.layer
        return output

    return labeled


def _modules_in(name: str, value: Any) -> Iterator[tuple[str, Module]]:
    if isinstance(value, Module):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _modules_in(f"{name}.{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _modules_in(f"{name}.{key}", item)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
