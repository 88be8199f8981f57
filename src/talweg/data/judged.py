"""Rows that a member of the ensemble never saw, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talweg.data.dealing import DealtRows
from talweg.data.decision import Decision, best_decision
from talweg.data.learning import Learned
from talweg.data.table import Table, evenly
from talweg.data.target import Classification, Coding
from talweg.data.trained_table import HeldOut, Members, Unseen, truth
from talweg.errors import SettingError

_MOST_JUDGED = 100_000  # rows: the standard error of a share is then 0.002 at most
_MOST = 10_000  # rows kept for the report: drawn, or ranked by their error, more say no more


@dataclass(frozen=True, eq=False)
class Judged:
    """What members say of the rows that they never saw: `rows` are places among the dealt ones,
    `judge` the place among `members` of the one that judged each.
    """

    held_out: HeldOut
    rows: NDArray[np.intp]
    judge: NDArray[np.intp]
    members: Members

    def unseen(self, table: Table, order: NDArray[np.intp]) -> Unseen:
        """At most `_MOST` of the rows of the table, evenly from first to last."""
        some = evenly(len(self.rows), _MOST)
        return Unseen(table.take(order[self.rows[some]]), self.judge[some], self.members)


def judged(learned: Learned, coding: Coding, dealt: DealtRows) -> Judged:
    """Each member's outputs for the rows that are left to judge it."""
    members, places = _members(learned, dealt)
    found = _said(members, coding, dealt, [dealt.judging(place) for place in places])
    counts = np.ones(len(found.rows)) if dealt.weights is None else dealt.weights[found.rows]
    true = truth(coding, dealt.y[found.rows])
    held_out = HeldOut(true, found.outputs, _prior(coding, dealt.y), counts)
    return Judged(held_out, found.rows, found.judge, members)


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
            "it out; balance=True weighs rare classes more."
        )
    if not isinstance(threshold, str):
        return Decision(int(np.bincount(dealt.y, minlength=2).argmin()), float(threshold))
    members, places = _members(learned, dealt)
    found = _said(members, coding, dealt, [dealt.stopping(place) for place in places])
    return best_decision(dealt.y[found.rows], found.outputs, threshold)


def _members(learned: Learned, dealt: DealtRows) -> tuple[Members, Sequence[int]]:
    """The nets that judge, and their places; in the order of time it is all of them as one."""
    nets, places = learned.nets, learned.places
    if dealt.by_time:
        nets, places = [learned.blueprint.of(nets)], (0,)
    return Members(nets[0], np.array([each.weights.flat for each in nets])), places


class _Said(NamedTuple):
    """Outputs for rows, and the place of the member that gave them."""

    outputs: NDArray[Any]
    rows: NDArray[np.intp]
    judge: NDArray[np.intp]


def _said(members: Members, coding: Coding, dealt: DealtRows, spans: Sequence[slice]) -> _Said:
    """What each member says of its span of rows; of at most `_MOST_JUDGED` in all."""
    count, most = np.arange(len(dealt.x)), _MOST_JUDGED // len(spans)
    rows = [count[span][evenly(span.stop - span.start, most)] for span in spans]
    inputs = map(dealt.inputs, rows)
    outputs = [members.outputs(place, coding, x) for place, x in enumerate(inputs)]
    judge = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
    return _Said(np.concatenate(outputs), np.concatenate(rows), judge)


def _prior(coding: Coding, y: NDArray[Any]) -> NDArray[Any]:
    """What a trivial predictor says: the means (T,), or the frequencies of the classes (K,)."""
    if isinstance(coding, Classification):
        return np.bincount(y, minlength=len(coding.levels)) / len(y)
    return np.array([one.mean for one in coding.each])
