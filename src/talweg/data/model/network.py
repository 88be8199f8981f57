"""The network that learns a table: of which layers, and of how many members."""

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
    """How many numbers are learnt for each of so many codes: their fourth root, rounded up.

    Introducing TensorFlow Feature Columns, Google Developers Blog (2017).
    """
    return math.ceil(math.sqrt(math.sqrt(codes)))


class Embedded(Module):
    """Inputs (N, D) without those that are codes, and behind them what is learnt for each code.

    `codes` are the places of codes among the inputs, with how many there are and of what size
    their embeddings. These start at 0: a level that training never meets adds nothing, and a rare
    one little.
    """

    def __init__(self, codes: Mapping[int, tuple[int, int]]) -> None:
        self.codes = dict(codes)
        self.levels = [Embedding(count, size, init="zeros") for count, size in codes.values()]

    def __call__(self, x: Tensor) -> Tensor:
        starts, ends = [0, *(place + 1 for place in self.codes)], [*self.codes, x.shape[1]]
        spans = zip(starts, ends, strict=True)
        plain = [x[:, start:end] for start, end in spans if start < end]
        pairs = zip(self.codes, self.levels, strict=True)
        learnt = [embedding(x[:, place]) for place, embedding in pairs]
        row: Tensor = concatenate([*plain, *learnt], axis=1)
        return row

    def __repr__(self) -> str:
        return f"Embedded({', '.join(map(repr, self.levels))})"


_PLACE, _SIZE = Number(at_least=0, whole=True), Number(at_least=1, whole=True)
_EDGES = Items(Number(), at_least=2)
_COLUMN_OF_BINS = Tuple((_PLACE, _EDGES, Items(Number())))
_BINS = Record({"scale": Number(above=0), "columns": Items(_COLUMN_OF_BINS, at_least=1)})


@dataclass(frozen=True, eq=False)
class Blueprint:
    """What decides the shape of a network for `inputs` inputs and `outputs` outputs.

    `embeddings` are the places of inputs that are codes, with their count and their size.
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
        """One member: bins, embeddings, hidden layers, and an output a number or a class."""
        layers = self._before()
        for units in self.hidden:
            layers.append(Dense(units, self.activation))
            layers += [Dropout(self.dropout)] if self.dropout else []
        return Sequential(*layers, Dense(self.outputs))

    def whole(self) -> Module:
        """All members as one, with weights of no meaning."""
        if self.members == 1:
            return self.one()
        return self._whole(self.one())

    def _whole(self, like: Module) -> Module:
        """All members, each with weights as those of `like`, which need not be found anew."""
        nets = [self.net() for _ in range(self.members)]
        whole = Ensemble(*nets, logits=self.is_logits)
        return whole.init_as(like, np.zeros((1, self.inputs)))

    def one(self) -> Module:
        """A single member, with weights of no meaning."""
        return self.net().init(np.zeros((1, self.inputs)))

    def of(self, nets: Sequence[Module]) -> Module:
        """The members' weights as one network; those of a single member are shared."""
        if len(nets) == 1:
            return nets[0]
        whole = self._whole(nets[0])
        whole.weights.flat[:] = np.concatenate([each.weights.flat for each in nets])
        return whole

    @property
    def size(self) -> int:
        """How many weights all members have."""
        learnt = [count * size for count, size in self.embeddings.values()]
        more = sum(size - 1 for _, size in self.embeddings.values())
        first = self.inputs + (self.bins.width if self.bins else 0) + more
        sizes = [first, *self.hidden, self.outputs]
        dense = [(before + 1) * units for before, units in pairwise(sizes)]
        return self.members * sum([*learnt, *dense])

    def first_weight(self, net: Module) -> Any:
        """The live weights (D + bins + embeddings, H) of the first hidden layer; D counts inputs
        that are no codes.
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
            record["embeddings"] = [[at, *each] for at, each in self.embeddings.items()]
        return record

    @staticmethod
    def from_json(record: dict[str, Any], inputs: int, outputs: int, is_logits: bool) -> Blueprint:
        bins = None
        if found := record.get("bins"):
            columns = found["columns"]
            edges, means = ({each[0]: each[i] for each in columns} for i in (1, 2))
            bins = Bins(edges, means, scale=found["scale"])
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
        """What inputs go through before they meet the hidden layers."""
        bins, found = self.bins, list[Module]()
        if bins is not None:
            found.append(Bins(bins.edges, bins.means, scale=bins.scale))
        if self.embeddings:
            found.append(Embedded(self.embeddings))
        return found
