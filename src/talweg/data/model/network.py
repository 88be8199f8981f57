"""The network that learns a table: its layers, and the ensemble of several networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from talweg.data.split.folds import FOLDS
from talweg.graph import Tensor
from talweg.graph.functions import concatenate
from talweg.nn import Dense, Module, Sequential
from talweg.nn.activations import ACTIVATIONS
from talweg.nn.bins import Bins
from talweg.nn.embedding import Embedding
from talweg.nn.ensemble import Ensemble
from talweg.nn.noise import Dropout
from talweg.schema import Items, Record, Tuple
from talweg.settings import Choice, Number


def embedding_size(codes: int) -> int:
    """The size of an embedding of this many codes: the fourth root, rounded up.

    Introducing TensorFlow Feature Columns, Google Developers Blog (2017).
    """
    return math.ceil(math.sqrt(math.sqrt(codes)))


class Embedded(Module):
    """Inputs (N, D) without those that are codes, followed by the embedding of each code.

    `codes` maps the index of each input that is a code to the number of codes and the size of their
    embedding. Embeddings start at 0, so a level that does not occur in training adds nothing, and a
    rare one little.
    """

    def __init__(self, codes: Mapping[int, tuple[int, int]]) -> None:
        self.codes = dict(codes)
        self.levels = [Embedding(count, size, init="zeros") for count, size in codes.values()]

    def __call__(self, x: Tensor) -> Tensor:
        starts, ends = [0, *(column + 1 for column in self.codes)], [*self.codes, x.shape[1]]
        spans = zip(starts, ends, strict=True)
        plain = [x[:, start:end] for start, end in spans if start < end]
        pairs = zip(self.codes, self.levels, strict=True)
        embedded = [embedding(x[:, column]) for column, embedding in pairs]
        row: Tensor = concatenate([*plain, *embedded], axis=1)
        return row

    def __repr__(self) -> str:
        return f"Embedded({', '.join(map(repr, self.levels))})"


_PLACE, _SIZE = Number(at_least=0, whole=True), Number(at_least=1, whole=True)
_EDGES = Items(Number(), at_least=2)
_COLUMN_OF_BINS = Tuple((_PLACE, _EDGES, Items(Number())))
_BINS = Record({"scale": Number(above=0), "columns": Items(_COLUMN_OF_BINS, at_least=1)})


@dataclass(frozen=True, eq=False)
class Blueprint:
    """Everything that determines the layers of a network with these numbers of inputs and outputs.

    `embeddings` maps the index of an input that is a code to the number of codes and the size.
    """

    record: ClassVar = Record(
        {
            "hidden": Items(_SIZE),
            "activation": Choice(tuple(ACTIVATIONS)),
            "dropout": Number(at_least=0, below=1),
            "members": Number(at_least=1, at_most=FOLDS, whole=True),
        },
        optional={"bins": _BINS, "embeddings": Items(Tuple((_PLACE, _SIZE, _SIZE)))},
    )

    inputs: int
    outputs: int
    hidden: tuple[int, ...]
    activation: str
    dropout: float
    bins: Bins | None
    embeddings: Mapping[int, tuple[int, int]]
    members: int
    is_logits: bool

    def net(self) -> Sequential:
        """One member: bins, embeddings, hidden layers, and an output for each number or class."""
        layers = self._before()
        for units in self.hidden:
            layers.append(Dense(units, self.activation))
            layers += [Dropout(self.dropout)] if self.dropout else []
        return Sequential(*layers, Dense(self.outputs))

    def whole(self) -> Module:
        """All members as one network, with weights to be overwritten."""
        if self.members == 1:
            return self.one()
        return self._whole(self.one())

    def _whole(self, like: Module) -> Module:
        """All members, with parameters shaped like those of `like`, so that none has to be run."""
        nets = [self.net() for _ in range(self.members)]
        whole = Ensemble(*nets, logits=self.is_logits)
        return whole.init_as(like, np.zeros((1, self.inputs)))

    def one(self) -> Module:
        """A single member, with weights to be overwritten."""
        return self.net().init(np.zeros((1, self.inputs)))

    def of(self, nets: Sequence[Module]) -> Module:
        """One network with the weights of these members; a single member is returned itself."""
        if len(nets) == 1:
            return nets[0]
        whole = self._whole(nets[0])
        whole.weights.flat[:] = np.concatenate([net.weights.flat for net in nets])
        return whole

    @property
    def size(self) -> int:
        """The number of weights of all members."""
        learned = [count * size for count, size in self.embeddings.values()]
        more = sum(size - 1 for _, size in self.embeddings.values())
        first = self.inputs + (self.bins.width if self.bins else 0) + more
        sizes = [first, *self.hidden, self.outputs]
        dense = [(before + 1) * units for before, units in pairwise(sizes)]
        return self.members * sum([*learned, *dense])

    def first_weight(self, net: Module) -> Any:
        """A live view of the weights (D + bins + embeddings, H) of the first hidden layer.

        D counts the inputs that are not codes.
        """
        return net.weights[f"{len(self._before())}.weight"]

    def to_json(self) -> dict[str, Any]:
        bins = self.bins
        record: dict[str, Any] = {
            "hidden": list(self.hidden),
            "activation": self.activation,
            "dropout": self.dropout,
            "members": self.members,
        }
        if bins is not None:
            record["bins"] = {
                "scale": bins.scale,
                "columns": [
                    [column, edges.tolist(), bins.means[column].tolist()]
                    for column, edges in bins.edges.items()
                ],
            }
        if self.embeddings:
            record["embeddings"] = [[at, *sizes] for at, sizes in self.embeddings.items()]
        return record

    @staticmethod
    def from_json(record: dict[str, Any], inputs: int, outputs: int, is_logits: bool) -> Blueprint:
        bins = None
        if bins_record := record.get("bins"):
            columns = bins_record["columns"]
            edges, means = ({column[0]: column[i] for column in columns} for i in (1, 2))
            bins = Bins(edges, means, scale=bins_record["scale"])
        return Blueprint(
            inputs=inputs,
            outputs=outputs,
            hidden=tuple(record["hidden"]),
            activation=record["activation"],
            dropout=record["dropout"],
            bins=bins,
            embeddings={at: (count, size) for at, count, size in record.get("embeddings", [])},
            members=record["members"],
            is_logits=is_logits,
        )

    def _before(self) -> list[Module]:
        """The layers before the hidden ones."""
        bins, layers = self.bins, list[Module]()
        if bins is not None:
            layers.append(Bins(bins.edges, bins.means, scale=bins.scale))
        if self.embeddings:
            layers.append(Embedded(self.embeddings))
        return layers
