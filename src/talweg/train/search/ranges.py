"""The points of a sweep: all combinations of its values, or a number of draws from ranges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.errors import SettingError
from talweg.numerics import exp_of, log_of
from talweg.random import SEED, SWEEP_POINTS, generator
from talweg.settings import Checked, Choice, Constraint, Flag, Number, check, setting

SAMPLING: dict[str, Constraint] = {
    "points": Number(at_least=1, whole=True, optional=True),
    "sampling": Choice(("random", "sobol", "paired"), optional=True),
}
_PLAIN = {bool, int, float, str, type(None)}
Columns = dict[str, list[Any]]
"""All values of each name."""
Indices = Sequence[Sequence[int]]
"""For each point, the index of its value in each column."""


@dataclass(frozen=True)
class Range(Checked):
    """A range of a setting, from which a sweep draws its values.

    low + u (high - low) for u uniform in 0..1; with `log`, low (high / low)^u, so that every order
    of magnitude is equally likely; with `integer`, a whole number from low to high, both included.

    >>> [Range(1e-4, 1, log=True).at(u) for u in (0.0, 0.25, 0.5)]
    [0.0001, 0.001, 0.01]
    >>> [Range(1, 3, integer=True).at(u) for u in (0.0, 0.5, 0.99)]
    [1, 2, 3]
    """

    low: float = setting(MISSING, Number())
    high: float = setting(MISSING, Number())
    _: KW_ONLY
    log: bool = setting(False, Flag())
    integer: bool = setting(False, Flag())

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < self.high:
            raise SettingError(f"Range: low must be below high, but {self!r} was given.")
        if self.log and self.low <= 0:
            raise SettingError(f"Range: with log, low must be above 0, not {self.low!r}.")
        if self.integer and not all(float(end).is_integer() for end in (self.low, self.high)):
            raise SettingError(
                f"Range: with integer, both ends must be whole numbers, not {self!r}."
            )

    def at(self, share: float) -> float | int:
        """The value at this share (0..1) of the range."""
        low, high = float(self.low), float(self.high) + self.integer
        value = low + share * (high - low)
        if self.log:
            value = exp_of(log_of(low) + share * (log_of(high) - log_of(low)))
            value = float(f"{value:.15g}")  # 0.001, not 0.0010000000000000002
        return int(min(value, self.high)) if self.integer else min(max(value, low), high)


def visited(
    over: Mapping[str, Sequence[Any] | Range],
    points: int | None,
    sampling: str | None,
    seed: int,
) -> tuple[Columns, Indices]:
    """The values of each name, and the indices of those that make up each point."""
    if sampling == "paired":
        return _paired(over, points)
    if points is not None:
        return _drawn(over, points, sampling or "random", seed)
    if sampling is not None:
        raise SettingError(
            f"sweep: sampling={sampling!r} needs a number of points, such as points=32"
        )
    for name, values in over.items():
        if isinstance(values, Range):
            raise SettingError(
                f"sweep: over[{name!r}] is a range, which has no grid: give the number of points "
                "to draw, such as points=32, or a list of values"
            )
    columns = {n: list(values) for n, values in over.items() if not isinstance(values, Range)}
    return columns, list(itertools.product(*(range(len(values)) for values in columns.values())))


def _paired(
    over: Mapping[str, Sequence[Any] | Range], points: int | None
) -> tuple[Columns, Indices]:
    """The first values of all lists make the first point, their second values the next."""
    columns = {name: values for name, values in over.items() if not isinstance(values, Range)}
    counts = {len(values) for values in columns.values()}
    if len(counts) != 1 or len(columns) < len(over) or points is not None:
        raise SettingError(
            "sweep: sampling='paired' needs lists of equal length, with one value for each run, "
            "and no points"
        )
    firsts = [_firsts(values) for values in columns.values()]
    indices = list(zip(*firsts, strict=True))
    return {name: list(values) for name, values in columns.items()}, indices


def _firsts(values: Sequence[Any]) -> list[int]:
    """The index at which each value, or an equal one if it is plain, occurs first."""
    first: dict[Any, int] = {}
    keys = [(type(value), value) if type(value) in _PLAIN else id(value) for value in values]
    return [first.setdefault(key, index) for index, key in enumerate(keys)]


def _drawn(
    over: Mapping[str, Sequence[Any] | Range], points: int, sampling: str, seed: int
) -> tuple[Columns, Indices]:
    """Points drawn from ranges and lists; the first are the same, however many follow."""
    seed = check("fit", {"seed": seed}, {"seed": SEED})["seed"]
    if not over:
        raise SettingError(
            f"sweep: points={points} was given, but over is empty; name at least one "
            "setting, such as {'lr': tw.Range(1e-3, 1, log=True)}"
        )
    shares = SHARES[sampling](points, len(over), seed)
    columns: Columns = {}
    indices = []
    for (name, values), column in zip(over.items(), shares.T.tolist(), strict=True):
        if isinstance(values, Range):
            drawn = [values.at(share) for share in column]
            columns[name] = sorted(set(drawn))
            index_of = {value: index for index, value in enumerate(columns[name])}
            indices.append([index_of[value] for value in drawn])
        else:
            columns[name] = list(values)
            indices.append([int(share * len(values)) for share in column])
    return columns, list(zip(*indices, strict=True))


def _random_shares(points: int, names: int, seed: int) -> npt.NDArray[np.float64]:
    """(points, names) independent numbers in 0..1."""
    return generator(seed, SWEEP_POINTS).random((points, names))


def _sobol_shares(points: int, names: int, seed: int) -> npt.NDArray[np.float64]:
    """(points, names) numbers in 0..1 that fill the space evenly (Sobol 1967, scrambled)."""
    try:
        from scipy.stats import qmc
    except ImportError:
        raise SettingError(
            "sweep: sampling='sobol' needs SciPy: pip install 'talweg[search]', or use "
            "sampling='random'"
        ) from None
    scrambling = np.random.default_rng([seed, SWEEP_POINTS])  # SciPy spawns, which Philox cannot
    sequence = qmc.Sobol(names, scramble=True, seed=scrambling)
    shares: npt.NDArray[np.float64] = sequence.random_base2(math.ceil(math.log2(points)))[:points]
    return np.minimum(shares, np.nextafter(1.0, 0.0))


SHARES = {"random": _random_shares, "sobol": _sobol_shares}
