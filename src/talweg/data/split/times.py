"""The time of each row as a number, read from the cells of one or several columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from talweg.data.columns.cells import Cells, Floats, Moments, Words, as_words, parse, texts
from talweg.data.columns.dates import (
    STYLES,
    are_compact_dates,
    are_dotted_months,
    month_of,
    seconds,
    style_of,
)
from talweg.data.columns.table import Table
from talweg.errors import DataError


def times_in(table: Table, names: Sequence[str], asked: Mapping[str, object]) -> Floats:
    """Numbers (N,) that increase with the time in these columns, the longest unit first.

    `asked` may hold the style of a column's dates, as "day first". DataError: a cell that is
    neither a number nor a date.
    """
    parts = []
    for name in names:
        cells = table.columns[name]
        parts.append(times_of(cells, asked.get(name)))
        bad = ~np.isfinite(parts[-1])
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"Time {name!r}, row {row + 1}: {texts(cells)[row]!r} is neither a number nor a "
                "date. Correct it, or leave the row out."
            )
    return joint_times(parts)


def joint_times(parts: Sequence[Floats]) -> Floats:
    """Numbers (N,) in the order of the first part, and of the next ones where that is equal."""
    times: Floats = parts[0]
    for part in parts[1:]:
        values, ranks = np.unique(part, return_inverse=True)
        times = (np.unique(times, return_inverse=True)[1] * len(values) + ranks).astype(np.float64)
    return times


def times_of(cells: Cells, asked: object = None) -> Floats:
    """Numbers (N,) that order the cells; NaN for a cell that is not a number, date or month."""
    if isinstance(cells, Moments):
        return cells.readings.get(str(asked), cells.seconds)
    values, _ = parse(cells, vague=True)
    are_months = isinstance(cells, Words) and are_dotted_months(cells.counts)
    if np.isfinite(values).all() and not are_months and not are_compact_dates(values):
        return values
    words = as_words(cells)
    style = asked if asked in STYLES else style_of(words.counts)
    if style:
        return np.array([seconds(level, str(style)) for level in words.levels])[words.codes]
    months = np.array([month_of(level) for level in words.levels])[words.codes]
    return np.where(np.isnan(values), months, values)
