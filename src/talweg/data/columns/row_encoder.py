"""Encodes one row by a prepared path: the same bits as a table of one row, much sooner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from talweg.data.columns.cells import as_cells, is_missing, read_by
from talweg.data.columns.familiar import FAR, Familiar, Fault
from talweg.data.columns.kinds.base import Column, Inputs
from talweg.data.columns.kinds.levels import CodeColumn, OneHotColumn
from talweg.data.columns.kinds.scalar import ScalarColumn, clipped
from talweg.data.columns.numerals import POINT, cleaned
from talweg.data.columns.row_sources import as_row
from talweg.data.columns.unfamiliar import Unfamiliar
from talweg.data.columns.values import as_text

_UNKNOWN, _MISSING = 1, 2  # inputs of a scalar beside its value
_NO_LEVEL: tuple[Fault, Fault] = ("unknown", "missing")  # what the codes behind the levels mean


class RowEncoder:
    """Encodes the cells of one row, given by name.

    Scalars are gathered and clipped together, and levels are looked up; cells of other columns are
    encoded as those of a table are.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        marks: Mapping[str, str] | None = None,
        familiar: Mapping[str, Familiar] | None = None,
    ) -> None:
        mark_of = {column.name: (marks or {}).get(column.name, POINT) for column in columns}
        self._familiar = familiar or {}
        self._made_of = columns, marks, familiar
        self._width = sum(column.width for column in columns)
        self._scalars: list[tuple[str, int, Callable[[Any], float | None], float, float]] = []
        self._levels: list[tuple[str, int, Callable[[str], int], Any, str, int]] = []
        self._codes: list[tuple[str, int, Callable[[str], int], str, int]] = []
        self._others: list[tuple[str, int, Column, str]] = []
        scalars, start = [], 0
        for column in columns:
            name, mark = column.name, mark_of[column.name]
            if isinstance(column, ScalarColumn):
                self._scalars.append((name, start, column.reader(mark), *self._bounds(name)))
                scalars.append(column)
            elif isinstance(column, OneHotColumn):
                steps = None if column.steps is None else column.steps.tolist()
                self._levels.append((name, start, column.coder(), steps, mark, column.unknown))
            elif isinstance(column, CodeColumn):
                self._codes.append((name, start, column.coder(), mark, column.unknown))
            else:
                self._others.append((name, start, column, mark))
            start += column.width
        self._values = np.array([start for _, start, *_ in self._scalars], np.intp)
        self._means = np.array([column.mean for column in scalars])
        self._scales = np.array([column.scale for column in scalars])

    def _bounds(self, name: str) -> tuple[float, float]:
        known = self._familiar.get(name)
        return known.bounds(FAR) if known else (-np.inf, np.inf)

    def __reduce__(self) -> Any:
        return RowEncoder, self._made_of  # readers and coders are made anew

    def __call__(self, cells: Mapping[str, Any], met: Unfamiliar | None = None) -> Inputs:
        """The cells as inputs (1, D); cells that training did not have are counted in `met`.
        KeyError: a column is not there.
        """
        inputs = np.zeros((1, self._width), np.float32)
        row, values, odd = inputs[0], [], list[tuple[str, Fault, Any]]()
        for name, start, read, low, high in self._scalars:
            cell = cells[name]
            value = read(cell)
            if value is None:
                absent = is_missing(as_text(cell), vague=True)
                row[start + (_MISSING if absent else _UNKNOWN)] = 1
                odd.append((name, "missing" if absent else "unknown", cell))
                value = np.nan
            elif not low <= value <= high:
                odd.append((name, self._familiar[name].fault_of(value) or "far", cell))
            values.append(value)
        if values:
            row[self._values] = self._clipped(values)
        for name, start, code_of, steps, mark, unknown in self._levels:
            code = code_of(_word(cells[name], mark))
            row[start + code] = 1
            if steps is not None:
                row[start + len(steps)] = steps[code]
            if code >= unknown:
                odd.append((name, _NO_LEVEL[code - unknown], cells[name]))
        for name, start, code_of, mark, unknown in self._codes:
            row[start] = code = code_of(_word(cells[name], mark))
            if code >= unknown:
                odd.append((name, _NO_LEVEL[code - unknown], cells[name]))
        self._encode_others(cells, row, met)
        if met is not None:
            met.rows += 1
            for name, fault, cell in odd:
                met.note(name, fault, 1, as_text(cell))
        return inputs

    def _encode_others(self, cells: Mapping[str, Any], row: Inputs, met: Unfamiliar | None) -> None:
        for name, start, column, mark in self._others:
            cell = read_by(as_cells(as_row(cells[name])), mark)
            own = row[start : start + column.width]
            own[:] = column.encode(cell)[0]
            if met is not None:
                met.look(column, cell, own[None])

    def _clipped(self, values: list[float]) -> Any:
        known = np.array(values)
        known = np.where(known == known, known, self._means)
        return clipped((known - self._means) / self._scales)


def _word(cell: Any, mark: str) -> str:
    """The text of a cell."""
    return cleaned(cell.strip(), mark, keeps_unit=True) if type(cell) is str else as_text(cell)
