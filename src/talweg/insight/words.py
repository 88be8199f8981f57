"""A trained table in sentences: what it predicts, how well, why training ended, what to look at."""

from __future__ import annotations

from talweg.data.columns import plain
from talweg.data.encode import TableEncoder
from talweg.data.trained_table import TrainedTable

FEW_HELD_OUT = 100  # rows; the standard error of an accuracy of 0.9 is then 0.03

_DIGITS = 4
_HARDLY = 0.02  # of the way from the trivial predictor to a perfect one


def number_text(value: float) -> str:
    """A number to four digits, as a person writes it.

    >>> number_text(0.56321), number_text(35012.3), number_text(2.0)
    ('0.5632', '35,010', '2')
    """
    rounded = float(f"{value:.{_DIGITS}g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{rounded:g}"


def setting_text(value: object) -> str:
    """A setting as a person reads it.

    >>> setting_text((128, 64)), setting_text(None), setting_text(2.0)
    ('128, 64', 'none', '2')
    """
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return plain(float(value))
    return "none" if value is None else str(value)


def target_name(trained: TrainedTable) -> str:
    """What to call the target: its name, or "column 3" where columns have only positions."""
    return column_name(trained, trained.coding.name)


def column_name(trained: TrainedTable, name: str) -> str:
    """What to call a column of training: its name, or "column 3" where it only has a position."""
    return f"column {name}" if trained.encoder.positional else name


def baseline(trained: TrainedTable) -> str:
    """What the trivial predictor says to each row."""
    prior = trained.held_out.prior
    if trained.task == "regression":
        return f"the mean, {number_text(float(prior[0]))}"
    return f"the most frequent class, {trained.labels[prior.argmax()]}"


def sentences(trained: TrainedTable) -> list[str]:
    """All that a person should read of a trained table."""
    told = [headline(trained), verdict(trained), training_sentence(trained), *notes(trained)]
    unseen = left_out(trained.encoder).items()
    return [each for each in told if each] + [
        f"Column {name!r} is left out. {why}" for name, why in unseen
    ]


def headline(trained: TrainedTable) -> str:
    """What the network reaches on rows that it never saw, beside a trivial predictor."""
    rows, first = _count(len(trained.held_out.true), "row"), trained.scores[0]
    subject = f"On {rows} that training never saw, the network"
    trivial = f"always predicting {baseline(trained)}, is"
    if trained.task == "regression":
        share = _percent(first.network, 0) if first.network > 0 else "none"
        error = trained.scores[1]
        return (
            f"{subject} explains {share} of the variance of {target_name(trained)} "
            f"(R2 {first.network:.3g}) and is off by {number_text(error.network)} on average; "
            f"{trivial} off by {number_text(error.trivial)}."
        )
    return (
        f"{subject} predicts {target_name(trained)} correctly in {_percent(first.network)} of "
        f"them; {trivial} correct in {_percent(first.trivial)}."
    )


def verdict(trained: TrainedTable) -> str:
    """Whether the network is worth having, and what to do where it is not."""
    score = trained.scores[0]
    room = 1.0 - score.trivial
    gain = (score.network - score.trivial) / room if room > 0 else 0.0
    if not gain >= -_HARDLY:  # NaN, from weights that ran away, is worse as well
        return (
            "That is worse than the trivial predictor: try a smaller learning rate, more "
            "patience, or more rows."
        )
    if gain < _HARDLY:
        return (
            "It has hardly learned more than the trivial predictor knows: the other columns may "
            "say little about this one, or there are too few rows."
        )
    if trained.task == "regression" and abs(score.trivial) < _HARDLY:
        return ""  # then R2, which the headline gives, says just that
    return f"That is {_percent(gain)} of the way from the trivial predictor to a perfect one."


def training_sentence(trained: TrainedTable) -> str:
    """How long it trained, why it stopped, and which weights it kept."""
    told = trained.training
    epochs = _count(told["epochs"], "epoch")
    return f"Training took {epochs} and {told['seconds']:.1f} s. {ending(trained)}"


def when(trained: TrainedTable) -> str:
    """When training ended, to the minute; "unknown" in files from before it was noted."""
    stamp = trained.training.get("when")
    return f"{stamp[:10]} {stamp[11:16]} UTC" if stamp else "unknown"


def provenance(trained: TrainedTable) -> str:
    """When, by which version and with which settings it was trained."""
    told = trained.training
    return (
        f"It was trained at {when(trained)} by talweg {told.get('version', 'unknown')}, on the loss"
        f" {told['loss']} with {told['optimizer']}, in batches of {told['batch_size']}, seed"
        f" {trained.settings['seed']}, {told['dtype']}."
    )


def ending(trained: TrainedTable) -> str:
    """Why training stopped, and which weights the network keeps."""
    told = trained.training
    why = told["why"].replace("val_loss", "the validation loss")
    if told["stopped_by"] == "non_finite":
        why = "its numbers stopped being finite"
    return f"It stopped because {why}; the network keeps the weights {told['kept']}."


def notes(trained: TrainedTable) -> list[str]:
    """What a person should know before they trust the model."""
    told, said = trained.training, []
    if told["stopped_by"] == "non_finite":
        said.append(told["why"][:1].upper() + told["why"][1:])
    if told["stopped_by"] == "epochs":
        said.append("Training used all its epochs; more of them may help.")
    held = len(trained.held_out.true)
    if held < FEW_HELD_OUT:
        rows = _count(held, "row")
        said.append(f"With only {rows} held out, the scores are rough; another seed gives others.")
    doubts = trained.encoder.notes.items()
    said += [f"Column {name!r}: {doubt}" for name, doubt in doubts]
    without = trained.rows - sum(trained.parts.values())
    if without:
        were = "was" if without == 1 else "were"
        said.append(f"{_count(without, 'row')} without a target {were} left out.")
    return said


def left_out(encoder: TableEncoder) -> dict[str, str]:
    """The columns that the network does not see, and why."""
    asked = dict.fromkeys(encoder.targets[1:], "As asked for.")
    return asked | encoder.left_out


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _percent(share: float, decimals: int = 1) -> str:
    return f"{share:.{decimals}%}"
