"""What is raced: a net, its rows, its starting weights and its batches, the same for everyone."""

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
    """One line of the table: a net of dense layers and how it is trained, or asked."""

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
        """Steps an epoch; for a prediction, one call."""
        return 1 if self.predicts else -(-self.rows // self.batch)

    @property
    def tolerance(self) -> float:
        """How far a contestant's loss may be from the float64 reference, as a share of it."""
        return 1e-3 if self.dtype == "float32" else 1e-9

    @property
    def operations(self) -> float:
        """Additions and multiplications of a step's matrix products.

        Forward x W, then backward d W^T (not into the data) and x^T d: 2 a multiply-add.
        """
        pairs = [a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        products = sum(pairs) if self.predicts else 3 * sum(pairs) - pairs[0]
        return 2.0 * products * self.rows / self.steps


@dataclass(frozen=True)
class Problem:
    """A case with its arrays. Rows X (N, D), targets y (N,) classes or (N, K) numbers."""

    case: Case
    X: Array
    y: Array

    @cached_property
    def start(self) -> list[Array]:
        """The starting weights, [W, b, W, b ...] or [W, W ...]: W (D, H) normal, b zeros."""
        random = np.random.default_rng(1)
        found: list[Array] = []
        for fan_in, units in zip(self.case.sizes, self.case.sizes[1:], strict=False):
            weight = random.standard_normal((fan_in, units)) / np.sqrt(fan_in)
            found += [weight, np.zeros(units)] if self.case.bias else [weight]
        return [each.astype(self.case.dtype) for each in found]

    @property
    def batches(self) -> list[tuple[Array, Array]]:
        """The epoch's batches in their fixed order: nobody shuffles. The last may be short."""
        starts = range(0, len(self.X), self.case.batch)
        return [(self.X[i : i + self.case.batch], self.y[i : i + self.case.batch]) for i in starts]

    def save(self, folder: Path) -> None:
        (folder / "case.json").write_text(json.dumps(asdict(self.case)))
        np.save(folder / "X.npy", self.X)
        np.save(folder / "y.npy", self.y)


def load(folder: Path) -> Problem:
    """The problem that `save` wrote; a contestant's process reads no more than this."""
    given = json.loads((folder / "case.json").read_text())
    case = Case(**given | {"sizes": tuple(given["sizes"])})
    return Problem(case, np.load(folder / "X.npy"), np.load(folder / "y.npy"))
