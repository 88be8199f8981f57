"""The groups that a sampler chooses among, and what it learns of them, recorded with each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.engine.run.program import Rows
from talweg.errors import SettingError, ShapeError
from talweg.gates import Array, Spec
from talweg.graph import Tensor, run_input
from talweg.graph.functions import cast
from talweg.lazy import cached_property
from talweg.nn import Loss
from talweg.nn.forward_pass import TrainingStep
from talweg.optim.adaptive_sampling import AdaptiveSampling

PREFIX = "sampling."
"""How the names begin of what a sampler remembers, and of its settings."""
SQUARE = "sampling/squared_norm"
SHARES = "sampling/shares"
"""What is watched: the mean of |d|^2 over an epoch's steps, and at its end how often groups are
drawn, (epochs, K)."""


@dataclass(frozen=True, eq=False)
class Groups:
    """A sampler, and the group 0..K-1 that each of the training rows is in (N)."""

    sampler: AdaptiveSampling
    places: Array

    @cached_property
    def sizes(self) -> Array:
        """The rows of each group, (K)."""
        return np.bincount(self.places)

    @cached_property
    def shares(self) -> Array:
        """p (K): the share of the rows that each group has."""
        return self.sizes / len(self.places)

    @cached_property
    def rows(self) -> Array:
        """All rows, group after group."""
        return np.argsort(self.places, kind="stable")

    @cached_property
    def starts(self) -> Array:
        """Where in `rows` each group begins."""
        return np.cumsum(self.sizes) - self.sizes

    def draw(self, shares: Array, luck: Array) -> tuple[Array, Array, Array]:
        """Rows, their groups and p / q, (B) each, from numbers (2, B) between 0 and 1.

        A group by the first, and in it each row alike by the second.
        """
        reach = shares.cumsum()
        found = np.minimum(reach.searchsorted(luck[0] * reach[-1], "right"), len(reach) - 1)
        inside = (luck[1] * self.sizes[found]).astype(np.intp)
        return self.rows[self.starts[found] + inside], found, self.shares[found] / shares[found]

    # Recorded with a step

    def first_state(self) -> dict[str, Any]:
        return _prefixed(self.sampler.init(self.shares))

    def settings(self) -> dict[str, float]:
        return _prefixed(self.sampler.run_settings())

    def drawn(self, count: int) -> Tensor:
        """The input for the groups of a batch."""
        return run_input(Spec((count,), np.dtype(np.int64)), "groups")

    def updated(
        self,
        settings: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        drawn: Tensor,
        products: Tensor,
    ) -> dict[str, Tensor]:
        """What the sampler remembers after a step."""
        sampler = self.sampler.with_tensors(_own(settings))
        return _prefixed(sampler.update(_own(state), drawn, cast(products, "float64")))


def _prefixed(found: Mapping[str, Any]) -> dict[str, Any]:
    return {PREFIX + name: each for name, each in found.items()}


def _own(found: Mapping[str, Any]) -> dict[str, Any]:
    return {n.removeprefix(PREFIX): x for n, x in found.items() if n.startswith(PREFIX)}


def groups_of(sampler: Any, rows: Rows, loss: Loss) -> Groups | None:
    """The groups of the training rows that a sampler chooses among; None without a sampler."""
    if sampler is None:
        return None
    if not isinstance(sampler, AdaptiveSampling):
        raise SettingError(
            f"fit: sampler must be tw.AdaptiveSampling(...) or None, but {sampler!r} was given"
        )
    if isinstance(sampler.strata, str):
        labels = np.arange(len(rows)) if sampler.strata == "rows" else _classes(rows, loss)
    else:
        labels = _given(sampler.strata, len(rows))
    return Groups(sampler, np.unique(labels, return_inverse=True)[1])


def refuse_assigned(training: TrainingStep) -> None:
    """Where rows of a batch meet in training alone, none may weigh more for being rare."""
    if training.assigned:
        raise SettingError(
            "fit: the net learns from the rows of a batch together (BatchNorm; LayerNorm does "
            "not), so they cannot be weighed by how rarely they are drawn; leave the sampler out"
        )


def _classes(rows: Rows, loss: Loss) -> Array:
    """The class of each row; of probabilities, the likeliest."""
    if loss.target_kind == "numbers":
        raise SettingError(
            f"fit: a sampler over classes needs a loss that has them, such as cross_entropy, not "
            f"{loss.name}; give an array with the group of each row"
        )
    if loss.target_kind == "binary" and rows.y.size != len(rows):
        raise SettingError(
            "fit: a sampler over classes: a row with several bits has no one class; give an array "
            "with the group of each row"
        )
    if loss.target_kind == "binary":
        return rows.y.reshape(-1) > 0.5
    return rows.y if rows.y.ndim == 1 else rows.y.argmax(axis=1)


def _given(labels: Sequence[Any], count: int) -> Array:
    found = np.asarray(labels)
    if len(found) != count:
        raise ShapeError(
            f"fit: a sampler over {len(found)} given groups, but there are {count} rows to train "
            "on (rows of weight 0 and those held out do not count; give validation as (X, y))"
        )
    return found
