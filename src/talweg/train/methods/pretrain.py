"""Layer-wise pretraining: hidden layers learn from inputs alone, before the network has targets."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.errors import SettingError
from talweg.gates import Array
from talweg.nn import Dense, Module, Sequential
from talweg.nn.rbm import RBM
from talweg.nn.reconstruction import ReconstructionModel
from talweg.nn.training_lock import training_lock
from talweg.optim import Optimizer
from talweg.settings import names_known, plain
from talweg.train.run.fit import fit
from talweg.train.run.run import Run
from talweg.train.run.stopping import Stop


@names_known()
def pretrain(
    net: Sequential,
    X: Any,
    *,
    method: ReconstructionModel | Sequence[ReconstructionModel] | None = None,
    layers: int | Sequence[int] | None = None,
    optimizer: str | Optimizer | Sequence[str | Optimizer] = "adam",
    epochs: int | Sequence[int] = 10,
    batch_size: int = 100,
    stop: Stop | Sequence[Stop] | None = None,
    watch: Any = None,
    seed: int = 0,
    threads: int | None = None,
    engine: str | None = None,
    progress: bool | None = None,
) -> Pretraining:
    """Pretrain the dense layers of `net` one after another on rows X (N, D), in place.

    Each layer learns to reconstruct its input, which is the output of the layers below for X. Then
    `tw.fit` trains all layers together. Restricted Boltzmann machines give a deep belief network
    (Hinton, Osindero & Teh 2006), autoencoders a stacked autoencoder (Vincent et al., Stacked
    denoising autoencoders, 2010).

    Args:
        method: `tw.RBM()`, the default, or `tw.DenoisingAutoencoder()`, without units.
        layers: indices of the layers to train; by default all dense layers except the last layer.
        optimizer: as in `tw.fit`. `optimizer`, `method` and `epochs` may each be a list, with one
        entry per layer.
        seed: for the initial weights, if the network has none, and for the training of each layer.

    The other arguments are those of `tw.fit`. Raises a TalwegError for layers or rows that do not
    fit the method, and then leaves the network unchanged.

    >>> X = np.random.default_rng(0).integers(0, 2, (50, 1)) * np.ones((50, 6))
    >>> net = tw.Sequential(tw.Dense(4, "sigmoid"), tw.Dense(2, "sigmoid"), tw.Dense(1))
    >>> result = pretrain(net, X, optimizer=tw.SGD(lr=0.5), epochs=20)
    >>> [len(run.history["loss"]) for run in result.runs]
    [20, 20]
    """
    _refuse_other(net)
    indices = _indices(net, layers)
    lists = {"method": method or RBM(), "optimizer": optimizer, "epochs": epochs}
    methods, rules, lengths = (_one_each(name, value, indices) for name, value in lists.items())
    pairs = {at: _pair(model, net.layers[at]) for at, model in zip(indices, methods, strict=True)}
    shared = {"batch_size": batch_size, "stop": stop, "watch": watch, "seed": seed}
    shared |= {"threads": threads, "engine": engine, "progress": progress}
    settings = {
        at: {**shared, "optimizer": rule, "epochs": length}
        for at, rule, length in zip(indices, rules, lengths, strict=True)
    }
    with training_lock(net):
        rows = net.as_rows(X)
        if not net.is_initialized:
            net.init(rows, seed=seed)
        runs = tuple(_trained(net, pairs, settings, rows))
    return Pretraining(net, tuple(indices[: len(runs)]), runs)


@dataclass(frozen=True)
class Pretraining:
    """The result of `pretrain`: the network, the indices of the trained layers, and their runs.

    The network of each run is the `RBM` or `DenoisingAutoencoder` that was trained.
    """

    net: Sequential
    layers: tuple[int, ...]
    runs: tuple[Run, ...]

    @property
    def seconds(self) -> float:
        """The time of training and compiling, for all runs together."""
        return sum(run.seconds + run.compile_seconds for run in self.runs)

    def unfold(self) -> Sequential:
        """An autoencoder: the layers of the network, followed by their mirror images.

        The decoder starts with the transposed weights, and `tw.fit(autoencoder, X, X)` trains all
        layers. The layers become parts of the autoencoder, and the network keeps a copy of its
        weights. The code is then `tw.Sequential(*autoencoder.layers[:n]).init(X).predict(X)`.
        """
        if self.layers != tuple(range(len(self.net.layers))):
            raise SettingError(
                f"unfold: all {len(self.net.layers)} layers of the network must be pretrained, "
                f"but only {list(self.layers)} are; give pretrain an encoder that ends in the "
                "code layer, and all its positions as layers=range(...)"
            )
        back = [
            run.net.decoder()
            for run in reversed(self.runs)
            if isinstance(run.net, ReconstructionModel)
        ]
        whole = Sequential(*self.net.layers, *back, dtype=self.net.dtype)
        return whole.init(np.zeros((1, *self.net.row_shape)))

    def __str__(self) -> str:
        return "\n".join(
            f"layer {index}, {run.net!r}: {run}"
            for index, run in zip(self.layers, self.runs, strict=True)
        )


def _trained(
    net: Sequential,
    pairs: Mapping[int, ReconstructionModel],
    settings: Mapping[int, Mapping[str, Any]],
    rows: Array,
) -> Iterator[Run]:
    """Train each layer in turn, up to one that was interrupted or became non-finite."""
    for index, layer in enumerate(net.layers[: max(pairs) + 1]):
        if index in pairs:
            below = net.layers[index - 1] if index else None
            kind = below.activation.name if isinstance(below, Dense) else None
            pair = pairs[index].start_from(_weights_at(net, index), rows, kind)
            run = fit(pair, rows, rows, loss=pair.loss, **settings[index])
            for name, view in _weights_at(net, index).items():
                view[...] = pair.weights[name]
            yield run
            if run.stopped_by in ("interrupted", "non_finite"):
                return
        if index < max(pairs):
            rows = _output_of(layer, _weights_at(net, index), rows)


def _weights_at(net: Sequential, index: int) -> dict[str, Array]:
    """The weights of a layer as views, by their names in the net: the layer itself may belong to an
    unfolded autoencoder.
    """
    start = f"{index}."
    return {
        name.removeprefix(start): view
        for name, view in net.weights.items()
        if name.startswith(start)
    }


def _output_of(layer: Any, weights: Mapping[str, Array], rows: Array) -> Array:
    """The output of a layer for rows, computed by a compiled network of that layer alone."""
    if not isinstance(layer, Module):
        return np.asarray(layer(rows))
    alone = copy.deepcopy(layer, {id(layer.network): None})  # the layer, but not its network
    net = Sequential(alone, dtype=rows.dtype.name)
    net.weights = {f"0.{name}": values for name, values in weights.items()}
    return net.init(rows[:1]).predict(rows)


def _indices(net: Sequential, given: int | Sequence[int] | None) -> list[int]:
    """The indices of the layers to train: dense layers that contain their activation."""
    dense = [index for index, layer in enumerate(net.layers) if isinstance(layer, Dense)]
    given = plain(given)
    wanted = [given] if isinstance(given, int) else given
    indices = dense[:-1] if wanted is None else sorted(set(wanted))
    if not indices:
        raise SettingError(
            f"pretrain: {net!r} has no hidden dense layer; layers=[0] trains its first"
        )
    for index in indices:
        if index not in dense:
            raise SettingError(
                f"pretrain: layers must be positions of dense layers, {dense}, not {index!r}"
            )
        after = net.layers[index + 1] if index + 1 < len(net.layers) else None
        if after is not None and not isinstance(after, Module):
            raise SettingError(
                f"pretrain: layer {index} has its activation behind it; write it into the layer, "
                f'as in tw.Dense({net.layers[index].units}, "sigmoid")'
            )
    return indices


def _pair(method: Any, layer: Dense) -> ReconstructionModel:
    if not isinstance(method, ReconstructionModel):
        raise SettingError(
            f"pretrain: method must be tw.RBM() or tw.DenoisingAutoencoder(), not {method!r}"
        )
    return method.for_layer(layer)


def _one_each(name: str, given: Any, indices: Sequence[int]) -> list[Any]:
    """A setting for each layer: one for all, or one of a list."""
    if not isinstance(given, list | tuple):
        return [given] * len(indices)
    if len(given) != len(indices):
        raise SettingError(
            f"pretrain: {name} has {len(given)} entries for {len(indices)} layers, {list(indices)}"
        )
    return list(given)


def _refuse_other(net: Any) -> None:
    if not isinstance(net, Sequential) or net.network is not net:
        raise SettingError(
            "pretrain: net must be a tw.Sequential that is not part of another network, "
            f"not {net!r}"
        )
