"""What rows that follow one another in time mean for a trained table, in sentences."""

from __future__ import annotations

from talweg.data.model.trained_table import TrainedTable
from talweg.data.split.periods import InTime, Period


def time_sentences(trained: TrainedTable) -> list[str]:
    """How rows were held out in time, what the score was period by period, and what remains."""
    found = trained.in_time
    if found is None:
        return []
    told = [order_sentence(found)] if trained.settings["time"] is None else []
    told += [_periods(found)] if found.periods else []
    if trained.task == "regression" and trained.scores[0].network < 0:
        told.append(
            "An R2 below 0 says that one fitting constant would have come nearer: rely on no "
            "prediction of later rows."
        )
    return [*told, _again(trained)]


def order_sentence(found: InTime) -> str:
    """That rows are held out in time unasked, and how not to."""
    return (
        f"The rows are in order of time by {found.called}, so held-out rows follow the rows that "
        "were learned from. To hold out rows at random instead: --shuffle (time=False in Python)."
    )


def _periods(found: InTime) -> str:
    """The score of each period, which says how much the next one may differ."""
    last, scores = found.periods[-1], [f"{each.network:.2f}" for each in found.periods]
    if len(scores) == 1:
        return ""
    listed = f"{', '.join(scores[:-1])} and {scores[-1]}"
    return (
        f"In {len(scores)} successive periods of about {last.rows:,} rows, predicted by networks "
        f"that learned from earlier rows only, {_named(last)} was {listed}. Expect as much spread "
        "ahead, and worse the further ahead."
    )


def _named(period: Period) -> str:
    """The score by its name, without that of the target."""
    return period.score.removeprefix("mean ").split(" of ")[0]


def _again(trained: TrainedTable) -> str:
    """Which rows the networks that remain have learned from."""
    if any(each["stopped_by"] == "interrupted" for each in trained.training["members"]):
        return "Training was interrupted, so the latest rows may not have been learned from."
    if trained.blueprint.members == 1:
        return "The network that predicts was trained again, on all rows."
    return "The networks that predict were trained again, half of them on all rows."
