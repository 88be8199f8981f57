"""The thirteen real tables, read as a careful user would, and split the same for everyone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

Task = Literal["regression", "classification"]

FOLDER = Path("../shared/data/tables")
TEST = 0.25  # the share of rows that is held out


@dataclass(frozen=True)
class RealTable:
    """The files of a table, its target, and whether talweg's defaults were chosen on it.

    `drop` lists columns that no contestant gets. The columns of a file without a header are named
    column_0, column_1 and so on.
    """

    files: tuple[str, ...]
    targets: tuple[str, ...]
    task: Task
    header: bool = False
    chosen_on: bool = False
    drop: tuple[str, ...] = ()


_THRESHOLDED = ("Low_Heat_Load", "High_Heat_Load", "Low_Cool_Load", "High_Cool_Load")
_PASSENGER_IDS = ("PassengerId", "Name", "Ticket", "Cabin")

TABLES = {
    "california-housing": RealTable(
        ("california-housing.csv",), ("median_house_value",), "regression", True, True
    ),
    "abalone": RealTable(("abalone.csv",), ("column_8",), "regression", chosen_on=True),
    "pima": RealTable(
        ("pima-indians-diabetes.csv",), ("column_8",), "classification", chosen_on=True
    ),
    "titanic": RealTable(
        ("titanic-train.csv",), ("Survived",), "classification", True, True, _PASSENGER_IDS
    ),
    "wine": RealTable(("wine.csv",), ("column_13",), "classification", chosen_on=True),
    "iris": RealTable(("iris.csv",), ("column_4",), "classification", chosen_on=True),
    "adult": RealTable(
        ("adult-train.csv", "adult-test.csv"), ("column_14",), "classification", chosen_on=True
    ),
    "auto-mpg": RealTable(
        ("auto-mpg-questionmark.csv",), ("mpg",), "regression", True, drop=("name",)
    ),
    "energy": RealTable(
        ("energy-efficiency-ENB2012.csv",), ("Y1", "Y2"), "regression", True, drop=_THRESHOLDED
    ),
    "breast-cancer": RealTable(("breast-cancer-wisconsin.csv",), ("column_9",), "classification"),
    "mushroom": RealTable(("mushroom.csv",), ("Class",), "classification", True),
    "penguins": RealTable(("penguins.csv",), ("species",), "classification", True),
    "wheat-seeds": RealTable(("wheat-seeds.csv",), ("column_7",), "classification"),
}


class Dealt(NamedTuple):
    """One split of a table as pandas frames that include the targets, and the task."""

    train: Any
    test: Any
    targets: list[str]
    task: Task

    def inputs(self, frame: Any) -> Any:
        """The frame without its targets."""
        return frame.drop(columns=self.targets)

    def wanted(self, frame: Any) -> Any:
        """The targets: (N,), or (N, K) if there are several."""
        return frame[self.targets[0] if len(self.targets) == 1 else self.targets].to_numpy()


def read(name: str, folder: Path = FOLDER) -> Any:
    """The table as a frame: `?` is missing, text is stripped, identifiers are dropped."""
    import pandas as pd

    table = TABLES[name]
    header = 0 if table.header else None
    parts = [
        pd.read_csv(folder / file, header=header, na_values="?", skipinitialspace=True)
        for file in table.files
    ]
    frame = pd.concat(parts, ignore_index=True).drop(columns=list(table.drop))
    if not table.header:
        frame.columns = [f"column_{i}" for i in range(frame.shape[1])]
    if name == "adult":  # the labels in its second file end with a dot
        frame[table.targets[0]] = frame[table.targets[0]].str.rstrip(".")
    return frame


def deal(name: str, split: int, folder: Path = FOLDER) -> Dealt:
    """The split with that number: a quarter of the rows, stratified by class, is the test set."""
    table, frame = TABLES[name], read(name, folder)
    classes = np.zeros(len(frame), dtype=np.intp)
    if table.task == "classification":
        classes = np.unique(frame[table.targets[0]].to_numpy(), return_inverse=True)[1]
    held = _quarter(classes, np.random.default_rng(split))
    train, test = (frame[rows].reset_index(drop=True) for rows in (~held, held))
    return Dealt(train, test, list(table.targets), table.task)


def _quarter(classes: Any, draw: np.random.Generator) -> Any:
    """The mask (N,) of the test rows: a quarter of each class, rounded to whole rows."""
    held = np.zeros(len(classes), dtype=np.bool_)
    for label in range(classes.max() + 1):
        rows = draw.permutation(np.flatnonzero(classes == label))
        held[rows[: round(TEST * len(rows))]] = True
    return held
