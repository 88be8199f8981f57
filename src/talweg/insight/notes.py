"""What a person should know before trusting a trained table."""

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
    """What a person should know before trusting the model."""
    about_columns = trained.encoder.notes.items()
    doubts = [Note(f"Column {name!r}: {doubt}", name) for name, doubt in about_columns]
    without = trained.rows - sum(trained.parts.values())
    were = "was" if without == 1 else "were"
    lost = [f"{counted(without, 'row')} without a target {were} left out."] if without else []
    return [*map(Note, _training_notes(trained)), *doubts, *map(Note, lost)]


def _training_notes(trained: TrainedTable) -> list[str]:
    """Notes about the training and the target."""
    told, said = trained.training, []
    if told["stopped_by"] == "non_finite":
        said.append(told["stop_reason"][:1].upper() + told["stop_reason"][1:])
    if lost := told.get("left_out"):
        were, whose = ("network was", "its") if lost == 1 else ("networks were", "their")
        said.append(f"{lost} more {were} left out, as {whose} numbers stopped being finite.")
    if trained.settings["epochs"] is not None and _used_all_epochs(trained):
        said.append("Training used all the epochs that were asked for; more of them may help.")
    held = len(trained.held_out.true)
    if held < FEW_HELD_OUT:
        rows = counted(held, "row")
        said.append(f"With only {rows} held out, the scores are rough; another seed gives others.")
    if not isinstance(trained.target, Classification):
        said += [
            f"{one.name} is very skewed, so its logarithm is what was learned."
            for one in trained.target.columns
            if one.logs
        ]
    said += _single_rows(trained)
    if trained.along_time and trained.along_time.is_optimistic:
        said.append(trained.along_time.warning)
    return said


def _single_rows(trained: TrainedTable) -> list[str]:
    """What to say of classes that have one row each."""
    if not isinstance(trained.target, Classification) or trained.in_time:
        return []
    counts = np.rint(trained.held_out.prior * sum(trained.parts.values()))
    names = [trained.target.levels[place] for place in np.flatnonzero(counts == 1)]
    if not names:
        return []
    whose = f"{listed(first_few(names))} of {target_name(trained)}"
    said = f"The classes {whose} have" if len(names) > 1 else f"The class {whose} has"
    return [f"{said} a single row, which cannot both teach and test: add rows, or join classes."]


def _used_all_epochs(trained: TrainedTable) -> bool:
    """Whether most networks did; a schedule of the rate ends at the last epoch, as it should."""
    ends = [each["stopped_by"] for each in trained.training["members"]]
    return ends.count("epochs") > len(ends) / 2


def left_out(trained: TrainedTable) -> dict[str, str]:
    """The columns that the network does not see, and why."""
    encoder, learnt = trained.encoder, len(trained.target.names)
    return dict.fromkeys(encoder.targets[learnt:], "As asked for.") | encoder.left_out
