"""Rows that a member of the ensemble never saw, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.table import Table, evenly
from talweg.data.model.decision import Decision, best_decision
from talweg.data.model.intervals import ErrorScale, by_target
from talweg.data.model.learning import Learned
from talweg.data.model.target import Classification, Coding, Regression, Regressions
from talweg.data.model.trained_table import HeldOut, Members, Unseen, truth
from talweg.data.split.deal import Deal, DealtRows
from talweg.engine.numpy.threads import blas_threads
from talweg.errors import SettingError

Array = NDArray[Any]
Rows = NDArray[np.intp]

_MOST_JUDGED = 100_000  # rows: the standard error of a share is then 0.002 at most
_MOST = 10_000  # rows kept for the report: drawn, or ranked by their error, more say no more
_MOST_COMPARED = 2_000  # rows on which members are compared with each other


@dataclass(frozen=True, eq=False)
class Judged:
    """What members say of the rows that they never saw: `rows` are places among the dealt ones,
    `judge` the place among `members` of the one that judged each. Of numbers, `error_scale` says
    how large errors are, row by row.
    """

    held_out: HeldOut
    rows: Rows
    judge: Rows
    members: Members
    error_scale: ErrorScale | None = None

    def unseen(self, table: Table, deal: Deal) -> Unseen:
        """At most `_MOST` of the rows of the table, evenly from first to last."""
        some = evenly(len(self.rows), _MOST)
        rows = table.take(deal.order[self.rows[some]])
        return Unseen(rows, self.judge[some], self.members, deal.encoder, deal.coding)

    def errors_in(self, deal: Deal, codes: Sequence[int]) -> ErrorScale | None:
        """How large errors are on rows like each judged one, as another deal encodes them: one
        that has all rows in the order of time.
        """
        coding, held = deal.coding, self.held_out
        if isinstance(coding, Classification):
            return None
        return ErrorScale.fit(
            lambda rows: deal.rows.inputs(self.rows[rows]),
            by_target(coding.standardised(held.outputs)),
            by_target(coding.errors(held.true, held.outputs)),
            codes,
        )


def judged(learned: Learned, coding: Coding, dealt: DealtRows) -> Judged:
    """Each member's outputs for the rows that are left to judge it."""
    members, places = _members(learned, dealt)
    compared = 0 if isinstance(coding, Classification) or dealt.by_time else _MOST_COMPARED
    own = _some(dealt, map(dealt.judging, places), _MOST_JUDGED // len(places))
    others = _some(dealt, map(dealt.stopping, places), compared // len(places))
    # In one go, since recording a net takes longer than asking it for a few rows.
    both = _outputs(members, coding, dealt, map(np.append, own, others))
    found = _Said.of([each[: len(rows)] for each, rows in zip(both, own, strict=True)], own)
    other = _Said.of([each[len(rows) :] for each, rows in zip(both, own, strict=True)], others)
    counts = np.ones(len(found.rows)) if dealt.weights is None else dealt.weights[found.rows]
    true = truth(coding, dealt.y[found.rows])
    prior = _recent(coding, dealt) if dealt.by_time else _prior(coding, dealt.y)
    held_out = HeldOut(true, found.outputs, prior, counts)
    scale = None
    if not isinstance(coding, Classification) and not dealt.by_time:
        codes = [*learned.blueprint.embeddings]
        scale = _error_scale(true, found, other, coding, dealt, codes)
    return Judged(held_out, found.rows, found.judge, members, scale)


def _error_scale(
    true: Array,
    found: _Said,
    other: _Said,
    coding: Regression | Regressions,
    dealt: DealtRows,
    codes: Sequence[int],
) -> ErrorScale:
    """How large errors are on rows like each judged one.

    Besides its judge, the member that stopped by a row is the only one that did not train on it:
    how far both are apart says by how much the mean of all members errs less than one.
    """
    errors = by_target(coding.errors(true, found.outputs))
    said = by_target(coding.standardised(found.outputs))
    scale = ErrorScale.fit(lambda rows: dealt.inputs(found.rows[rows]), said, errors, codes)
    _, rows, places = np.intersect1d(found.rows, other.rows, return_indices=True)
    gaps = by_target(coding.errors(found.outputs[rows], other.outputs[places]))
    return scale.shrunk(errors, rows, gaps, 1 + int(found.judge[-1]))


def decision_for(
    threshold: str | float | None, learned: Learned, coding: Coding, dealt: DealtRows
) -> Decision | None:
    """Where to draw the line between two classes: as given, or as is best on the rows that
    members stopped by, which judge nothing. SettingError: there are not two classes.
    """
    if threshold is None:
        return None
    if not isinstance(coding, Classification) or len(coding.levels) != 2:
        levels = coding.levels if isinstance(coding, Classification) else ()
        kind = f"{len(levels)} classes" if levels else "a number"
        raise SettingError(
            f"TableModel: a threshold parts two classes, and {coding.names[0]!r} is {kind}. Leave "
            "it out; class_weight='balanced' gives rare classes more weight."
        )
    if not isinstance(threshold, str):
        return Decision(int(np.bincount(dealt.y, minlength=2).argmin()), float(threshold))
    members, places = _members(learned.with_validation, dealt)
    rows = _some(dealt, map(dealt.stopping, places), _MOST_JUDGED // len(places))
    found = _Said.of(_outputs(members, coding, dealt, rows), rows)
    return best_decision(dealt.y[found.rows], found.outputs, threshold)


def _members(learned: Learned, dealt: DealtRows) -> tuple[Members, Sequence[int]]:
    """The nets that judge, and their places; in the order of time it is all of them as one."""
    nets, places = learned.nets, learned.indices
    if dealt.by_time:
        nets, places = [learned.blueprint.of(nets)], (0,)
    return Members(nets[0], np.array([each.weights.flat for each in nets])), places


class _Said(NamedTuple):
    """Outputs for rows, and the place of the member that gave them."""

    outputs: Array
    rows: Rows
    judge: Rows

    @staticmethod
    def of(outputs: Sequence[Array], rows: Sequence[Rows]) -> _Said:
        """What each member says of rows of its own."""
        judge = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
        return _Said(np.concatenate(outputs), np.concatenate(rows), judge)


def _some(dealt: DealtRows, spans: Iterable[slice], most: int) -> list[Rows]:
    """At most so many of the rows of each span."""
    count = np.arange(len(dealt.x))
    return [count[span][evenly(span.stop - span.start, most)] for span in spans]


def _outputs(
    members: Members, coding: Coding, dealt: DealtRows, rows: Iterable[Rows]
) -> list[Array]:
    """What each member says of its rows."""
    with blas_threads(1):
        inputs = map(dealt.inputs, rows)
        return [members.outputs(place, coding, x) for place, x in enumerate(inputs)]


def _prior(coding: Coding, y: Array) -> Array:
    """What a trivial predictor says: the means (T,), or the frequencies of the classes (K,)."""
    if isinstance(coding, Classification):
        return np.bincount(y, minlength=len(coding.levels)) / len(y)
    return np.array([one.mean for one in coding.each])


def _recent(coding: Coding, dealt: DealtRows) -> Array:
    """The same of as many rows as judge, just before them; any class may come."""
    judging = dealt.judging(0)
    y = dealt.y[max(0, 2 * judging.start - judging.stop) : judging.start]
    if isinstance(coding, Classification):
        return (np.bincount(y, minlength=len(coding.levels)) + 1) / (len(y) + len(coding.levels))
    return np.atleast_1d(truth(coding, y).mean(axis=0))
