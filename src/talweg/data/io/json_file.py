"""Tables in JSON: an object a line, an array of objects, or what pandas writes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from talweg.data.columns.table import Table
from talweg.data.io.files import Source
from talweg.data.io.opening import opened, undecodable
from talweg.data.io.sources import table_in_memory
from talweg.errors import DataError

_START = re.compile(r'\ufeff?\s*(?:\{\s*["}]|\[\s*[\[{\]])')


def is_json(sample: str) -> bool:
    """Whether a text begins as an object of JSON, an array of these, or a line with an array."""
    line = sample.lstrip("\ufeff \t\r\n").split("\n", 1)[0]
    return bool(_START.match(sample)) or (line.startswith("[") and _is_whole(line))


def json_table(file: Source, encoding: str) -> Table:
    """The table that a file of JSON holds. DataError: it is damaged, or holds no table."""
    try:
        with opened(file, encoding) as text:
            rows = _rows(file, text.read())
    except UnicodeDecodeError as error:
        raise undecodable(file, error) from None
    try:
        return replace(table_in_memory(rows), source=str(file))
    except DataError as error:
        raise DataError(f"{file}: {error}") from None


def _rows(file: Source, text: str) -> Any:
    """Records, rows or columns, as `table_in_memory` takes them."""
    lines = [(at, line) for at, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) > 1 and _is_whole(lines[0][1]):
        return [_parsed(file, line, at) for at, line in lines]
    found = _parsed(file, text, 1)
    return found if isinstance(found, list) else _columns(found)


def _is_whole(line: str) -> bool:
    try:
        return isinstance(json.loads(line), list | dict)
    except (ValueError, RecursionError):
        return False


def _parsed(file: Source, text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line += error.lineno - 1
        raise DataError(
            f"{file}, line {line}: this is no JSON ({error.msg}). It is damaged or cut short: write"
            " it again, an object a line or an array of objects."
        ) from None
    except RecursionError:
        raise DataError(f"{file}, line {line}: it nests too deep for a table.") from None


def _columns(found: Mapping[str, Any]) -> Any:
    """What an object holds: columns, rows by name or in a part of it, or the cells of one row."""
    if {"columns", "data"} <= found.keys():  # pandas: orient="split"
        return [dict(zip(found["columns"], row, strict=True)) for row in found["data"]]
    if {"schema", "data"} <= found.keys():  # orient="table"
        return found["data"]
    parts = [each for each in found.values() if isinstance(each, list) and _are_objects(each)]
    if len(parts) == 1:
        return parts[0]
    if found and all(isinstance(each, dict) for each in found.values()):
        are_rows = [*found] == [str(place) for place in range(len(found))]
        return [*found.values()] if are_rows else _by_row(found)
    if any(isinstance(each, list) for each in found.values()):
        return found
    return [found]


def _are_objects(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(each, dict) for each in items)


def _by_row(columns: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Columns whose cells have the names of rows; a cell that is not there is missing."""
    rows = dict.fromkeys(row for cells in columns.values() for row in cells)
    return {name: [cells.get(row) for row in rows] for name, cells in columns.items()}
