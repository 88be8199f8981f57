"""Benchmark problems: a network, its rows, initial weights and batches, the same for everyone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """One row of the table: a network of dense layers, and how it trains or predicts."""

    name: str
    title: str
    data: str
    rows: int
    sizes: tuple[int, ...]
    batch: int
    rule: str = "adam"
    lr: float = 0.001
    hidden: str = "relu"
    output: str = "identity"
    loss: str = "cross_entropy"
    bias: bool = True
    dtype: str = "float32"
    check_epochs: int = 1
    predicts: bool = False

    @property
    def steps(self) -> int:
        """Steps per epoch; for a prediction, one call."""
        return 1 if self.predicts else -(-self.rows // self.batch)

    @property
    def tolerance(self) -> float:
        """The allowed relative difference of a contestant's loss from the float64 reference."""
        return 1e-3 if self.dtype == "float32" else 1e-9

    @property
    def operations(self) -> float:
        """Additions and multiplications of one step's matrix products.

        Forward x W, backward d W^T (except for the first layer) and x^T d; 2 per multiply-add.
        """
        pairs = [a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        products = sum(pairs) if self.predicts else 3 * sum(pairs) - pairs[0]
        return 2.0 * products * self.rows / self.steps


@dataclass(frozen=True)
class Problem:
    """A case with its arrays: rows X (N, D), targets y as classes (N,) or numbers (N, K)."""

    case: Case
    X: Array
    y: Array

    @cached_property
    def start(self) -> list[Array]:
        """The initial weights, [W, b, W, b ...] or [W, W ...]: W (D, H) normal, b zero."""
        random = np.random.default_rng(1)
        weights: list[Array] = []
        for fan_in, units in zip(self.case.sizes, self.case.sizes[1:], strict=False):
            weight = random.standard_normal((fan_in, units)) / np.sqrt(fan_in)
            weights += [weight, np.zeros(units)] if self.case.bias else [weight]
        return [array.astype(self.case.dtype) for array in weights]

    @property
    def batches(self) -> list[tuple[Array, Array]]:
        """The batches of an epoch, in fixed order without shuffling; the last may be shorter."""
        starts = range(0, len(self.X), self.case.batch)
        return [(self.X[i : i + self.case.batch], self.y[i : i + self.case.batch]) for i in starts]

    def save(self, folder: Path) -> None:
        (folder / "case.json").write_text(json.dumps(asdict(self.case)))
        np.save(folder / "X.npy", self.X)
        np.save(folder / "y.npy", self.y)


def load(folder: Path) -> Problem:
    """Read the problem that `save` wrote."""
    given = json.loads((folder / "case.json").read_text())
    case = Case(**given | {"sizes": tuple(given["sizes"])})
    return Problem(case, np.load(folder / "X.npy"), np.load(folder / "y.npy"))
