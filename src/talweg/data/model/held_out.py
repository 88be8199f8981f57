"""Rows that training never saw, and the networks that predict them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.table import Table
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.model.targets.base import Target
from talweg.nn import Module
from talweg.nn.predictor import predict_with

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Rows that training never saw: true numbers or classes (N,), and predictions for them.

    `outputs` are numbers (N,), or the probabilities of classes (N, K); for several targets both
    are numbers (N, T). `weights` (N,) are the row weights in scores. `prior` is the prediction of
    the trivial predictor: the means (T,) or the class frequencies (K,) of the training rows.
    """

    true: Array
    outputs: Array
    prior: Array
    weights: Array


@dataclass(frozen=True, eq=False)
class Members:
    """M networks of one structure, or M means of several, given by their weights (M, W).

    All networks predict through `net` with their own weights, so that it is compiled only once.
    """

    net: Module
    weights: Array

    def outputs(self, member: int, target: Target, x: Array) -> Array:
        """The predictions of a member for inputs (N, D)."""
        nets = self.weights[member].reshape(-1, self.net.weights.flat.size)
        return target.decode_mean([predict_with(self.net, weights, x) for weights in nets])


@dataclass(frozen=True, eq=False)
class Unseen:
    """Rows of the table (U,), each with the index `member` of a network that never saw it, and the
    encoder and the target of these networks.
    """

    table: Table
    member: NDArray[np.intp]
    members: Members
    encoder: TableEncoder
    target: Target

    def __len__(self) -> int:
        return len(self.member)

    def take(self, rows: NDArray[np.intp]) -> Unseen:
        """Only these rows."""
        return replace(self, table=self.table.take(rows), member=self.member[rows])

    def outputs(self, x: Array) -> Array:
        """The prediction for each row, by its member, from inputs (U, D)."""
        order = np.argsort(self.member, kind="stable")
        ends = np.cumsum(np.bincount(self.member, minlength=len(self.members.weights)))[:-1]
        in_order = np.concatenate(
            [
                self.members.outputs(member, self.target, rows)
                for member, rows in enumerate(np.split(x[order], ends))
                if len(rows)
            ]
        )
        outputs = np.empty_like(in_order)
        outputs[order] = in_order
        return outputs
