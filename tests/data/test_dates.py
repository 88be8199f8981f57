"""Dates in all their spellings, and text that only looks like dates."""

from datetime import datetime

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns import column_builder as growing
from talweg.data.columns.cells import as_cells
from talweg.data.columns.dates import seconds
from talweg.data.columns.detection import describe
from talweg.data.columns.kinds.registry import fit_column
from talweg.data.split.times import times_of

DAYS = [datetime(2020 + n % 5, 1 + n * 7 % 12, 1 + n * 11 % 28, n % 24, n % 60) for n in range(120)]
GERMAN, FRENCH, SPANISH = (
    names.split()
    for names in (
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "janv. févr. mars avril mai juin juil. août sept. oct. nov. déc.",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    )
)

WRITTEN = {  # how each day is written, and to what it is exact
    "Excel's own": (lambda d: f"{d.day:02}-{d:%b-%y}", "day"),
    "Excel's own, in full": (lambda d: f"{d.day}-{d:%b-%Y}", "day"),
    "Excel's own, spaces": (lambda d: f"{d.day} {d:%b} {d:%y}", "day"),
    "Excel's months": (lambda d: f"{d:%b-%y}", "month"),
    "months, apostrophe": (lambda d: f"{d:%b} '{d:%y}", "month"),
    "months in full": (lambda d: f"{d:%B-%Y}", "month"),
    "slashes": (lambda d: f"{d.day}/{d:%b/%Y}", "day"),
    "weekday, slashes": (lambda d: f"{d:%a %m/%d/%Y}", "day"),
    "weekday, dotted": (
        lambda d: f"{['Mo', 'Di', 'Mi', 'Do', 'Fr', 'Sa', 'So'][d.weekday()]}., {d:%d.%m.%Y}",
        "day",
    ),
    "weekday in full, ISO": (lambda d: f"{d:%A %Y-%m-%d %H:%M}", "minute"),
    "compact": (lambda d: f"{d:%Y%m%d}", "day"),
    "month.year": (lambda d: f"{d:%m.%Y}", "month"),
    "year.month": (lambda d: f"{d:%Y.%m}", "month"),
    "compact, months": (lambda d: f"{d:%Y%m}", "month"),
    "compact, moments": (lambda d: f"{d:%Y%m%d%H%M%S}", "minute"),
    "compact ISO": (lambda d: f"{d:%Y%m%dT%H%M%SZ}", "minute"),
    "ISO": (lambda d: f"{d:%Y-%m-%dT%H:%M:%S}", "minute"),
    "ISO, Z": (lambda d: f"{d:%Y-%m-%dT%H:%MZ}", "minute"),
    "ISO, offset": (lambda d: f"{d:%Y-%m-%dT%H:%M:%S}+00:00", "minute"),
    "ISO, comma": (lambda d: f"{d:%Y-%m-%d %H:%M:%S},000", "minute"),
    "ISO weeks": (lambda d: "{}-W{:02}-{}".format(*d.isocalendar()), "day"),
    "quarters": (lambda d: f"{d.year}Q{(d.month + 2) // 3}", "quarter"),
    "quarters first": (lambda d: f"Q{(d.month + 2) // 3} {d.year}", "quarter"),
    "month, year": (lambda d: f"{d:%m/%Y}", "month"),
    "German": (lambda d: f"{d.day}. {GERMAN[d.month - 1]} {d.year}", "day"),
    "French": (lambda d: f"{d.day} {FRENCH[d.month - 1]} {d.year}", "day"),
    "Spanish": (lambda d: f"{d.day} de {SPANISH[d.month - 1]} de {d.year}", "day"),
    "dotted": (lambda d: f"{d:%d.%m.%y}", "day"),
    "dotted, spaces": (lambda d: f"{d.day}. {d.month}. {d.year}", "day"),
    "dotted, year first": (lambda d: f"{d:%Y.%m.%d}", "day"),
    "not padded": (lambda d: f"{d.day}.{d.month}.{d.year}", "day"),
    "slashes, not padded": (lambda d: f"{d.month}/{d.day}/{d:%y}", "day"),
    "SQL Server": (lambda d: f"{d:%b} {d.day:2} {d:%Y %I:%M%p}", "minute"),
    "half days": (lambda d: f"{d.month}/{d.day}/{d.year} {d:%I:%M} {d:%p}", "minute"),
    "points in a.m.": (lambda d: f"{d:%Y-%m-%d %I:%M} {'ap'[d.hour > 11]}.m.", "minute"),
    "SAS": (lambda d: f"{d:%d%b%Y}".upper(), "day"),
    "C": (lambda d: f"{d:%a %b} {d.day:2} {d:%H:%M:%S %Y}", "minute"),
    "Japanese": (lambda d: f"{d.year}年{d.month}月{d.day}日", "day"),
    "Apache": (lambda d: f"{d:%d/%b/%Y:%H:%M:%S} +0000", "minute"),
    "short quarters": (lambda d: f"Q{(d.month + 2) // 3}/{d:%y}", "quarter"),
    "letters": (lambda d: f"{d:%a, %d %b %Y %H:%M:%S} GMT", "minute"),
}


def cut(day: datetime, to: str) -> datetime:
    """The start of the minute, day, month or quarter of a moment."""
    if to == "minute":
        return day
    month = day.month if to != "quarter" else 3 * ((day.month + 2) // 3) - 2
    return datetime(day.year, month, day.day if to == "day" else 1)


@pytest.mark.parametrize(("write", "to"), WRITTEN.values(), ids=WRITTEN.keys())
def test_dates_are_read_in_many_spellings(write, to: str) -> None:
    texts = [write(day) for day in DAYS]
    found = describe("when", as_cells([*texts, "", "unknown"]))
    assert found.kind == "date"
    expected = [(cut(day, to) - datetime(1970, 1, 1)).total_seconds() for day in DAYS]
    assert [seconds(text, found.detail[0]) for text in texts] == expected


def test_days_without_a_year_get_the_same_year() -> None:
    texts = [f"{day.day}-{day:%b}" for day in DAYS] + ["29-Feb"]
    column = fit_column(describe("when", as_cells(texts)), as_cells(texts))
    assert "year" not in column.scales and "day of year" in column.cycles
    for texts in ([f"{day:%B} {day.day}" for day in DAYS], [f"{d.day}.{d.month}." for d in DAYS]):
        assert describe("when", as_cells(texts)).kind == "date"


def test_compact_dates_may_be_numbers() -> None:
    numbers = np.array([float(f"{day:%Y%m%d}") for day in DAYS])
    texts = as_cells([f"{day:%Y%m%d}" for day in DAYS])
    column = fit_column(describe("when", numbers), numbers)
    assert column.kind == "date"
    np.testing.assert_array_equal(column.encode(numbers), column.encode(texts))
    expected = [datetime(day.year, day.month, day.day).timestamp() for day in DAYS]
    for cells in (numbers, texts):
        assert np.diff(times_of(cells)).tolist() == np.diff(expected).tolist()


RANDOM = np.random.default_rng(0)


def versions(low: int, high: int, patch: tuple[int, int]) -> list[str]:
    parts = zip(
        *(RANDOM.integers(low, high, 300) for _ in "ab"), RANDOM.integers(*patch, 300), strict=True
    )
    return [f"{a}.{b}.{c}" for a, b, c in parts]


NO_DATES = {
    "versions": versions(1, 9, (10, 60)),
    "small versions": versions(0, 4, (0, 30)),
    "versions to twelve": versions(1, 13, (10, 99)),
    "one odd version": [*versions(1, 9, (10, 60)), "beta"],
    "versions of years": [f"{2018 + n % 6}.{1 + n % 4}.{1 + n * 5 % 11}" for n in range(300)],
    "versions with dashes": [version.replace(".", "-") for version in versions(1, 9, (10, 60))],
    "versions of ten": [f"10.{1 + n % 12}.{10 + n * 7 % 90}" for n in range(300)],
    "versions after a word": [f"Rev. {version}" for version in versions(1, 9, (10, 60))],
    "models": [f"Model {n % 9}/{n % 12 + 1}/{20 + n % 9}" for n in range(300)],
    "addresses": [f"10.{n % 5}.{n % 12}.{n}" for n in range(300)],
    "scores": [f"{n % 5}-{n % 4}" for n in range(300)],
    "fractions": [f"{n % 5}/{1 + n % 9}" for n in range(300)],
    "ratings": [f"{n % 5}-{n % 5 + 1}" for n in range(300)],
    "clock times": [f"{n % 24:02}:{n % 60:02}" for n in range(300)],
    "telephones": [f"555-{n * 37 % 10_000:04}" for n in range(300)],
    "part numbers": [f"{n % 40:02}-{n % 77:02}-{n:04}" for n in range(300)],
    "serial numbers": [f"2024-{n:03}" for n in range(300)],
    "postal codes": [f"{n * 791 % 100_000:05}" for n in range(300)],
    "codes with E": [f"{n % 90 + 10}{'ABCDE'[n % 5]}{n % 10}" for n in range(300)],
    "numbers": [str(20_000_000 + n * 7919) for n in range(300)],
    "words": [f"row {n}" for n in range(300)],
    "names": [f"{n % 28 + 1} Marketing {2000 + n % 9}" for n in range(300)],
}


@pytest.mark.parametrize("texts", NO_DATES.values(), ids=NO_DATES.keys())
def test_text_that_only_looks_like_dates_is_not_read(texts: list[str]) -> None:
    table = {"x": texts, "y": np.arange(len(texts)) % 7 / 2}
    assert tw.TableModel("y").kinds(table)[0].kind != "date"


def test_many_versions_are_not_dates(monkeypatch) -> None:
    monkeypatch.setattr(growing, "MOST_WORDS", 100)
    column = growing.ColumnBuilder(growing.Shelf())
    column.add([f"{a}.{b}.{c}" for a in range(1, 9) for b in range(1, 9) for c in range(10, 20)])
    assert describe("x", column.cells()).kind == "text"


def test_dates_that_may_be_versions_get_a_note() -> None:
    found = describe("x", as_cells([f"{1 + n % 28}.{1 + n % 12}.{21 + n % 3}" for n in range(99)]))
    assert found.kind == "date"
    assert found.note.startswith("Versions look like these dates")
    assert describe("x", as_cells(["1.1.21", "1.2.21", "1.3.21"] * 9)).kind == "date"
    padded = as_cells([f"{1 + n % 9:02}.{1 + n % 9:02}.{21 + n % 5}" for n in range(99)])
    assert describe("x", padded).kind == "date"
    assert "Versions" not in describe("x", padded).note
