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

_FEW = 1_000  # rows, which are predicted sooner than a program for them is compiled


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Rows that training never saw: true numbers or classes (N,), and what the network predicts.

    `outputs` are numbers (N,), or the probabilities of classes (N, K); of several targets both
    are numbers (N, T). Rows count by `weights` (N,) in scores; `prior` is what a trivial predictor
    says: the training rows' means (T,), or their classes' frequencies (K,).
    """

    true: Array
    outputs: Array
    prior: Array
    weights: Array


@dataclass(frozen=True, eq=False)
class Members:
    """Networks of one structure (M of them), by their weights (M, W).

    All predict through `net`, with weights of their own, so that it is compiled only once.
    """

    net: Module
    weights: Array

    def outputs(self, member: int, target: Target, x: Array, *, often: bool = False) -> Array:
        """The predictions of a member for inputs (N, D); compiled if it is asked `often`."""
        compiles = often or len(x) > _FEW
        return target.decode(predict_with(self.net, self.weights[member], x, compiles=compiles))


@dataclass(frozen=True, eq=False)
class Unseen:
    """Rows of the table (U,), each with the index `member` of a network that never saw it, and how
    these networks encode a table and a target.
    """

    table: Table
    member: NDArray[np.intp]
    members: Members
    encoder: TableEncoder
    target: Target

    def __len__(self) -> int:
        return len(self.member)

    def take(self, rows: NDArray[np.intp]) -> Unseen:
        """These rows alone."""
        return replace(self, table=self.table.take(rows), member=self.member[rows])

    def outputs(self, x: Array) -> Array:
        """The prediction for each row, by its member, from inputs (U, D)."""
        order = np.argsort(self.member, kind="stable")
        ends = np.cumsum(np.bincount(self.member, minlength=len(self.members.weights)))[:-1]
        in_order = np.concatenate(
            [
                self.members.outputs(member, self.target, rows, often=True)
                for member, rows in enumerate(np.split(x[order], ends))
                if len(rows)
            ]
        )
        outputs = np.empty_like(in_order)
        outputs[order] = in_order
        return outputs
