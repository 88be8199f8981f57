"""The network that learns a table: of which layers, and of how many members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from talweg.nn import Dense, Module, Sequential
from talweg.nn.bins import Bins
from talweg.nn.disturbed import Dropout
from talweg.nn.ensemble import Ensemble


@dataclass(frozen=True, eq=False)
class Blueprint:
    """What decides the shape of a network for `inputs` inputs and `outputs` outputs."""

    inputs: int
    outputs: int
    hidden: tuple[int, ...]
    activation: str
    dropout: float
    bins: Bins | None
    members: int
    is_logits: bool

    def net(self) -> Sequential:
        """One member: bins, hidden layers, and one output for a number or one a class."""
        layers: list[Module] = [] if self.bins is None else [self._bins(self.bins)]
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
        first = self.inputs + (self.bins.width if self.bins else 0)
        sizes = [first, *self.hidden, self.outputs]
        return self.members * sum((before + 1) * units for before, units in pairwise(sizes))

    def first_weight(self, net: Module) -> Any:
        """The live weights (D + bins, H) that meet the inputs first."""
        return next(net.weights[name] for name in net.weights if name.endswith("weight"))

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
            members=record["members"],
            is_logits=is_logits,
        )

    @staticmethod
    def _bins(bins: Bins) -> Bins:
        return Bins(bins.edges, bins.means, scale=bins.scale)
