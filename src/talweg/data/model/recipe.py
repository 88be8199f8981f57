"""What a table is learned with, where its owner leaves that open: by its size.

Chosen on seven tables (california-housing, abalone, pima, titanic, wine, iris, adult) and confirmed
on six others: docs/tables.md has the figures. The ingredients are those of RealMLP (Holzmueller et
al., Better by default, 2024: inputs softly clipped, a schedule, the best epoch kept), bins
(Gorishniy et al., On embeddings for numerical features, 2022) and ensembles (Hansen & Salamon,
1990).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from talweg.data.split.folds import FOLDS
from talweg.optim import AdamW, FullBatch, Optimizer, as_optimizer
from talweg.optim.schedules import CosineDecay

_LR = 4e-3
_STEPS = 2_000  # of one network, where that is not too few or too many epochs
_FEWEST_EPOCHS, _MOST_EPOCHS = 40, 100
_LARGE = 50_000  # training rows from which on fewer epochs do
_MOST_BYTES = (64 << 20, 256 << 20)  # of encoded rows, for eight networks and for four
BINS, FEWEST_BINS = 48, 16  # a column, where they help: fewer of many columns
_FEW = 2_000  # rows, of which classes are soon learned by heart


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training, none of them open, but for `bins`: a trial decides if None.

    `bins` of each column of numbers (0: none), `dropout` after each hidden layer, `n_estimators`
    networks in the ensemble. Where rows are many and one network reads them, they are `is_packed`.
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
    """What to train with on so many rows and inputs, for a number or for classes; settings that
    are `given` stay.
    """
    training, size = rows * (FOLDS - 2) // FOLDS, rows * inputs * 4
    rule = as_optimizer(given.get("optimizer") or AdamW(lr=CosineDecay(_LR)))
    batch_size = given.get("batch_size") or _batch_size(training)
    epochs = given.get("epochs") or _epochs(training, batch_size)
    found: dict[str, Any] = {
        "hidden": (128, 64),
        "activation": "silu",
        "dropout": 0.25 if has_classes and rows < _FEW else 0.0,
        "bins": _bins(rows, size, has_classes),
        "patience": 15,
        "n_estimators": _n_estimators(size),
    }
    if isinstance(rule, FullBatch):
        batch_size = rows
    found |= {"optimizer": rule, "epochs": epochs, "batch_size": batch_size}
    names = {each.name for each in fields(Recipe)} - {"optimizer", "epochs", "batch_size"}
    found |= {name: given[name] for name in names if given.get(name) is not None}
    is_single = found["n_estimators"] == 1 and not isinstance(rule, FullBatch)
    return Recipe(**found, is_packed=is_single and size > _MOST_BYTES[1])


def _batch_size(training: int) -> int:
    """Small batches for few rows, which need many steps; large ones for many, which need speed."""
    return 32 if training < 1_000 else 64 if training < 10_000 else 256


def _epochs(training: int, batch_size: int) -> int:
    steps = -(-training // batch_size)
    epochs = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, _STEPS // steps))
    return max(2, round(epochs * min(1.0, _LARGE / training)))


def _bins(rows: int, size: int, has_classes: bool) -> int | None:
    """None for classes of few rows, of which no more came out right; some where the table is too
    large to try; else a trial decides.
    """
    if rows < _FEW and has_classes:
        return 0
    return FEWEST_BINS if size > _MOST_BYTES[1] else None


def _n_estimators(size: int) -> int:
    """As many as there are folds, but fewer of a table that takes so many bytes."""
    eight, four = _MOST_BYTES
    return FOLDS if size <= eight else 4 if size <= four else 1
