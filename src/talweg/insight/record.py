"""Records that can be written as JSON, and the one place that converts them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from math import isfinite
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.table import evenly
from talweg.version import VERSION

MOST_POINTS = 1_000  # of an array with a value per row, in JSON
PER_ROW = {"most": MOST_POINTS}
"""Metadata of a field that has a value per row: JSON gets a sample, evenly spaced."""


class Record:
    """A dataclass that JSON writes as an object of its fields and its `derived` properties."""

    derived: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Report(Record):
    """The report of a run, a table model, a sweep or a comparison.

    `summary` is the result in a few sentences; `talweg` is the version that wrote it.
    """

    kind: ClassVar[str]
    title: str
    summary: tuple[str, ...] = ()
    talweg: str = VERSION

    def to_json(self) -> dict[str, Any]:
        """The report as JSON can hold it; `docs/json.md` describes the layout."""
        return {"talweg": self.talweg, "kind": self.kind} | _fields_to_json(self)

    def json_text(self) -> str:
        """The report as a line of text that holds one JSON object."""
        return json.dumps(self.to_json(), allow_nan=False)


def to_json(value: Any) -> Any:
    """A value as JSON can hold it: NaN and infinities become null, dates ISO text.

    >>> to_json({"x": np.array([1.5, np.nan]), "day": np.datetime64("2024-02-29")})
    {'x': [1.5, None], 'day': '2024-02-29'}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, np.ndarray | np.generic):
        return _array_to_json(np.asarray(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    return _record_to_json(value)


def _array_to_json(array: NDArray[Any]) -> Any:
    if array.dtype.kind == "M":
        return np.where(np.isnat(array), np.array(None), np.datetime_as_string(array)).tolist()
    return to_json(array.tolist())


def _record_to_json(value: Any) -> Any:
    if isinstance(value, Record):
        return _fields_to_json(value)
    if hasattr(value, "_asdict"):  # a named tuple
        return to_json(value._asdict())
    return list(map(to_json, value)) if isinstance(value, Iterable) else str(value)


def _fields_to_json(record: Any) -> dict[str, Any]:
    values = {
        field.name: to_json(_sampled(getattr(record, field.name), field.metadata.get("most")))
        for field in fields(record)
    }
    return values | {name: to_json(getattr(record, name)) for name in record.derived}


def _sampled(values: Any, most: int | None) -> Any:
    if most is None or len(values) <= most:
        return values
    return np.asarray(values)[evenly(len(values), most)]
