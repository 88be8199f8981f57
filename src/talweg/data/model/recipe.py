"""The defaults of a table's model, which follow from the size of the table.

They were chosen on seven tables (california-housing, abalone, pima, titanic, wine, iris, adult) and
confirmed on six others; docs/tables.md has the figures. The ingredients are those of RealMLP
(Holzmueller et al., Better by default, 2024: inputs softly clipped, a schedule, the best epoch
kept), bins (Gorishniy et al., On embeddings for numerical features, 2022) and ensembles (Hansen &
Salamon, 1990).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from talweg.data.split.folds import FOLDS
from talweg.optim import FullBatch, Optimizer, as_optimizer
from talweg.optim.adam import AdamW
from talweg.optim.schedules import CosineDecay

_LR = 4e-3
_STEPS = 2_000  # of one network, unless that makes too few or too many epochs
_FEWEST_EPOCHS, _MOST_EPOCHS = 40, 100
_LARGE = 50_000  # training rows; with more, fewer epochs are enough
_MOST_BYTES = (64 << 20, 256 << 20)  # of encoded rows, for eight networks and for four
BINS, FEWEST_BINS = 48, 16  # per column; fewer if there are many columns
_FEW = 2_000  # rows; with fewer, networks soon overfit classes


@dataclass(frozen=True)
class Recipe:
    """All settings of the training. Only `bins` may be left open (None): a trial decides.

    `bins` of each column of numbers (0: none), `dropout` after each hidden layer, `n_estimators`
    networks in the ensemble. If a single network reads many rows, these are packed (`is_packed`).
    """

    hidden: tuple[int, ...]
    activation: str
    dropout: float
    bins: int | None
    optimizer: Optimizer | FullBatch
    epochs: int
    batch_size: int
    patience: int
    n_estimators: int
    is_packed: bool


def recipe_for(rows: int, inputs: int, given: Mapping[str, Any], *, has_classes: bool) -> Recipe:
    """The recipe for this many rows and inputs; settings that are `given` stay as they are."""
    training, size = rows * (FOLDS - 2) // FOLDS, rows * inputs * 4
    rule = as_optimizer(given.get("optimizer") or AdamW(lr=CosineDecay(_LR)))
    batch_size = given.get("batch_size") or _batch_size(training)
    epochs = given.get("epochs") or _epochs(training, batch_size)
    recipe: dict[str, Any] = {
        "hidden": (128, 64),
        "activation": "silu",
        "dropout": 0.25 if has_classes and rows < _FEW else 0.0,
        "bins": _bins(rows, size, has_classes),
        "patience": 15,
        "n_estimators": _n_estimators(size),
    }
    if isinstance(rule, FullBatch):
        batch_size = rows
    recipe |= {"optimizer": rule, "epochs": epochs, "batch_size": batch_size}
    names = {field.name for field in fields(Recipe)} - {"optimizer", "epochs", "batch_size"}
    recipe |= {name: given[name] for name in names if given.get(name) is not None}
    is_single = recipe["n_estimators"] == 1 and not isinstance(rule, FullBatch)
    return Recipe(**recipe, is_packed=is_single and size > _MOST_BYTES[1])


def _batch_size(training: int) -> int:
    """Small batches for few rows, which need many steps; large ones for many rows, for speed."""
    return 32 if training < 1_000 else 64 if training < 10_000 else 256


def _epochs(training: int, batch_size: int) -> int:
    steps = -(-training // batch_size)
    epochs = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, _STEPS // steps))
    return max(2, round(epochs * min(1.0, _LARGE / training)))


def _bins(rows: int, size: int, has_classes: bool) -> int | None:
    """0 for classes with few rows, where bins did not help; the fewest if the table is too large
    for a trial; else None, so that a trial decides.
    """
    if rows < _FEW and has_classes:
        return 0
    return FEWEST_BINS if size > _MOST_BYTES[1] else None


def _n_estimators(size: int) -> int:
    """One network per fold, or fewer for a table of many bytes."""
    eight, four = _MOST_BYTES
    return FOLDS if size <= eight else 4 if size <= four else 1
