"""Which tables have rows in chronological order, and by which columns."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import talweg as tw
from talweg.data.columns.table import Table
from talweg.data.model.inspected import InspectedTable
from talweg.data.split.folds import FOLDS
from talweg.data.split.timeline import INDEX, Timeline

RANDOM = np.random.default_rng(3)
ROWS = 120
X = RANDOM.normal(size=ROWS).round(3).tolist()
MOMENTS = [datetime(2019, 11, 25) + timedelta(hours=17 * row) for row in range(ROWS)]
DAYS = [f"{each:%Y-%m-%d}" for each in MOMENTS]
MONTHS = [f"{1950 + row // 12}-{1 + row % 12:02}" for row in range(ROWS)]
SHUFFLED = RANDOM.permutation(ROWS)


def swapped(cells: Sequence[object], count: int) -> list[object]:
    """The cells, with so many of them swapped."""
    found, places = list(cells), RANDOM.permutation(len(cells))[:count]
    for place, other in zip(places, np.roll(places, 1), strict=True):
        found[place] = cells[other]
    return found


def moved(cells: Sequence[object]) -> list[object]:
    return [cells[place] for place in SHUFFLED]


def parts(*units: str) -> dict[str, list[int]]:
    return {unit: [getattr(each, unit) for each in MOMENTS] for unit in units}


def found(cells: dict[str, object], **settings: object) -> tuple[str, ...]:
    """The columns along whose time rows are held out."""
    table = Table.from_columns([*cells.items(), ("x", X), ("y", X[::-1])])
    return tw.TableModel("y", **settings).time_order(table)


ORDERED = {
    "months": ({"at": MONTHS}, ("at",)),
    "days, several rows each": ({"at": DAYS}, ("at",)),
    "descending": ({"at": DAYS[::-1]}, ("at",)),
    "day first": ({"at": [f"{each:%d.%m.%Y}" for each in MOMENTS]}, ("at",)),
    "moments of NumPy": ({"at": np.array(MOMENTS, "datetime64[s]")}, ("at",)),
    "three in a hundred elsewhere": ({"at": swapped(DAYS, 4)}, ("at",)),
    "one unknown": ({"at": [*DAYS[:50], "", *DAYS[51:]]}, ("at",)),
    "one in fifteen unknown": (
        {"at": ["" if row % 15 == 8 else DAYS[row] for row in range(ROWS)]},
        ("at",),
    ),
    "months with a point": ({"Monat": [f"{m[5:]}.{m[:4]}" for m in MONTHS]}, ("Monat",)),
    "months with a point, descending": (
        {"obs": [m.replace("-", ".") for m in MONTHS[::-1]]},
        ("obs",),
    ),
    "months as numbers": ({"obs": [int(each.replace("-", "")) for each in MONTHS]}, ("obs",)),
    "months without marks": ({"obs": [each.replace("-", "") for each in MONTHS]}, ("obs",)),
    "each day as a number": (
        {"datum": [int(f"{MOMENTS[0] + timedelta(row):%Y%m%d}") for row in range(ROWS)]},
        ("datum",),
    ),
    "seconds since 1970": (
        {"timestamp": [1.7e9 + 3600 * row for row in range(ROWS)]},
        ("timestamp",),
    ),
    "milliseconds, descending": (
        {"event_ts_ms": [1.7e12 - 977 * row * row for row in range(ROWS)]},
        ("event_ts_ms",),
    ),
    "Excel's days": ({"Date": [45_000 + row // 2 for row in range(ROWS)]}, ("Date",)),
    "years with fractions": (
        {"decimal date": [1958.2 + row / 12 for row in range(ROWS)]},
        ("decimal date",),
    ),
    "three series": ({"at": DAYS[::3] * 3, "shop": ["a", "b", "c"] * 40}, ("at",)),
    "six short series, one below another": ({"at": DAYS[::6] * 6}, ("at",)),
    "two dates, one in order": ({"born": moved(DAYS), "at": DAYS}, ("at",)),
    "year to hour": (parts("year", "month", "day", "hour"), ("year", "month", "day", "hour")),
    "units in any place": (parts("hour", "day", "month", "year"), ("year", "month", "day", "hour")),
    "year and month": (
        {"Year": [1950 + row // 12 for row in range(ROWS)], "Month": [*range(1, 13)] * 10},
        ("Year", "Month"),
    ),
    **{
        f"{year} and {month}": (
            {year: [1950 + row // 12 for row in range(ROWS)], month: [*range(1, 13)] * 10},
            (year, month),
        )
        for year, month in (("Jahr", "Monat"), ("año", "mes"), ("Année", "Mois"), ("YEAR", "MO"))
    },
    "months by name": (
        {
            "year": [1950 + row // 12 for row in range(ROWS)],
            "month": [f"{d:%b}" for d in [datetime(2020, 1 + row % 12, 1) for row in range(ROWS)]],
        },
        ("year", "month"),
    ),
    "years": ({"year": [1900 + row for row in range(ROWS)]}, ("year",)),
    "years, months in no order": (
        {"year": [1950 + row // 3 for row in range(ROWS)], "month": RANDOM.integers(1, 13, ROWS)},
        ("year",),
    ),
}


@pytest.mark.parametrize(("columns", "names"), ORDERED.values(), ids=ORDERED)
def test_rows_in_chronological_order(columns, names) -> None:
    assert found(columns) == names
    assert found(columns, time=False) == ()


UNORDERED = {
    "no date": {"size": np.sort(X)},
    "dates in no order": {"at": moved(DAYS)},
    "dates, a quarter elsewhere": {"at": swapped(DAYS, 60)},
    "few different dates": {"at": sorted(DAYS[row % 5] for row in range(ROWS))},
    "series of two rows": {"at": [*DAYS[:2]] * (ROWS // 2)},
    "year and month in no order": {
        name: moved(each) for name, each in parts("year", "month").items()
    },
    "an attribute that rises": {"year built": [1900 + row for row in range(ROWS)]},
    "a third unknown": {"at": ["" if row % 3 == 2 else DAYS[row] for row in range(ROWS)]},
    "numbers of six digits": {"code": [200101 + row for row in range(ROWS)]},
    "months of one year": {"code": [202401 + row // 10 for row in range(ROWS)]},
    "prices that rise": {"price": [200101.05 + row // 12 + row % 12 / 100 for row in range(ROWS)]},
    "timestamps in no order": {"timestamp": moved([1.7e9 + 3600 * row for row in range(ROWS)])},
    "numbers that rise": {"rates": [1.7e9 + row * row for row in range(ROWS)]},
    "words that say when": {"date": [f"day {row}" for row in range(ROWS)]},
    "amounts with a point": {"price": [f"{1 + row % 9}.{2010 + row}" for row in range(ROWS)]},
    "short years": {"model year": [70 + row // 10 for row in range(ROWS)]},
    "months alone": {"month": [1 + row // 10 for row in range(ROWS)]},
}


@pytest.mark.parametrize("columns", UNORDERED.values(), ids=UNORDERED)
def test_rows_in_no_order(columns) -> None:
    assert found(columns) == ()


@pytest.mark.parametrize(
    "settings", [{"drop": "at"}, {"columns": {"at": "leave out"}}, {"columns": {"at": "category"}}]
)
def test_a_date_that_is_no_input_still_orders_the_rows(settings) -> None:
    assert found({"at": MONTHS}, **settings) == (() if "category" in str(settings) else ("at",))


def test_groups_and_a_given_time_take_precedence() -> None:
    columns = {"at": DAYS, "shop": ["a", "b", "c", "d", *"efgh"] * 15}
    assert found(columns, groups="shop") == ()
    assert found({**columns, "turn": SHUFFLED}, time="turn") == ("turn",)
    assert found({**columns, **parts("year", "month")}, time=["year", "month"]) == ("year", "month")


def test_few_rows_have_no_order() -> None:
    few = {"at": MONTHS[:20], "x": X[:20], "y": X[:20]}
    assert tw.TableModel("y").time_order(few) == ()
    few = {"at": MONTHS[:21], "x": X[:21], "y": X[:21]}
    assert tw.TableModel("y").time_order(few) == ("at",)


def test_rows_of_one_time_stay_in_one_block_if_there_are_enough_times() -> None:
    times = np.repeat(np.arange(30.0), 7)
    line = Timeline(("at",), times[RANDOM.permutation(210)], decides_split=True)
    ends = line.ends
    assert len(ends) == FOLDS and ends[-1] == 210
    assert (ends % 7 == 0).all() and np.diff(ends).min() >= 21
    one = Timeline(("at",), np.zeros(16), decides_split=True)
    assert one.ends.tolist() == [2, 4, 6, 8, 10, 12, 14, 16]


def test_a_date_in_no_order_is_known_but_does_not_rule() -> None:
    table = Table.from_columns([("at", moved(DAYS)), ("x", X), ("y", X)])
    settings = tw.TableModel("y").settings
    seen = InspectedTable.of(table, settings)
    assert seen.split_time is None
    assert seen.timeline is not None and seen.timeline.names == ("at",)
    assert InspectedTable.of(table, {**settings, "time": False}).timeline is None


def test_a_date_that_differs_in_each_row_predicts_no_target() -> None:
    target = (100 + np.arange(ROWS) // 2).astype(str).tolist()
    table = Table.from_columns([("at", MONTHS), ("x", X), ("y", target)])
    assert [each.note for each in tw.TableModel("y").kinds(table)] == ["", ""]


# Dates that label the rows -----------------------------------------------------------------------


def labelled(index: object, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"x": X, "y": X[::-1], **more}, index=index)


LABELLED = {
    "dates": (labelled(pd.DatetimeIndex(MOMENTS)), INDEX),
    "dates, descending": (labelled(pd.DatetimeIndex(MOMENTS[::-1])), INDEX),
    "dates of a zone": (labelled(pd.DatetimeIndex(MOMENTS, tz="Europe/Oslo")), INDEX),
    "periods": (labelled(pd.period_range("1950-01", periods=ROWS, freq="M")), INDEX),
    "dates in no order": (labelled(pd.DatetimeIndex(moved(MOMENTS))), ()),
    "dates with a name": (labelled(pd.DatetimeIndex(MOMENTS, name="at")), ("at",)),
    "dates beside a column of dates": (labelled(pd.DatetimeIndex(MOMENTS), at=DAYS), ("at",)),
    "numbers": (labelled(range(ROWS)), ()),
    "words": (labelled(DAYS), ()),
}


@pytest.mark.parametrize("name", LABELLED)
def test_a_frame_is_ordered_by_the_dates_that_label_its_rows(name: str) -> None:
    frame, expected = LABELLED[name]
    assert tw.TableModel("y").time_order(frame) == expected
    assert tw.TableModel("y", time=False).time_order(frame) == ()


def test_dates_that_label_the_rows_are_no_input(tmp_path: Path) -> None:
    frame = labelled(pd.DatetimeIndex(MOMENTS))
    model = tw.TableModel("y", epochs=2, hidden=(4,)).fit(frame)
    model.save(tmp_path / "m.talweg")
    few = frame.head(3)
    for same in (few, few.reset_index(drop=True), {"x": X[:3]}):
        np.testing.assert_array_equal(
            tw.load(tmp_path / "m.talweg").predict(same), model.predict(few)
        )
    assert model.trained.in_time.periods[-1].last == f"{MOMENTS[-1]}"
