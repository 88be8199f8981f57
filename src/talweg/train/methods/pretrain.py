"""Layer-wise pretraining: each hidden layer learns from rows alone before the net has a target."""

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
from talweg.settings import plain
from talweg.train.run.fit import fit
from talweg.train.run.run import Run
from talweg.train.run.stopping import Stop


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
    """Train the dense layers of `net` one after another to stand for rows X (N, D), in place.

    Each learns, beside units of its own for its inputs, from what the layers below make of X.
    Then the net is ready for `tw.fit`, and all its layers learn. Restricted Boltzmann machines make
    a deep belief net (Hinton, Osindero & Teh 2006), autoencoders a stacked autoencoder (Vincent et
    al., Stacked denoising autoencoders, 2010).

    Args:
        method: `tw.RBM()`, as None, or `tw.DenoisingAutoencoder()`, with no units of their own.
        layers: positions of the layers to train; None for all dense ones but the net's last.
        optimizer: as for `tw.fit`; like `method` and `epochs`, one for all layers or a list.
        seed: of the net's starting weights, if it has none yet, and of each layer's training.

    The other settings are those of `tw.fit`. Raises a TalwegError for layers and rows that do not
    fit the method, and then leaves the net as it was.

    >>> X = np.random.default_rng(0).integers(0, 2, (50, 1)) * np.ones((50, 6))
    >>> net = tw.Sequential(tw.Dense(4, "sigmoid"), tw.Dense(2, "sigmoid"), tw.Dense(1))
    >>> found = pretrain(net, X, optimizer=tw.SGD(lr=0.5), epochs=20)
    >>> [len(run.history["loss"]) for run in found.runs]
    [20, 20]
    """
    _refuse_other(net)
    places = _places(net, layers)
    lists = {"method": method or RBM(), "optimizer": optimizer, "epochs": epochs}
    methods, rules, lengths = (_one_each(name, each, places) for name, each in lists.items())
    pairs = {at: _pair(each, net.layers[at]) for at, each in zip(places, methods, strict=True)}
    shared = {"batch_size": batch_size, "stop": stop, "watch": watch, "seed": seed}
    shared |= {"threads": threads, "engine": engine, "progress": progress}
    settings = {
        at: {**shared, "optimizer": rule, "epochs": length}
        for at, rule, length in zip(places, rules, lengths, strict=True)
    }
    with training_lock(net):
        rows = net.as_rows(X)
        if not net.is_initialized:
            net.init(rows, seed=seed)
        runs = tuple(_trained(net, pairs, settings, rows))
    return Pretraining(net, tuple(places[: len(runs)]), runs)


@dataclass(frozen=True)
class Pretraining:
    """What `pretrain` did: the net, which layers it trained, and the run of each.

    The net of a run is the layer with the units that it learnt beside: an `RBM` or
    a `DenoisingAutoencoder`, trained.
    """

    net: Sequential
    layers: tuple[int, ...]
    runs: tuple[Run, ...]

    @property
    def seconds(self) -> float:
        """What training and compiling took, all runs together."""
        return sum(run.seconds + run.compile_seconds for run in self.runs)

    def unfold(self) -> Sequential:
        """An autoencoder: the layers of the net, and those that lead back from them to its inputs.

        Those start with the transposed weights, and all can learn by `tw.fit(autoencoder, X, X)`.
        The parts of the net become parts of it, with weights of their own: the code of trained
        layers is `tw.Sequential(*autoencoder.layers[:n]).init(X).predict(X)`.
        """
        if self.layers != tuple(range(len(self.net.layers))):
            raise SettingError(
                f"unfold: all {len(self.net.layers)} layers of the net must lie between its inputs "
                f"and the code, and be pretrained, but only {list(self.layers)} are; give pretrain "
                "a net that ends in the code, and layers=range(...) with the last"
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
            f"layer {place}, {run.net!r}: {run}"
            for place, run in zip(self.layers, self.runs, strict=True)
        )


def _trained(
    net: Sequential,
    pairs: Mapping[int, ReconstructionModel],
    settings: Mapping[int, Mapping[str, Any]],
    rows: Array,
) -> Iterator[Run]:
    """Each layer trained in turn; one that was interrupted or diverged is the last."""
    for place, layer in enumerate(net.layers[: max(pairs) + 1]):
        if place in pairs:
            below = net.layers[place - 1] if place else None
            kind = below.activation.name if isinstance(below, Dense) else None
            pair = pairs[place].start_from(_weights_at(net, place), rows, kind)
            run = fit(pair, rows, rows, loss=pair.loss, **settings[place])
            for name, view in _weights_at(net, place).items():
                view[...] = pair.weights[name]
            yield run
            if run.stopped_by in ("interrupted", "non_finite"):
                return
        if place < max(pairs):
            rows = _seen_by(layer, _weights_at(net, place), rows)


def _weights_at(net: Sequential, place: int) -> dict[str, Array]:
    """The weights of a layer, as views; by the names in the net, since an autoencoder that it was
    unfolded into may have the layer as a part now.
    """
    start = f"{place}."
    return {
        name.removeprefix(start): view
        for name, view in net.weights.items()
        if name.startswith(start)
    }


def _seen_by(layer: Any, weights: Mapping[str, Array], rows: Array) -> Array:
    """What a layer makes of rows, computed by a net of its own, which is compiled."""
    if not isinstance(layer, Module):
        return np.asarray(layer(rows))
    alone = copy.deepcopy(layer, {id(layer.network): None})  # the layer, but not its network
    net = Sequential(alone, dtype=rows.dtype.name)
    net.weights = {f"0.{name}": values for name, values in weights.items()}
    return net.init(rows[:1]).predict(rows)


def _places(net: Sequential, given: int | Sequence[int] | None) -> list[int]:
    """The layers to train, which are dense, each with its activation in it."""
    dense = [place for place, layer in enumerate(net.layers) if isinstance(layer, Dense)]
    given = plain(given)
    wanted = [given] if isinstance(given, int) else given
    places = dense[:-1] if wanted is None else sorted(set(wanted))
    if not places:
        raise SettingError(
            f"pretrain: {net!r} has no hidden dense layer; layers=[0] trains its first"
        )
    for place in places:
        if place not in dense:
            raise SettingError(
                f"pretrain: layers are positions of dense ones, {dense}, not {place!r}"
            )
        after = net.layers[place + 1] if place + 1 < len(net.layers) else None
        if after is not None and not isinstance(after, Module):
            raise SettingError(
                f"pretrain: layer {place} has its activation behind it; write it into the layer, "
                f'as in tw.Dense({net.layers[place].units}, "sigmoid")'
            )
    return places


def _pair(method: Any, layer: Dense) -> ReconstructionModel:
    if not isinstance(method, ReconstructionModel):
        raise SettingError(
            f"pretrain: method must be tw.RBM() or tw.DenoisingAutoencoder(), not {method!r}"
        )
    return method.for_layer(layer)


def _one_each(name: str, given: Any, places: Sequence[int]) -> list[Any]:
    """A setting for each layer: the same, or one of a list."""
    if not isinstance(given, list | tuple):
        return [given] * len(places)
    if len(given) != len(places):
        raise SettingError(
            f"pretrain: {name} has {len(given)} entries for {len(places)} layers, {list(places)}"
        )
    return list(given)


def _refuse_other(net: Any) -> None:
    if not isinstance(net, Sequential) or net.network is not net:
        raise SettingError(
            f"pretrain: net must be a tw.Sequential, and no part of another net, not {net!r}"
        )
