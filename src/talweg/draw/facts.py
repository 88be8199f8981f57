"""What a report says, as plain data: strings, numbers and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from talweg.version import VERSION


@dataclass(frozen=True, kw_only=True)
class Regressed:
    """True and predicted numbers of a column."""

    true: ArrayLike
    predicted: ArrayLike
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class Classified:
    """How often each true class (row) was predicted as each class (column)."""

    labels: Sequence[str]
    counts: ArrayLike
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the network reached: scores as (name, network, baseline), and where it errs."""

    scores: Sequence[tuple[str, float, float]]
    baseline: str = "Trivial prediction"
    scored_on: str = ""
    picture: Regressed | Classified | None = None


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a run went: `history` has one entry an epoch, "val_" before what is of held-out rows."""

    history: Mapping[str, ArrayLike]
    epochs: int
    seconds: float
    best_epoch: int | None = None
    stopped_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Data:
    """The table: columns as (name, kind, use), those left out as (name, reason), and the splits.

    A split is (name, rows), as ("training", 2924); `notes` are sentences that ask for attention.
    """

    rows: int
    columns: Sequence[tuple[str, str, str]] = ()
    left_out: Sequence[tuple[str, str]] = ()
    splits: Sequence[tuple[str, int]] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Network:
    """The layers, as (name, output shape, parameters)."""

    layers: Sequence[tuple[str, str, int]]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What repeats the run: a command line, lines of Python, and the settings by name."""

    command: str = ""
    code: str = ""
    values: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that a report says; a part that is None is left out.

    `headline` says in a sentence or two what was found, `facts` are short names and values.
    """

    title: str
    headline: str
    facts: Sequence[tuple[str, str]] = ()
    result: Result | None = None
    training: Training | None = None
    data: Data | None = None
    network: Network | None = None
    settings: Settings | None = None
    version: str = VERSION
