"""The results of a trained table on held-out rows, in sentences."""

from __future__ import annotations

import numpy as np

from talweg.data.model.targets.classification import Classification
from talweg.data.model.targets.regression import Regression
from talweg.data.model.trained_table import TrainedTable
from talweg.errors import counted
from talweg.insight.text import MOST_NAMED, first_few, listed, number_text, percent

FEW_HELD_OUT = 100  # rows; the standard error of an accuracy of 0.9 is then 0.03
_HARDLY = 0.02  # a gain, as a share of the way from the trivial predictor to a perfect one


def target_name(trained: TrainedTable) -> str:
    """The name of the target, or the first few names of several targets."""
    return listed(first_few(list(map(trained.called, trained.target.names))))


def baseline(trained: TrainedTable) -> str:
    """What the trivial predictor predicts for every row."""
    prior, when = trained.held_out.prior, " of the earlier rows" if trained.in_time else ""
    if is_several(trained):
        return f"the mean of each{when and ' in the earlier rows'}"
    if trained.task == "regression":
        return f"the mean{when}, {number_text(float(prior[0]))}"
    return f"the most frequent class{when}, {class_name(trained, int(prior.argmax()))}"


def class_name(trained: TrainedTable, index: int) -> str:
    """The name of a class."""
    assert isinstance(trained.target, Classification)
    return trained.target.levels[index]


def headline(trained: TrainedTable) -> str:
    """The first scores on held-out rows, compared with those of a trivial predictor."""
    first, many = trained.scores[0], trained.blueprint.members > 1
    subject = f"On {judged_rows(trained)}, the network{'s' * many}"
    trivial = f"always predicting {baseline(trained)}, is"
    if is_several(trained):
        return f"{subject} {'explain' if many else 'explains'} {_explained(trained)}"
    if trained.task == "regression":
        error, r2 = trained.scores[1], "" if first.network > 0 else f" (R2 {first.network:.3g})"
        return (
            f"{subject} {'explain' if many else 'explains'} "
            f"{_share(first.network)} of the variance of {target_name(trained)}{r2} and "
            f"{'are' if many else 'is'} off by {number_text(error.network)} on average; "
            f"{trivial} off by {number_text(error.trivial)}."
        )
    return (
        f"{subject} {'predict' if many else 'predicts'} {target_name(trained)} correctly in "
        f"{percent(first.network)} of them; {trivial} correct in {percent(first.trivial)}."
    )


def _explained(trained: TrainedTable) -> str:
    """The explained variance of several targets, on average and for the hardest and easiest."""
    first, *others = trained.scores
    names = trained.target.names
    r2s = (score.network for score in others)
    (least, hardest), *_, (most, easiest) = sorted(
        zip(r2s, map(trained.called, names), strict=False)
    )
    r2 = "" if first.network > 0 else f"{first.network:.3g}, "
    return (
        f"{_share(first.network)} of the variance of {target_name(trained)} on average (R2 {r2}"
        f"from {least:.3g} for {hardest} to {most:.3g} for {easiest}); always predicting "
        f"{baseline(trained)} explains none."
    )


def _share(r2: float) -> str:
    """R2 as a share of the variance; "none" if it is not positive."""
    return percent(r2) if r2 > 0 else "none"


def is_several(trained: TrainedTable) -> bool:
    """Whether there are several targets."""
    return len(trained.target.names) > 1


def judged_rows(trained: TrainedTable) -> str:
    """The rows that are scored, in words."""
    rows = counted(len(trained.held_out.true), "row")
    if trained.in_time is not None:
        models = "networks" if trained.blueprint.members > 1 else "a network"
        by = trained.in_time.called
        return f"the last {rows} by {by}, predicted by {models} trained on earlier rows only"
    if trained.blueprint.members > 1:
        return f"{rows}, each predicted by a network that never saw it"
    return f"{rows} that training never saw"


def interval_sentence(trained: TrainedTable) -> str:
    """How far true numbers lie from predictions; empty for classes and for few held-out rows.

    With 100 held-out rows, the coverage has a standard error of 0.03.
    """
    coding = trained.target
    if isinstance(coding, Classification) or len(trained.held_out.true) < FEW_HELD_OUT:
        return ""
    reach = trained.reach(0.9)
    if not np.isfinite(reach).all() or len(reach) > MOST_NAMED:  # diverged, or too long to read
        return ""
    within = list(map(_within, coding.columns, reach.tolist()))
    if is_several(trained):
        pairs = zip(within, map(trained.called, trained.target.names), strict=True)
        within = [f"{reach_text} ({name})" for reach_text, name in pairs]
    return f"In 9 of 10 cases, the true value lies within {listed(within)} of the prediction."


def _within(target: Regression, reach: float) -> str:
    if target.logs is None:
        return number_text(reach)
    return f"a factor of {number_text(target.logs.factor(reach))}"


def verdict(trained: TrainedTable) -> str:
    """Whether the network beats the trivial predictor, and what to do if it does not."""
    score = trained.scores[0 if trained.decision is None else 1]
    room = 1.0 - score.trivial
    gain = (score.network - score.trivial) / room if room > 0 else 0.0
    if not gain >= -_HARDLY and trained.in_time:
        return (
            f"That is worse than always predicting {baseline(trained)}: the other columns do not "
            "predict how this one continues. Columns that do, such as its earlier values, may help."
        )
    if not gain >= -_HARDLY:  # or NaN, after divergence
        return (
            "That is worse than the trivial predictor: try a smaller learning rate, more "
            "patience, or more rows."
        )
    if gain < _HARDLY:
        return (
            "That is hardly better than the trivial predictor: the other columns may hold little "
            "information about this one, or there are too few rows."
        )
    if trained.task == "regression" and abs(score.trivial) < _HARDLY:
        return ""  # the headline gives R2, which is the same number
    by = "" if trained.decision is None else f"a {score.name} of {percent(score.network)}, "
    return f"That is {by}{percent(gain)} of the way from the trivial predictor to a perfect one."


def decision_sentence(trained: TrainedTable) -> str:
    """The probability at which the positive class is predicted; empty without a threshold."""
    decision = trained.decision
    if decision is None:
        return ""
    positive = class_name(trained, decision.positive)
    return (
        f"A row is predicted as {positive} if its probability is at least "
        f"{number_text(decision.threshold)}."
    )
