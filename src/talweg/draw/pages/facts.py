"""What a report says, as plain data: strings, numbers and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from numpy.typing import ArrayLike

from talweg.version import VERSION


@dataclass(frozen=True, kw_only=True)
class Regressed:
    """True and predicted numbers of a column."""

    true: ArrayLike
    predicted: ArrayLike
    target: str = ""


Curve = tuple[ArrayLike, ArrayLike, float]
"""x, y, and the area under them."""


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """Claimed probabilities and what happened, in bins; `error` is the expected calibration error.

    `of` says what was claimed: "the class yes", or "the predicted class".
    """

    claimed: ArrayLike
    happened: ArrayLike
    counts: ArrayLike
    error: float
    of: str


@dataclass(frozen=True, kw_only=True)
class Classified:
    """How often each true class (row) was predicted as each class (column).

    `classes` are (name, rows, precision, recall, area under ROC, average precision); the curves
    are by the names of classes, each against all others.
    """

    labels: Sequence[str]
    counts: ArrayLike
    target: str = ""
    classes: Sequence[tuple[str, int, float, float, float, float]] = ()
    roc: Mapping[str, Curve] = field(default_factory=dict)
    precision_recall: Mapping[str, Curve] = field(default_factory=dict)
    calibration: Calibrated | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the network reached: scores as (name, network, baseline), and where it errs: in one
    picture, or one of each of several targets. Where rows are in the order of time, `periods` have
    the first score of each: (from, to, rows, network, baseline).
    """

    scores: Sequence[tuple[str, float, float]]
    networks: int = 1
    baseline: str = "Trivial prediction"
    scored_on: str = ""
    picture: Regressed | Classified | Sequence[Regressed] | None = None
    periods: Sequence[tuple[str, str, int, float, float]] = ()


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """The mean prediction, by the name of what is predicted, at values of a column."""

    name: str
    values: ArrayLike | Sequence[str]
    lines: Mapping[str, ArrayLike]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns the network relies on, and how the prediction follows them.

    `worse` and `spread` say for each name how far the `score` got worse where it was shuffled;
    the network has `of` columns.
    """

    names: Sequence[str]
    worse: ArrayLike
    spread: ArrayLike
    score: str
    rows: int
    repeats: int
    of: int
    predicted: str
    dependence: Sequence[Dependence] = ()


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """The rows that the network gets most wrong, as a table; `said` tells what they are."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str | float]]
    said: str


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a run went: `history` has one entry an epoch, "val_" before what is of held-out rows.

    Of several `networks` it is the first one's. `said` tells how long training took and why it
    ended; `speed` is (name, words), as ("training", "120,000 rows a second").
    """

    history: Mapping[str, ArrayLike]
    epochs: int
    said: str = ""
    best_epoch: int | None = None
    networks: int = 1
    speed: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class Data:
    """The table: columns as (name, kind, use), those left out as (name, reason), and the splits.

    A split is (name, rows), as ("training", 2924), of each of so many `networks`; `notes` are
    sentences that ask for attention; `missing` counts the missing cells of columns that have any.
    """

    rows: int
    columns: Sequence[tuple[str, str, str]] = ()
    missing: Mapping[str, int] = field(default_factory=dict)
    left_out: Sequence[tuple[str, str]] = ()
    splits: Sequence[tuple[str, int]] = ()
    networks: int = 1
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Network:
    """The layers, as (name, output shape, parameters), of each of so many `copies`."""

    layers: Sequence[tuple[str, str, int]]
    copies: int = 1
    said: str = ""


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
    columns: Columns | None = None
    mistakes: Mistakes | None = None
    training: Training | None = None
    data: Data | None = None
    network: Network | None = None
    settings: Settings | None = None
    version: str = VERSION
