"""Checks if scores on random rows are too optimistic, where a column holds the time of each row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from talweg.data.model.held_out import HeldOut
from talweg.data.model.inspected import InspectedTable
from talweg.data.model.learning import NothingBegun
from talweg.data.model.scores import log_losses
from talweg.data.model.training import (
    TEST_BLOCKS,
    Origin,
    Request,
    RollingOrigin,
    Trained,
    first_score,
)
from talweg.data.split.folds import FOLDS
from talweg.data.split.periods import AlongTime
from talweg.data.split.timeline import Timeline
from talweg.train.run.progress import SharedBar

FEWEST_CHECKED, MOST_CHECKED = 40, 100_000  # rows
_WORSE = 1.2  # a ratio of losses that is explained by learning from fewer rows
_SURE = 3.0  # standard errors

Floats = NDArray[np.float64]


def check_along_time(
    inspected: InspectedTable, request: Request, trained: Trained
) -> AlongTime | None:
    """Compare scores on random rows with those of a network that learned from earlier rows only.

    It is tested on the last rows. None if no column holds the time, or if it decided the split.
    """
    timeline = inspected.timeline
    is_short = len(inspected.kept) < FEWEST_CHECKED
    if timeline is None or trained.in_time or trained.learned.is_interrupted or is_short:
        return None
    try:
        line, later = _train_on_earlier_rows(inspected, request, trained)
    except NothingBegun:
        return None
    begin = line.times[line.order[line.ends[-1 - TEST_BLOCKS]]]
    rows, held_out = trained.data.order[trained.tested.rows], trained.tested.held_out
    is_late = timeline.times[rows] >= begin
    if not is_late.any():
        return None
    errors = _errors(held_out)[np.argsort(timeline.times[rows], kind="stable")]
    correlation = float((errors[1:] * errors[:-1]).sum() / max((errors**2).sum(), 1e-300))
    score = first_score(trained.data.target, held_out, is_late, trained.decision)
    late = later.tested.held_out
    every = np.ones(len(late.true), bool)
    return AlongTime(
        names=line.names,
        rows=len(late.true),
        score=score.name,
        at_random=score.network,
        in_time=first_score(later.data.target, late, every, trained.decision).network,
        autocorrelation=correlation,
        is_optimistic=_is_worse(_losses(late), _losses(held_out)[is_late], correlation),
    )


def _train_on_earlier_rows(
    inspected: InspectedTable, request: Request, trained: Trained
) -> tuple[Timeline, Origin]:
    """One network that learned from all rows but the last ones, and the timeline of its rows."""
    sample = inspected.sample(MOST_CHECKED)
    line = sample.timeline
    assert line is not None
    given = {**request.given, "n_estimators": 1, "bins": trained.learned.bins}
    quiet = {**request.fit_settings, "progress": SharedBar(False)}
    single = replace(request, given=given, fit_settings=quiet)
    return line, RollingOrigin(sample, single, line).origin(FOLDS - TEST_BLOCKS, 1, 1.0)


def _errors(held_out: HeldOut) -> Floats:
    """The error of each row (N, K), with its sign: for each target, or each class."""
    outputs = held_out.outputs.reshape(len(held_out.true), -1)
    if held_out.true.ndim == 1 and held_out.true.dtype.kind == "i":
        return np.asarray(np.eye(outputs.shape[1])[held_out.true] - outputs)
    true = held_out.true.reshape(len(held_out.true), -1)
    return np.asarray((true - outputs) / true.std(axis=0).clip(min=1e-300))


def _losses(held_out: HeldOut) -> Floats:
    """The loss of each row (N,)."""
    if held_out.true.dtype.kind == "i":
        return log_losses(held_out.true, held_out.outputs)
    return np.asarray((_errors(held_out) ** 2).mean(axis=1))


def _is_worse(late: Floats, random: Floats, correlation: float) -> bool:
    """Whether the losses of late rows are clearly larger than those of random rows.

    The difference must exceed what learning from fewer rows explains, and what chance explains,
    which is more if the errors of neighbors are correlated.
    """
    alike = min(max(correlation, 0.0), 0.99)
    inflation = (1 + alike) / (1 - alike)
    error = np.sqrt(inflation * (late.var() / len(late) + random.var() / len(random)))
    return bool(late.mean() > max(_WORSE * random.mean(), random.mean() + _SURE * error))
