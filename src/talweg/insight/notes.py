"""What to know before trusting a trained table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talweg.data.model.targets.classification import Classification
from talweg.data.model.trained_table import TrainedTable
from talweg.errors import counted
from talweg.insight.record import Record
from talweg.insight.result_sentences import FEW_HELD_OUT, target_name
from talweg.insight.text import first_few, listed


@dataclass(frozen=True)
class Note(Record):
    """A sentence that asks for attention; `column` is set if it is about one column."""

    text: str
    column: str | None = None


def notes(trained: TrainedTable) -> list[Note]:
    """What to know before trusting the model."""
    about_columns = trained.encoder.notes.items()
    doubts = [Note(f"Column {name!r}: {doubt}", name) for name, doubt in about_columns]
    without = trained.rows - sum(trained.parts.values())
    were = "was" if without == 1 else "were"
    lost = [f"{counted(without, 'row')} without a target {were} left out."] if without else []
    return [*map(Note, _training_notes(trained)), *doubts, *map(Note, lost)]


def _training_notes(trained: TrainedTable) -> list[str]:
    """Notes about the training and the target."""
    training, sentences = trained.training, []
    if training["stopped_by"] == "non_finite":
        sentences.append(training["stop_reason"][:1].upper() + training["stop_reason"][1:])
    if lost := training.get("left_out"):
        were = "network was" if lost == 1 else "networks were"
        sentences.append(f"{lost} more {were} left out because a value became NaN or infinite.")
    if trained.settings["epochs"] is not None and _used_all_epochs(trained):
        sentences.append("Training used all requested epochs; more epochs may help.")
    held = len(trained.held_out.true)
    if held < FEW_HELD_OUT:
        rows = counted(held, "row")
        sentences.append(f"With only {rows} held out, the scores vary a lot with the seed.")
    if not isinstance(trained.target, Classification):
        sentences += [
            f"{column.name} is strongly skewed, so the network learned its logarithm."
            for column in trained.target.columns
            if column.logs
        ]
    sentences += _single_rows(trained)
    if trained.along_time and trained.along_time.is_optimistic:
        sentences.append(trained.along_time.warning)
    return sentences


def _single_rows(trained: TrainedTable) -> list[str]:
    """A note on the classes that have a single row, if there are any."""
    if not isinstance(trained.target, Classification) or trained.in_time:
        return []
    counts = np.rint(trained.held_out.prior * sum(trained.parts.values()))
    names = [trained.target.levels[index] for index in np.flatnonzero(counts == 1)]
    if not names:
        return []
    listing = f"{listed(first_few(names))} of {target_name(trained)}"
    have = f"The classes {listing} have" if len(names) > 1 else f"The class {listing} has"
    return [f"{have} one row, too few to train and to test: add rows or merge classes."]


def _used_all_epochs(trained: TrainedTable) -> bool:
    """Whether most networks ran all epochs."""
    ends = [member["stopped_by"] for member in trained.training["members"]]
    return ends.count("epochs") > len(ends) / 2


def left_out(trained: TrainedTable) -> dict[str, str]:
    """The columns that the network does not see, and why."""
    encoder, targets = trained.encoder, len(trained.target.names)
    return dict.fromkeys(encoder.targets[targets:], "As requested.") | encoder.left_out
