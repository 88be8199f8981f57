"""The conformance table of column kinds: one row a kind, and the same rules for all."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.cli.column_types import column_types_text
from talweg.data.columns.cells import Cells, as_cells
from talweg.data.columns.detection import as_asked, describe
from talweg.data.columns.kinds.base import AmountColumn, Column
from talweg.data.columns.kinds.levels import CodeColumn, LevelColumn, OneHotColumn
from talweg.data.columns.kinds.registry import (
    COLUMN_RECORD,
    COLUMNS,
    KIND_OF,
    USED,
    column_from,
    fit_column,
)
from talweg.data.columns.kinds.scalar import ScalarColumn
from talweg.data.columns.packing import Unpack, pack
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.read import as_table
from talweg.errors import DataError
from talweg.schema import fault

TIMES = 10  # rows of each cell of training


@dataclass(frozen=True)
class Row:
    """One kind, or one form of it.

    `met` are cells to predict and `parsed` what they are, as amounts or codes: NaN for unknown and
    None for missing cells. `refused` are cells that are not of the kind, where there are any.
    """

    kind: str
    form: type[Column]
    trained: Sequence[object]
    met: Sequence[object]
    parsed: Sequence[float | None]
    unknown: object
    told: str
    use: str
    refused: Sequence[object] = ()
    asked: Sequence[str] = ()
    far: object = None

    @property
    def cells(self) -> Cells:
        return as_cells([*self.trained] * TIMES)

    @property
    def column(self) -> Column:
        return fit_column(describe("x", self.cells), self.cells)

    @property
    def encoder(self) -> TableEncoder:
        cells = [*self.trained] * TIMES
        table = {"x": cells, "y": [row % 7 / 2 for row in range(len(cells))]}
        return TableEncoder.fit(as_table(table), "y")


NAN = math.nan
TABLE = {
    "number": Row(
        "number",
        ScalarColumn,
        trained=[1.5, 2, 4],
        met=[2, "2.50", " 4 ", None, "-", "odd", math.inf],
        parsed=[2, 2.5, 4, None, None, NAN, NAN],
        unknown="odd",
        told="1 not a number (such as 'odd')",
        use="(value - 2.5) / 1.08, softly clipped, with inputs for unknown and missing",
        refused=["oak", "elm"],
        asked=["number", "decimal point", "decimal comma"],
        far=99,
    ),
    "category": Row(
        "category",
        OneHotColumn,
        trained=["hill", "lake", "none"],
        met=["lake", " hill ", "none", "", "moon", b"lake"],
        parsed=[1, 0, 2, None, NAN, 1],
        unknown="moon",
        told="1 unknown (such as 'moon')",
        use="an input for each of 3 levels (hill, lake, none), unknown, missing",
        asked=["category"],
    ),
    "category of many levels": Row(
        "category",
        CodeColumn,
        trained=[f"l{place:03}" for place in range(101)],
        met=["l007", "", "moon"],
        parsed=[7, None, NAN],
        unknown="moon",
        told="1 unknown (such as 'moon')",
        use="a learned vector for each of 101 levels (l000, l001, l002, l003, l004, l005, ...),"
        " unknown, missing",
        asked=["category"],
    ),
    "boolean": Row(
        "boolean",
        OneHotColumn,
        trained=["yes", "no"],
        met=["YES", "f", True, 0, "-", "", "perhaps"],
        parsed=[1, 0, 1, 0, NAN, None, NAN],
        unknown="perhaps",
        told="1 unknown (such as 'perhaps')",
        use="an input for each of 2 levels (false, true), unknown, missing",
        refused=["oak", "elm"],
        asked=["boolean"],
    ),
    "ordinal": Row(
        "ordinal",
        OneHotColumn,
        trained=["high", "low", "medium"],
        met=["low", "high", "", "huge"],
        parsed=[0, 2, None, NAN],
        unknown="huge",
        told="1 unknown (such as 'huge')",
        use="an input for each of 3 levels (low, medium, high), unknown, missing, and its step",
        refused=["oak", "elm"],
        asked=["ordinal"],
    ),
    "date": Row(
        "date",
        AmountColumn,
        trained=["1970-01-01", "1970-03-05 12:00", "1971-02-06"],
        met=["1970-01-02", np.datetime64("1970-01-03"), "-", "", "soon"],
        parsed=[86_400, 172_800, None, None, NAN],
        unknown="soon",
        told="1 not a date (such as 'soon')",
        use="since, year, month, weekday, hour, sine and cosine of the day of year, sine and cosine"
        " of the weekday, sine and cosine of the hour, with inputs for unknown and missing",
        refused=["oak", "elm"],
        asked=["date", "year first"],
        far="2999-01-01",
    ),
    "duration": Row(
        "duration",
        ScalarColumn,
        trained=["1h 30m", "90 min", "2 days", "PT45M", "37:30:00"],
        met=["1.5 hours", "01:30:00", timedelta(minutes=1), 90, "-PT1.5S", "-", "", "1:30", "soon"],
        parsed=[5400, 5400, 60, 90, -1.5, None, None, NAN, NAN],
        unknown="soon",
        told="1 not a duration (such as 'soon')",
        use="(value - 17 h 51 min) / 20 h 36 min, softly clipped, with inputs for unknown and"
        " missing",
        refused=["oak", "elm"],
        asked=["duration"],
        far="20 weeks",
    ),
}

ROWS = pytest.mark.parametrize("row", TABLE.values(), ids=list(TABLE))


def test_the_table_has_every_kind_that_a_network_can_use() -> None:
    assert {row.kind for row in TABLE.values()} == {kind.name for kind in USED} == {*COLUMNS}
    assert all(KIND_OF[row.kind].column for row in TABLE.values())


@ROWS
def test_a_kind_is_recognized(row: Row) -> None:
    found = describe("x", row.cells)
    assert (found.kind, found.used, found.why, found.note) == (row.kind, True, "", "")
    assert isinstance(row.column, row.form) and row.column.kind == row.kind
    with_gaps = as_cells([*[*row.trained] * TIMES, "", None, "NA"])
    assert describe("x", with_gaps).kind == row.kind


@ROWS
def test_a_kind_may_be_asked_for(row: Row) -> None:
    for asked in row.asked:
        assert as_asked("x", row.cells, asked).kind == row.kind


@ROWS
def test_cells_that_are_not_of_the_kind_are_refused(row: Row) -> None:
    for asked in row.asked if row.refused else ():
        with pytest.raises(DataError, match=f"'x' cannot be of the kind '{asked}': .*'oak', 'elm'"):
            as_asked("x", as_cells(row.refused), asked)
    assert row.refused or as_asked("x", as_cells(["oak", "elm"]), row.kind).kind == row.kind


@ROWS
def test_cells_are_parsed(row: Row) -> None:
    column, cells = row.column, as_cells(np.array(row.met, dtype=object))
    if isinstance(column, AmountColumn):
        values, missing = column.amounts(cells)
        found = [None if gap else value for value, gap in zip(values, missing, strict=True)]
        found = [value if value is None or np.isfinite(value) else NAN for value in found]
    else:
        assert isinstance(column, LevelColumn)
        marks = {column.unknown: NAN, column.unknown + 1: None}
        found = [marks.get(code, code) for code in column.codes(cells).tolist()]
    np.testing.assert_array_equal(*(np.array(side, dtype=float) for side in (found, row.parsed)))
    assert [value is None for value in found] == [value is None for value in row.parsed]


@ROWS
def test_unknown_and_missing_cells_have_inputs_of_their_own(row: Row) -> None:
    column = row.column
    inputs = column.encode(as_cells(np.array(row.met, dtype=object)))
    assert inputs.shape == (len(row.met), column.width) == (len(row.met), len(column.input_names))
    assert inputs.dtype == np.float32 and np.isfinite(inputs).all()
    unknown, missing = column.flags(inputs)
    assert unknown.tolist() == [value is not None and value != value for value in row.parsed]
    assert missing.tolist() == [value is None for value in row.parsed]
    assert not np.array_equal(inputs[0], column.encode(as_cells([row.unknown]))[0])


@ROWS
def test_every_column_encodes_any_cell(row: Row) -> None:
    cells = as_cells(["", "odd", "yes", "1", "low", "2020-01-01", "a", "1 h"])
    inputs = row.column.encode(cells)
    assert inputs.shape == (len(cells), row.column.width) and np.isfinite(inputs).all()
    unknown, missing = row.column.flags(inputs)
    assert (missing[0], unknown[0], missing[1], unknown[1]) == (True, False, False, True)


@ROWS
def test_one_row_has_the_bits_of_a_table(row: Row) -> None:
    encoder = row.encoder
    for cell in (*row.trained, *row.met, row.unknown, row.far):
        source = {"x": cell}
        table = encoder.encode(as_table({"x": np.array([cell], dtype=object)}))
        met_in_row, met_in_table = encoder.unfamiliar(), encoder.unfamiliar()
        np.testing.assert_array_equal(encoder.row_encoder(source, met_in_row), table)
        encoder.encode(as_table({"x": np.array([cell], dtype=object)}), met=met_in_table)
        assert met_in_row.message("t") == met_in_table.message("t")


@ROWS
def test_packed_rows_have_the_bits_of_inputs(row: Row) -> None:
    column, cells = row.column, as_cells(np.array([*row.met, *row.trained], dtype=object))
    packed = pack(column, cells)
    inputs = Unpack([column]).apply({}, packed).array
    np.testing.assert_array_equal(inputs, column.encode(cells))


@ROWS
def test_unfamiliar_cells_are_told_in_words(row: Row) -> None:
    def message(*cells: object) -> str:
        met = row.encoder.unfamiliar()
        row.encoder.encode(as_table({"x": np.array(cells, dtype=object)}), met=met)
        return met.message("t")

    assert message(*row.trained) == ""
    assert f"'x': {row.told}" in message(row.unknown)
    assert "'x': 1 missing" in message(None)
    if row.far is not None:
        assert "'x': 1 far outside " in message(row.far)


@ROWS
def test_a_column_is_stored_and_checked(row: Row) -> None:
    column = row.column
    record = json.loads(json.dumps(column.to_json()))
    assert fault(record, COLUMN_RECORD) is None
    assert column_from(record) == column
    for name in record.keys() - {"is_code"}:
        assert fault({key: record[key] for key in record if key != name}, COLUMN_RECORD)
        assert fault({**record, name: [{}]}, COLUMN_RECORD)
    assert fault({**record, "more": 1}, COLUMN_RECORD)


@ROWS
def test_a_kind_is_described_in_words(row: Row) -> None:
    assert row.column.use == row.use
    assert column_types_text([describe("x", row.cells)]) == f"{row.kind}: x"


@ROWS
def test_values_to_try_are_cells_of_the_column(row: Row) -> None:
    column = row.column
    if isinstance(column, AmountColumn):
        amounts = column.amounts(row.cells)[0]
        again, _ = column.amounts(column.cells_of(amounts))
        np.testing.assert_array_equal(again, amounts)
        assert column.axis in ("amount", "moment") and column.text_of(float(amounts[0]))
    else:
        assert isinstance(column, LevelColumn) and column.axis == "level"
        shown = column.shown_levels(row.cells)
        assert len(shown) == len(row.trained)
        assert not column.flags(column.encode(as_cells([*shown])))[0].any()


@ROWS
@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_a_model_keeps_the_column(row: Row, tmp_path) -> None:
    cells = [*row.trained] * TIMES
    table: dict[str, Any] = {"x": cells, "y": [place % 7 / 2 for place in range(len(cells))]}
    model = tw.TableModel("y", epochs=1, hidden=(3,), n_estimators=1).fit(table)
    assert model.trained.encoder.columns == (row.column,)
    model.save(tmp_path / "m")
    new = {"x": np.array(row.met, dtype=object)}
    assert tw.load(tmp_path / "m").predict(new).tolist() == model.predict(new).tolist()
    assert np.isfinite(model.predict(new)).all()
