"""A trained table model in sentences: what it predicts, how well, and why training ended."""

from __future__ import annotations

from talweg.data.columns import plain
from talweg.data.table_model import TableModel

_DIGITS = 4


def number_text(value: float) -> str:
    """A number to four digits, as a person writes it."""
    rounded = float(f"{value:.{_DIGITS}g}")
    return plain(rounded) if rounded.is_integer() else f"{rounded:g}"


def headline(model: TableModel) -> str:
    """What the network reaches on rows that it never saw, beside a trivial predictor."""
    rows, target, first = len(model.held_out.true), model.coding.name, model.scores[0]
    subject = f"On {rows:,} rows that training never saw, the network"
    if model.task == "regression":
        share = f"{100 * first.network:.0f} %" if first.network > 0 else "none"
        error = model.scores[1]
        return (
            f"{subject} explains {share} of the variance of {_named(target)} "
            f"(R2 {first.network:.3f}) and is off by {number_text(error.network)} on average; "
            f"always saying the mean is off by {number_text(error.trivial)}."
        )
    return (
        f"{subject} names {_named(target)} rightly in {_percent(first.network)}; always naming "
        f"the most frequent class does in {_percent(first.trivial)}."
    )


def verdict(model: TableModel) -> str:
    """Whether the network is worth having, and what to do where it is not."""
    score = model.scores[0]
    room = 1.0 - score.trivial
    gain = (score.network - score.trivial) / room if room > 0 else 0.0
    if gain < 0.02:
        return (
            "It has hardly learnt more than the trivial predictor knows: the other columns may "
            "say little about this one, or there are too few rows."
        )
    return f"That is {_percent(gain)} of the way from the trivial predictor to a perfect one."


def training_sentence(model: TableModel) -> str:
    """How long it trained, why it stopped, and which weights it kept."""
    told = model.training
    return (
        f"It trained for {told['epochs']} epochs in {told['seconds']:.1f} s and stopped because "
        f"{told['why']}; the weights are those after epoch {told['best_epoch']}."
    )


def notes(model: TableModel) -> list[str]:
    """What a person should know about the data before they trust the model."""
    encoder, told = model.encoder, model.training
    said = [f"Column {_named(name)} is left out. {why}" for name, why in encoder.left_out.items()]
    missing = model.rows - sum(model.parts.values())
    if missing:
        said.append(f"{missing:,} rows have no target and were left out.")
    if told["stopped_by"] == "epochs":
        said.append("Training used all its epochs: more of them (--epochs) may help.")
    if told["stopped_by"] == "non_finite":
        said.append(told["why"])
    return said


def _named(column: str) -> str:
    """A column's name, or "column 3" for one that has only a position."""
    return f"column {column}" if column.isdigit() else column


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
