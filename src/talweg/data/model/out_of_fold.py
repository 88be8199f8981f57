"""Test each network on the rows that it never saw, and choose a threshold on validation rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.table import Table, evenly
from talweg.data.model.decision import Decision, best_decision
from talweg.data.model.held_out import HeldOut, Members, Unseen
from talweg.data.model.intervals import ErrorScale, by_target
from talweg.data.model.learning import Learned
from talweg.data.model.targets.base import Target
from talweg.data.model.targets.regression import NumericTarget
from talweg.data.model.training_data import TrainingData
from talweg.data.split.split_rows import SplitRows
from talweg.engine.run.blas_threads import blas_threads
from talweg.errors import SettingError

Array = NDArray[Any]
Rows = NDArray[np.intp]

_MOST_TESTED = 100_000  # rows: the standard error of a share is then 0.002 at most
_MOST_KEPT = 10_000  # rows for the report, whose charts and rankings gain nothing from more
_MOST_COMPARED = 2_000  # rows on which networks are compared with each other


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Out-of-fold predictions: `rows` are indices of the split rows, and `member` is the index
    among `members` of the network that predicts each, which never saw it.

    For numbers, `error_scale` is the expected size of the errors of each row.
    """

    held_out: HeldOut
    rows: Rows
    member: Rows
    members: Members
    error_scale: ErrorScale | None = None

    def unseen(self, table: Table, data: TrainingData) -> Unseen:
        """At most `_MOST_KEPT` of the rows of the table, evenly spaced from first to last."""
        some = evenly(len(self.rows), _MOST_KEPT)
        rows = table.take(data.order[self.rows[some]])
        return Unseen(rows, self.member[some], self.members, data.encoder, data.target)

    def errors_in(self, data: TrainingData, codes: Sequence[int]) -> ErrorScale | None:
        """The error scale of the test rows as other `data` encodes them: in chronological order,
        the data of the final networks.
        """
        target, held_out = data.target, self.held_out
        if not isinstance(target, NumericTarget):
            return None
        return ErrorScale.fit(
            lambda rows: data.rows.inputs(self.rows[rows]),
            by_target(target.standardized(held_out.outputs)),
            by_target(target.errors(held_out.true, held_out.outputs)),
            codes,
        )


def predict_out_of_fold(learned: Learned, target: Target, rows: SplitRows) -> OutOfFold:
    """Predict the test rows of each network."""
    members, indices = _members(learned, rows)
    is_compared = isinstance(target, NumericTarget) and not rows.by_time
    compared = _MOST_COMPARED if is_compared else 0
    own = _sample(rows, map(rows.test, indices), _MOST_TESTED // len(indices))
    others = _sample(rows, map(rows.validation, indices), compared // len(indices))
    both = _outputs(members, target, rows, map(np.append, own, others))
    pairs = [*zip(both, own, strict=True)]
    tested = _Predicted.of([outputs[: len(some)] for outputs, some in pairs], own)
    other = _Predicted.of([outputs[len(some) :] for outputs, some in pairs], others)
    weights = np.ones(len(tested.rows)) if rows.weights is None else rows.weights[tested.rows]
    true = target.truth(rows.y[tested.rows])
    held_out = HeldOut(true, tested.outputs, _prior(target, rows), weights)
    scale = None
    if isinstance(target, NumericTarget) and not rows.by_time:
        codes = [*learned.blueprint.embeddings]
        scale = _error_scale(true, tested, other, target, rows, codes)
    return OutOfFold(held_out, tested.rows, tested.member, members, scale)


def _error_scale(
    true: Array,
    tested: _Predicted,
    other: _Predicted,
    target: NumericTarget,
    rows: SplitRows,
    codes: Sequence[int],
) -> ErrorScale:
    """The error scale of the test rows.

    Two networks did not train on a test row: the one that is tested on it, and the one that
    validated on it. The gap between their predictions shows how much smaller the errors of the mean
    of all networks are.
    """
    errors = by_target(target.errors(true, tested.outputs))
    predicted = by_target(target.standardized(tested.outputs))
    scale = ErrorScale.fit(lambda some: rows.inputs(tested.rows[some]), predicted, errors, codes)
    _, first, second = np.intersect1d(tested.rows, other.rows, return_indices=True)
    gaps = by_target(target.errors(tested.outputs[first], other.outputs[second]))
    return scale.shrunk(errors, first, gaps, 1 + int(tested.member[-1]))


def decision_for(
    threshold: str | float | None, learned: Learned, target: Target, rows: SplitRows
) -> Decision | None:
    """The threshold between two classes: as given, or the best one on the validation rows of each
    network. SettingError: there are not two classes.
    """
    if threshold is None:
        return None
    if not target.has_classes or target.outputs != 2:
        has = f"has {target.outputs} classes" if target.has_classes else "is a number"
        advice = "; class_weight='balanced' gives rare classes more weight"
        raise SettingError(
            f"TableModel: a threshold needs a target with two classes, but {target.names[0]!r} "
            f"{has}. Leave it out{advice if target.has_classes else ''}."
        )
    if not isinstance(threshold, str):
        return Decision(int(np.bincount(rows.y, minlength=2).argmin()), float(threshold))
    members, indices = _members(learned.with_validation, rows)
    some = _sample(rows, map(rows.validation, indices), _MOST_TESTED // len(indices))
    predicted = _Predicted.of(_outputs(members, target, rows, some), some)
    return best_decision(rows.y[predicted.rows], predicted.outputs, threshold)


def _members(learned: Learned, rows: SplitRows) -> tuple[Members, Sequence[int]]:
    """The networks and their indices; in chronological order their mean counts as one network."""
    weights = np.array([net.weights.flat for net in learned.nets])
    indices = learned.indices
    if rows.by_time:
        weights, indices = weights.reshape(1, -1), (0,)
    return Members(learned.nets[0], weights), indices


class _Predicted(NamedTuple):
    """Predictions for rows, and the index of the network that made each."""

    outputs: Array
    rows: Rows
    member: Rows

    @staticmethod
    def of(outputs: Sequence[Array], rows: Sequence[Rows]) -> _Predicted:
        """The predictions of each network for its own rows."""
        member = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
        return _Predicted(np.concatenate(outputs), np.concatenate(rows), member)


def _sample(rows: SplitRows, spans: Iterable[slice], most: int) -> list[Rows]:
    """At most `most` rows of each span."""
    index = np.arange(len(rows.x))
    return [index[span][evenly(span.stop - span.start, most)] for span in spans]


def _outputs(
    members: Members, target: Target, rows: SplitRows, chosen: Iterable[Rows]
) -> list[Array]:
    """The predictions of each network for the rows chosen for it."""
    with blas_threads(1):
        inputs = map(rows.inputs, chosen)
        return [members.outputs(member, target, x) for member, x in enumerate(inputs)]


def _prior(target: Target, rows: SplitRows) -> Array:
    """The prediction of the trivial predictor; in chronological order, from the last rows before
    the test.
    """
    if not rows.by_time:
        return target.prior(rows.y)
    test = rows.test(0)
    return target.recent_prior(rows.y[max(0, 2 * test.start - test.stop) : test.start])
