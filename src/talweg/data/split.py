"""Dealing the rows of a table to training, validation and test."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talweg.engine.random import SEED, TABLE_SPLIT, generator
from talweg.errors import DataError, SettingError
from talweg.settings import Number, check

Rows = NDArray[np.intp]

_RULES = {"n": Number(at_least=0, whole=True), "seed": SEED}


def split(
    n: int,
    *,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    labels: ArrayLike | None = None,
    seed: int = 0,
) -> tuple[Rows, Rows, Rows]:
    """The rows 0..n-1, each in one of training, validation and test, ascending.

    Parts hold `fractions` of the rows, of each class as well where `labels` (N,) are given.
    DataError: fewer rows than parts, or than labels.
    """
    check("split", {"n": n, "seed": seed}, _RULES)
    sizes = _sizes(n, fractions)
    random = generator(seed, TABLE_SPLIT)
    order = random.permutation(n)
    if labels is not None:
        order = _spread(order, np.asarray(labels), random)
    train, validation, test = np.split(order, np.cumsum(sizes)[:2])
    return np.sort(train), np.sort(validation), np.sort(test)


def _sizes(n: int, fractions: tuple[float, float, float]) -> NDArray[np.intp]:
    """Rows a part: its fraction, rounded, but at least one where the fraction is not zero."""
    wanted = np.asarray(fractions, dtype=np.float64)
    if wanted.shape != (3,) or not (wanted >= 0).all() or not math.isclose(wanted.sum(), 1):
        raise SettingError(
            f"split: fractions must be three numbers from 0 to 1 with the sum 1 (training,"
            f" validation, test), but {fractions!r} was given."
        )
    if n < np.count_nonzero(wanted):
        raise DataError(
            f"split: {n} rows cannot fill {np.count_nonzero(wanted)} parts. Give more rows, or"
            " the fraction 0 to a part that may stay empty."
        )
    ends = np.rint(np.cumsum(wanted) * n)
    sizes = np.diff(ends, prepend=0).astype(np.intp)
    for part in np.flatnonzero((wanted > 0) & (sizes == 0)):
        sizes[part] += 1
        sizes[sizes.argmax()] -= 1
    return sizes


def _spread(order: Rows, labels: NDArray[np.generic], random: np.random.Generator) -> Rows:
    """The rows in an order that spreads each class evenly, its first row at the very start.

    Row r of the m rows of a class goes to the place (r + offset) / m, with one random offset a
    class, so any stretch of the order holds nearly its share of each class.
    """
    if labels.shape != order.shape:
        raise DataError(
            f"split: labels have shape {labels.shape}, but ({len(order)},) is needed. Give one"
            " label a row."
        )
    _, codes, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    rank = np.empty(len(order), dtype=np.intp)
    rank[np.argsort(codes, kind="stable")] = np.concatenate([np.arange(m) for m in counts])
    place = (rank + random.random(len(counts))[codes]) / counts[codes]
    return order[np.argsort(np.where(rank == 0, 0.0, place), kind="stable")]
