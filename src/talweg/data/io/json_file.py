"""Reads tables in JSON: one object per line, an array of objects, or what pandas writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from talweg.data.columns.table import Table
from talweg.data.io.files import Source
from talweg.data.io.opening import decoding_error, is_whole_json, open_text
from talweg.data.io.sources import table_in_memory
from talweg.errors import DataError


def json_table(file: Source, encoding: str) -> Table:
    """The table in a JSON file. DataError: a damaged file, or one without a table."""
    try:
        with open_text(file, encoding) as text:
            rows = _rows(file, text.read())
    except UnicodeDecodeError as error:
        raise decoding_error(file, error) from None
    try:
        return replace(table_in_memory(rows), source=str(file))
    except DataError as error:
        raise DataError(f"{file}: {error}") from None


def _rows(file: Source, text: str) -> Any:
    """Records, rows or columns, for `table_in_memory`."""
    lines = [(at, line) for at, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) > 1 and is_whole_json(lines[0][1]):
        return [_parse(file, line, at) for at, line in lines]
    value = _parse(file, text, 1)
    return value if isinstance(value, list) else _columns(value)


def _parse(file: Source, text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line += error.lineno - 1
        raise DataError(
            f"{file}, line {line}: this is not valid JSON ({error.msg}). The file is damaged or cut"
            " short: write it again, as one object per line or an array of objects."
        ) from None
    except RecursionError:
        raise DataError(
            f"{file}, line {line}: this JSON is too deeply nested for a table."
        ) from None


def _columns(value: Mapping[str, Any]) -> Any:
    """The content of an object: columns, rows by name or in one of its parts, or a single row."""
    if {"columns", "data"} <= value.keys():  # pandas: orient="split"
        return [dict(zip(value["columns"], row, strict=True)) for row in value["data"]]
    if {"schema", "data"} <= value.keys():  # orient="table"
        return value["data"]
    parts = [part for part in value.values() if isinstance(part, list) and _are_objects(part)]
    if len(parts) == 1:
        return parts[0]
    if value and all(isinstance(part, dict) for part in value.values()):
        are_rows = [*value] == [str(position) for position in range(len(value))]
        return [*value.values()] if are_rows else _by_row(value)
    if any(isinstance(part, list) for part in value.values()):
        return value
    return [value]


def _are_objects(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) for item in items)


def _by_row(columns: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Columns from objects of cells by row name; absent cells are missing."""
    rows = dict.fromkeys(row for cells in columns.values() for row in cells)
    return {name: [cells.get(row) for row in rows] for name, cells in columns.items()}
