"""How rows in time order were held out and scored, in sentences."""

from __future__ import annotations

from talweg.data.model.trained_table import TrainedTable
from talweg.data.split.periods import InTime, Period


def time_sentences(trained: TrainedTable) -> list[str]:
    """How rows were held out, the score of each period, and what the final networks saw."""
    in_time = trained.in_time
    if in_time is None:
        return []
    sentences = [order_sentence(in_time)] if trained.settings["time"] is None else []
    sentences += [_periods(in_time)] if in_time.periods else []
    if trained.task == "regression" and trained.scores[0].network < 0:
        sentences.append(
            "An R2 below 0 means that a constant would have predicted better: do not rely on "
            "predictions for later rows."
        )
    return [*sentences, _retraining(trained)]


def order_sentence(in_time: InTime) -> str:
    """Why the last rows are held out, and how to hold out random rows instead."""
    return (
        f"The rows are in time order by {in_time.called}, so the held-out rows come after the "
        "training rows. To hold out random rows instead, use --shuffle (time=False in Python)."
    )


def _periods(in_time: InTime) -> str:
    """The score of each period, which shows how much the next one may differ."""
    last, scores = in_time.periods[-1], [f"{period.network:.2f}" for period in in_time.periods]
    if len(scores) == 1:
        return ""
    listed = f"{', '.join(scores[:-1])} and {scores[-1]}"
    return (
        f"In {len(scores)} successive periods of about {last.rows:,} rows, predicted by networks "
        f"trained on earlier rows only, {_score_name(last)} was {listed}. Expect as much variation "
        "in the future, and worse scores further ahead."
    )


def _score_name(period: Period) -> str:
    """The name of the score without that of the target."""
    return period.score.removeprefix("mean ").split(" of ")[0]


def _retraining(trained: TrainedTable) -> str:
    """Which rows the final networks were trained on."""
    if any(member["stopped_by"] == "interrupted" for member in trained.training["members"]):
        return "Training was interrupted: the networks may not have seen the latest rows."
    if trained.blueprint.members == 1:
        return "The network that predicts was retrained on all rows."
    return "The final networks were retrained, half of them on all rows."
