"""Durations: which texts are durations, and which columns are recognized."""

import math
from datetime import timedelta

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.cells import as_cells
from talweg.data.columns.detection import describe
from talweg.data.columns.kinds.duration import YEAR, DurationColumn, duration_text, seconds_in
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.read import as_table
from talweg.errors import DataError

TEXTS = [
    ("1h 30m", 5400),
    ("1h30m", 5400),
    ("1 h 30 min", 5400),
    ("1 hour and 30 minutes", 5400),
    ("1 Hour, 30 Minutes", 5400),
    ("1.5 hrs.", 5400),
    ("1,5 h", 5400),
    ("90 min", 5400),
    ("90m", 5400),
    ("250 ms", 0.25),
    ("3 µs", 3e-6),
    ("7 ns", 7e-9),
    ("2 days", 172_800),
    ("2d 4h", 187_200),
    ("3 weeks", 1_814_400),
    ("6 months", YEAR / 2),
    ("2 yrs", 2 * YEAR),
    ("-15 min", -900),
    ("01:30:00", 5400),
    ("37:30:00", 135_000),
    ("0:01:23.5", 83.5),
    ("-00:00:10", -10),
    ("0 days 01:30:00", 5400),
    ("-1 days +23:59:59", -1),
    ("1 day, 1:30:00", 91_800),
    ("PT1H30M", 5400),
    ("P1DT2H", 93_600),
    ("P2W", 1_209_600),
    ("P1Y6M", 1.5 * YEAR),
    ("-PT1.5S", -1.5),
    ("P0DT1H30M0S", 5400),
    ("45", 45),
    ("-2.5", -2.5),
]
NOT = [
    *("", "soon", "h", "1 hour 2 hours", "30m 1h", "1h 30", "1:30", "12:60:00", "1:30:00 PM"),
    *("2H", "5 M", "3 km", "P", "PT", "P1H", "PT1D", "1,250 ms", "1e400", "9" * 50 + ":00:00"),
    *("5 minutes ago", "1 hr 5 dogs", "inf", "nan", "9" * 70 + "h", "1 h h", "two days", "1--2 h"),
]


@pytest.mark.parametrize(("text", "seconds"), TEXTS)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert seconds_in(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize("text", NOT)
def test_other_text_is_no_duration(text: str) -> None:
    assert math.isnan(seconds_in(text))


SHOWN = [
    (0, "0 s"),
    (0.0005, "500 us"),
    (1, "1 s"),
    (59.99, "59.99 s"),
    (60, "1 min"),
    (3599.9, "1 h"),
    (5400, "1 h 30 min"),
    (86_399, "1 d"),
    (400 * 86_400, "400 d"),
    (-5400, "-1 h 30 min"),
]


@pytest.mark.parametrize(("seconds", "text"), SHOWN)
def test_a_duration_is_written_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
    assert seconds_in(text) == pytest.approx(seconds, rel=1e-3)


COLUMNS = {  # name of the column, its cells, and its kind
    "units": ("x", ["5 min", "1 h", "90 min"], "duration"),
    "units and gaps": ("x", ["5 min", "1 h", "", "-", "unknown"], "duration"),
    "polars": ("x", ["90m", "1h 30m", "2h"], "duration"),
    "pandas": ("x", ["0 days 01:30:00", "1 days 00:00:00"], "duration"),
    "ISO 8601": ("x", ["PT1H30M", "PT45M"], "duration"),
    "beyond a day": ("x", ["01:30:00", "25:30:00"], "duration"),
    "a zero": ("x", ["0", "5 min", "1 h"], "duration"),
    "times of day": ("x", ["01:30:00", "14:05:30"], "category"),
    "clock times by name": ("duration", ["01:30:00", "14:05:30"], "duration"),
    "camel case": ("tripDuration", ["01:30:00", "14:05:30"], "duration"),
    "two parts": ("duration", ["1:30", "2:45"], "category"),
    "meters": ("x", ["5 m", "10 m", "20 m"], "category"),
    "meters that are called waiting time": ("wait_time", ["5 m", "10 m"], "duration"),
    "dimensions": ("x", ["2d", "3d"], "category"),
    "decades": ("x", ["1980s", "1990s"], "category"),
    "product codes": ("x", ["P1M", "P2M"], "category"),
    "employment": ("x", ["10+ years", "< 1 year", "2 years", "3 years"], "category"),
    "mixed with words": ("x", ["5 min", "1 h", "late"], "category"),
    "mixed with numbers": ("x", ["5 min", "1 h", "30"], "category"),
    "numbers": ("x", [90, 30, 45], "number"),
}


@pytest.mark.parametrize(("name", "cells", "kind"), COLUMNS.values(), ids=list(COLUMNS))
def test_a_column_of_durations_is_recognized(name: str, cells: list, kind: str) -> None:
    assert describe(name, as_cells(np.array(cells * 10, dtype=object))).kind == kind


def test_odd_cells_of_a_column_of_durations_are_noted() -> None:
    cells = [f"{place % 50 + 1} min" for place in range(300)]
    found = describe("x", as_cells([*cells, "30", "soon"]))
    assert found.note == (
        "1 of 302 cells have no unit and are read as seconds: '30' (1). Add the unit."
        " 1 of 302 cells are not durations and count as unknown: 'soon' (1). Correct or empty them."
    )


HINTS = [
    (
        [f"{place % 24:02}:{place % 60:02}:{place % 59:02}" for place in range(90)],
        "times of day. If",
    ),
    ([f"{place}:{place % 60:02}" for place in range(90)], "Write them with seconds (1:30:00) or"),
    ([f"row {place}" for place in range(90)], ""),
]


@pytest.mark.parametrize(("cells", "words"), HINTS)
def test_clock_times_that_are_left_out_get_a_hint(cells: list[str], words: str) -> None:
    found = describe("x", as_cells(cells))
    assert not found.used and words in found.note and bool(words) == bool(found.note)


def test_spans_of_time_are_durations_when_asked_for() -> None:
    spans = [timedelta(minutes=place * 7 % 40) for place in range(40)]
    table = as_table({"x": np.array(spans, dtype="m8[s]"), "y": range(40)})
    (column,) = tw.TableModel("y").kinds(table)
    assert column.kind == "number"
    (column,) = tw.TableModel("y", columns={"x": "duration"}).kinds(table)
    assert column.kind == "duration"
    encoder = TableEncoder.fit(table, "y", types=[column])
    texts = as_table({"x": [f"{place * 7 % 40} min" for place in range(40)]})
    np.testing.assert_array_equal(encoder.encode(texts), encoder.encode(table))
    assert encoder.columns[0].text_of(90.0) == "1 min 30 s"


@pytest.mark.parametrize("cells", [["1:30", "2:45"], ["oak", "elm"]])
def test_what_is_no_duration_is_refused(cells: list[str]) -> None:
    table = {"x": cells * 10, "y": range(20)}
    with pytest.raises(DataError, match="'duration': none of its cells is a duration such as 1 h"):
        tw.TableModel("y", columns={"x": "duration"}).kinds(table)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_spans_of_a_frame_are_met_by_a_model_of_texts(library: str) -> None:
    module = pytest.importorskip(library)
    column = DurationColumn("x", 3600.0, 600.0)
    encoder = TableEncoder(("x",), (), (column,), {}, marks={"x": ""})
    cells = {"x": [timedelta(minutes=50), timedelta(hours=2), None]}
    frame = module.table(cells) if library == "pyarrow" else module.DataFrame(cells)
    expected = encoder.encode(as_table({"x": ["50 min", "2 h", ""]}))
    np.testing.assert_array_equal(encoder.encode(as_table(frame)), expected)
    np.testing.assert_array_equal(encoder.encode_row(frame[:1]), expected[:1])


@pytest.mark.parametrize("task", [None, "regression"])
def test_a_target_of_durations_is_refused_with_advice(task: str | None) -> None:
    table = {"x": range(60), "wait": [f"{place * 7 % 60 + 1} min" for place in range(60)]}
    with pytest.raises(DataError, match="To predict a duration, convert the column to numbers of"):
        tw.TableModel("wait", task=task).fit(table)
