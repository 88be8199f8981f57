"""Folds: which rows of X a run validates on, and which of them it leaves alone altogether."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talweg.errors import DataError, SettingError, counted
from talweg.random import FOLDS, SEED, generator
from talweg.settings import Checked, Number, check, names_known, setting

Rows = NDArray[np.intp]

_RULES = {
    "n": Number(at_least=1, whole=True),
    "n_splits": Number(at_least=2, whole=True),
    "seed": SEED,
}


@dataclass(frozen=True, eq=False, repr=False)
class Fold:
    """Indices of the rows of X that validate a run, and of those that it never sees (`test`).

    The run trains on all other rows. Pass a fold to `fit` or `sweep` as `validation`. `largest` is
    the number of validation rows in the largest fold of the same split; folds with equal `largest`
    share one compiled program.
    """

    validation: Rows
    test: Rows
    name: str = "fold"
    largest: int = 0

    def training(self, count: int) -> Rows:
        """The training rows among `count` rows. SettingError: an empty fold, or other rows."""
        used = np.concatenate([self.validation, self.test])
        if not len(self.validation) or used.min() < 0 or used.max() >= count:
            raise SettingError(
                f"fit: a fold must contain validation rows, with indices from 0 to {count - 1}; "
                f"{self.name} has {len(self.validation)} rows and the largest index "
                f"{used.max(initial=0)}"
            )
        is_left = np.ones(count, dtype=bool)
        is_left[used] = False
        if not is_left.any():
            raise SettingError(f"fit: {self.name} leaves none of the {count} rows to train on")
        return np.flatnonzero(is_left)

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Holdout(Checked):
    """A share of the rows of X for validation, drawn with `seed`; the other rows train.

    `fit(validation=0.2)` draws these rows with the seed of the run, and `sweep(validation=0.2)`
    with the seed of the sweep, so that all its runs are validated on the same rows. A `Holdout` has
    its own seed.

    >>> X, y = np.ones((6, 1)), np.ones(6)
    >>> result = tw.sweep(
    ...     lambda: tw.Sequential(tw.Dense(1)), X, y, over={"seed": [3, 4]}, validation=0.5
    ... )
    >>> net, rows = tw.Sequential(tw.Dense(1)), tw.Holdout(0.5, seed=0)
    >>> alone = tw.fit(net, X, y, seed=3, validation=rows)
    >>> (alone.net.weights.flat == result.runs[0].net.weights.flat).all()
    np.True_
    """

    share: float = setting(MISSING, Number())
    seed: int = setting(0, SEED)


@names_known()
def kfold(
    n: int,
    n_splits: int = 5,
    *,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    test: bool = False,
    seed: int = 0,
) -> list[Fold]:
    """Split n rows into `n_splits` folds for cross-validation: each row is a validation row in one
    of them.

    `stratify` (N,) spreads each class evenly over the folds, and `groups` (N,) keeps the rows of a
    group together. With `test`, the validation rows of the next fold are the test rows of each
    fold.

    >>> [fold.validation.tolist() for fold in kfold(6, 3)]
    [[0, 4], [1, 2], [3, 5]]
    >>> X, y = np.ones((6, 1)), np.ones(6)
    >>> build = lambda: tw.Sequential(tw.Dense(1))
    >>> result = tw.sweep(build, X, y, over={"validation": kfold(6, 3)})
    >>> len(result.runs)
    3
    """
    fold_of = dealt(n, n_splits, stratify=stratify, groups=groups, seed=seed)
    rows = [np.flatnonzero(fold_of == fold) for fold in range(n_splits)]
    tested = [rows[(fold + 1) % n_splits] if test else rows[fold][:0] for fold in range(n_splits)]
    largest = max(map(len, rows))
    return [
        Fold(*pair, f"fold {fold + 1} of {n_splits}", largest)
        for fold, pair in enumerate(zip(rows, tested, strict=True))
    ]


def dealt(
    n: int,
    n_splits: int,
    *,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> Rows:
    """The fold 0 to n_splits - 1 of each of n rows, (N,): every fold has rows, in even numbers.

    DataError: fewer rows, or groups, than folds; stratify or groups of another length.
    """
    settings = check("kfold", {"n": n, "n_splits": n_splits, "seed": seed}, _RULES)
    n, n_splits, random = settings["n"], settings["n_splits"], generator(settings["seed"], FOLDS)
    if groups is not None:
        return _by_group(_one_a_row("groups", groups, n), n_splits, random)
    if n < n_splits:
        raise DataError(f"kfold: {counted(n, 'row')} cannot fill {n_splits} folds. Give more rows.")
    order = random.permutation(n)
    if stratify is not None:
        order = _spread(order, _one_a_row("stratify", stratify, n), random)
    fold_of = np.empty(n, dtype=np.intp)
    fold_of[order] = np.arange(n) * n_splits // n
    return fold_of


def _one_a_row(name: str, values: ArrayLike, n: int) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (n,):
        raise DataError(
            f"kfold: {name} has shape {array.shape}, but ({n},) is needed. Give one value per row."
        )
    return array


def _spread(order: Rows, labels: NDArray[Any], random: np.random.Generator) -> Rows:
    """The rows in an order that spreads each class evenly, its first row at the very start.

    Row r of the m rows of a class goes to the position (r + offset) / m, with one random offset a
    class, so any stretch of the order holds nearly its share of each class.
    """
    _, codes, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    rank = np.empty(len(order), dtype=np.intp)
    rank[np.argsort(codes, kind="stable")] = np.concatenate([np.arange(m) for m in counts])
    position = (rank + random.random(len(counts))[codes]) / counts[codes]
    return order[np.argsort(np.where(rank == 0, 0.0, position), kind="stable")]


def _by_group(groups: NDArray[Any], count: int, random: np.random.Generator) -> Rows:
    """Whole groups, from the largest to the smallest, each to the fold with the fewest rows."""
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < count:
        raise DataError(
            f"kfold: {counted(len(sizes), 'group')} cannot fill {count} folds, since the rows of "
            "a group stay together. Use fewer folds, or leave the groups out."
        )
    shuffled = random.permutation(len(sizes))
    fold_of, filled = np.empty(len(sizes), dtype=np.intp), np.zeros(count)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")].tolist():
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[codes]
