"""What kind each column is recognized as, what its owner may ask for instead, and dates."""

from datetime import datetime

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.cells import Words, as_cells
from talweg.data.columns.dates import STYLES, seconds
from talweg.data.columns.detection import describe, type_columns
from talweg.data.columns.kinds.date import DateColumn
from talweg.data.columns.kinds.ordinal import OrdinalColumn
from talweg.data.columns.kinds.registry import fit_column
from talweg.data.columns.kinds.scalar import BOUND
from talweg.data.columns.scales import scale_of
from talweg.data.io.read import as_table
from talweg.errors import DataError

TIMES = 10  # rows of each cell


def cells(*words: object) -> object:
    return as_cells(np.array([*words] * TIMES, dtype=object))


KINDS = [  # case, cells, name, kind, detail
    ("yes and no", cells("Yes", "no", ""), "x", "boolean", ()),
    ("truth", cells("TRUE", "FALSE"), "x", "boolean", ()),
    ("yes and its kin, thrice", cells("yes", "no", "maybe"), "x", "category", ()),
    ("two words for yes", cells("yes", "y", "no"), "x", "category", ()),
    ("sizes", cells("large", "Small", "medium"), "x", "ordinal", ("Small", "medium", "large")),
    ("shirts", cells("L", "M", "XL"), "x", "ordinal", ("M", "L", "XL")),
    ("letters", cells("s", "l"), "x", "category", ()),
    ("agreement", cells("agree", "strongly-disagree"), "x", "ordinal", None),
    ("a scale with none", cells("none", "mild", "severe"), "x", "ordinal", None),
    ("low, high, unknown", cells("low", "high", "unknown"), "x", "ordinal", ("low", "high")),
    ("days", cells("2020-01-31", "2021-02-01", "?"), "x", "date", ("year first",)),
    ("months", cells("1949-01", "1949-02"), "x", "date", ("year first",)),
    ("times", cells("2020-01-31T12:00:01.5Z", "2020-1-1 3:04"), "x", "date", ("year first",)),
    ("German days", cells("31.12.2020", "01.02.21"), "x", "date", ("day first",)),
    ("American days", cells("12/31/2020 3:04 PM", "1/2/2020"), "x", "date", ("month first",)),
    ("British days", cells("31/12/2020", "1/2/2020"), "x", "date", ("day first",)),
    ("names of months", cells("3 Mar 2020", "14-Dec-1999"), "x", "date", None),
    ("names first", cells("March 3, 2020", "Dec 14th, 1999"), "x", "date", None),
    ("days that are not", cells("2020-13-01", "2020-02-30"), "x", "category", ()),
    ("codes", cells("01234", "00456", "90210"), "x", "category", ()),
    ("numbers with a zero", cells("0", "0.5", "10"), "x", "number", ()),
    ("a number and -", cells("1", "-", "2.5", "None", "unknown"), "x", "number", ()),
    ("words and -", cells("oak", "-", "elm"), "x", "category", ()),
    ("ids", as_cells(np.random.default_rng(0).permutation(40)), "user_id", "identifier", ()),
    ("the same, no name", as_cells(np.random.default_rng(0).permutation(40)), "x", "number", ()),
    ("ids of words", as_cells([f"A{row:03}" for row in range(40)]), "x", "identifier", ()),
    ("prose", as_cells([f"row {row} of it" for row in range(40)]), "x", "text", ()),
]


@pytest.mark.parametrize(
    ("column", "name", "kind", "detail"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS]
)
def test_kinds(column, name: str, kind: str, detail) -> None:
    found = describe(name, column)
    assert (found.kind, found.why == "") == (kind, found.used)
    assert detail is None or found.detail == detail


def test_a_full_column_of_words_is_text() -> None:
    codes = np.arange(60, dtype=np.int32) % 3
    many = Words(codes, ("a", "b", "(others)"), full=True)
    assert describe("x", many).why == "It is text: more than 2 different values in 60 cells."


def test_swappable_days_and_months_get_a_note() -> None:
    found = describe("x", cells("03/04/2020", "05/06/2021"))
    assert found.note == "Days and months could be swapped; it is read with the month first."
    assert describe("x", cells("03/04/2020", "05/26/2021")).note == ""


NUMBERS = np.random.default_rng(0).normal(size=200)
CLASSES = [*["a", "b", "c", "d"] * 50]


def table(**columns: object) -> object:
    return as_table({"n": NUMBERS, "w": [*["x", "y", "x", "z", "x"] * 40], **columns})


def found(target: str, **columns: object) -> dict[str, object]:
    return {column.name: column for column in type_columns(table(**columns), [target])}


def test_copies_are_left_out() -> None:
    kinds = found("y", y=CLASSES, m=NUMBERS.tolist(), v=[*["x", "y", "x", "z", "x"] * 40])
    assert {name: column.kind for name, column in kinds.items()} == {
        "n": "number",
        "w": "category",
        "m": "copy",
        "v": "copy",
    }
    assert kinds["m"].why == "It equals the column 'n', cell by cell."
    assert (
        found("y", y=CLASSES, again=CLASSES)["again"].why == "It equals the target, cell by cell."
    )


def test_columns_that_nearly_tell_the_target_get_a_note() -> None:
    rest = np.random.default_rng(1).normal(size=200)
    gaps = np.where(np.arange(200) % 9 == 0, np.nan, 2 - NUMBERS)
    named = {"twice": 2 * NUMBERS + 1, "near": NUMBERS + rest / 1e3, "far": rest, "gaps": gaps}
    kinds = found("y", y=NUMBERS, **named)
    assert {name: bool(column.note) for name, column in kinds.items()} == {
        "n": False,  # left out: it is the target itself
        "w": False,
        "twice": True,
        "near": True,
        "far": False,
        "gaps": True,  # on the rows that have both
    }
    assert kinds["n"].kind == "copy"
    code = [f"code {label}" for label in CLASSES]
    rough = ["code a" if row % 9 == 0 else label for row, label in enumerate(code)]
    kinds = found("y", y=CLASSES, code=code, rough=rough, number=[ord(label) for label in CLASSES])
    assert [name for name, column in kinds.items() if column.note] == ["code", "number"]


ASKED = [  # column, request, kind, detail
    ("bit", "category", "category", ()),
    ("w", ["z", "y", "x"], "ordinal", ("z", "y", "x")),
    ("w", "leave out", "left out", ()),
    ("bit", "boolean", "boolean", ()),
    ("bit", "number", "number", ()),
    ("day", "date", "date", ("month first",)),
    ("day", "day first", "date", ("day first",)),
    ("size", "ordinal", "ordinal", ("low", "high")),
    ("size", "category", "category", ()),
    ("copy", "number", "number", ()),
]
MORE = {
    "bit": [0, 1] * 100,
    "day": ["03/04/2020", "05/06/2021"] * 100,
    "size": ["low", "high"] * 100,
    "copy": NUMBERS,
}


@pytest.mark.parametrize(("column", "asked", "kind", "detail"), ASKED)
def test_a_kind_that_is_asked_for_is_used(column: str, asked, kind: str, detail) -> None:
    (column_type,) = (
        column_type
        for column_type in type_columns(table(**MORE, y=CLASSES), ["y"], {column: asked})
        if column_type.name == column
    )
    assert (column_type.kind, column_type.detail) == (kind, detail)
    if column_type.used:
        cells_of = table(**MORE).columns[column]
        assert fit_column(column_type, cells_of).encode(cells_of)[:, :-2].any()


REFUSED = [
    ("w", "number", "Column 'w' cannot be of the kind 'number': none of its cells is a number"),
    ("w", "date", "its cells are in no known style of dates. Its first cells are 'x', 'y', 'x'"),
    ("w", "boolean", "its words are not yes and no"),
    ("w", "ordinal", "no known scale has its words. Give them in order, as in ['low', 'high']"),
    ("w", "categry", "Column 'w': there is no kind 'categry'. Did you mean 'category'?"),
    ("W2", "number", "has no column 'W2'. Did you mean 'w'?"),
]


@pytest.mark.parametrize(("column", "asked", "words"), REFUSED)
def test_an_impossible_kind_is_refused(column: str, asked: str, words: str) -> None:
    with pytest.raises(DataError) as error:
        type_columns(table(y=CLASSES), ["y"], {column: asked})
    assert words in str(error.value)


# Dates ----------------------------------------------------------------------------------------

MOMENTS = [
    ("year first", "2020-02-29", datetime(2020, 2, 29)),
    ("year first", "2020/02/29 23:59:58", datetime(2020, 2, 29, 23, 59, 58)),
    ("year first", "1969-12-31T23:30:00+01:00", datetime(1969, 12, 31, 22, 30)),
    ("year first", "2020-02", datetime(2020, 2, 1)),
    ("day first", "29.2.20 7:05", datetime(2020, 2, 29, 7, 5)),
    ("day first", "29/02/1968", datetime(1968, 2, 29)),
    ("month first", "2/29/2020 12:00 AM", datetime(2020, 2, 29)),
    ("month first", "2/29/2020 12:30 pm", datetime(2020, 2, 29, 12, 30)),
    ("day, month's name", "Sat, 29 February 2020", datetime(2020, 2, 29)),
    ("month's name, day", "Feb 29, 2020", datetime(2020, 2, 29)),
    ("month's name", "Feb 2020", datetime(2020, 2, 1)),
]


@pytest.mark.parametrize(("style", "text", "moment"), MOMENTS)
def test_a_date_is_read_in_its_style(style: str, text: str, moment: datetime) -> None:
    assert seconds(text, style) == (moment - datetime(1970, 1, 1)).total_seconds()


def test_every_style_has_a_row() -> None:
    assert {style for style, *_ in MOMENTS} == STYLES.keys()


@pytest.mark.parametrize("text", ["", "2020-13-01", "2019-02-29", "2020-1/2", "20-01-01", "1.5"])
def test_other_text_is_no_date(text: str) -> None:
    assert np.isnan(seconds(text, "year first"))


def test_a_date_becomes_its_parts() -> None:
    texts = [f"{day:%Y-%m-%d %H:00}" for day in MANY]
    column = DateColumn.fit("d", as_cells(texts), ("year first",))
    encoded = dict(
        zip(column.input_names, column.encode(as_cells([*texts, "", "soon"])).T, strict=True)
    )
    assert [name.removeprefix("d ") for name in encoded] == [
        *("since", "year", "month", "weekday", "hour"),
        *("day of year sine", "day of year cosine", "weekday sine", "weekday cosine"),
        *("hour sine", "hour cosine", "unknown", "missing"),
    ]
    for part, values in {
        "year": [day.year for day in MANY],
        "month": [day.month for day in MANY],
        "weekday": [day.weekday() for day in MANY],
        "hour": [day.hour for day in MANY],
        "since": [day.timestamp() for day in MANY],
    }.items():
        standard = (np.array(values) - np.mean(values)) / np.std(values)
        clipped = standard / np.sqrt(1 + (standard / BOUND) ** 2)
        np.testing.assert_allclose(encoded[f"d {part}"][:-2], clipped, rtol=1e-4, atol=1e-5)
    angle = 2 * np.pi * (np.array([day.timetuple().tm_yday for day in MANY]) - 1) / 365.2425
    np.testing.assert_allclose(encoded["d day of year sine"][:-2], np.sin(angle), atol=1e-6)
    np.testing.assert_allclose(encoded["d day of year cosine"][:-2], np.cos(angle), atol=1e-6)
    ends = {name: values[-2:].tolist() for name, values in encoded.items()}
    assert (ends.pop("d missing"), ends.pop("d unknown")) == ([1, 0], [0, 1])
    assert all(values == [0, 0] for values in ends.values())


MANY = [
    datetime(2019 + place % 3, 1 + place % 12, 1 + place % 28, place % 24) for place in range(500)
]


def test_constant_parts_of_a_date_are_left_out() -> None:
    column = DateColumn.fit("d", as_cells(["2020-01-01", "2020-01-02"]), ("year first",))
    assert set(column.scales) == {"since", "weekday"}
    assert column.cycles == ("day of year", "weekday")


# Scales ---------------------------------------------------------------------------------------


def test_ordered_words_are_encoded_with_a_step() -> None:
    column = OrdinalColumn.fit("o", cells("low"), ("low", "medium", "high"))
    encoded = column.encode(as_cells(["high", "low", "medium", "odd", ""]))
    assert encoded[:, -1].tolist() == [1, -1, 0, 0, 0]
    assert encoded[:, :-1].argmax(axis=1).tolist() == [2, 0, 1, 3, 4]
    assert column.input_names[-3:] == ("o unknown", "o missing", "o step")


def test_words_of_one_scale_are_ordered() -> None:
    assert scale_of(["high", "low", "med"]) == ("low", "med", "high")
    assert scale_of(["medium", "med"]) is None  # one step, two words: who knows
    assert scale_of(["low"]) is None
    assert scale_of(["low", "blue"]) is None


def test_booleans_are_equal_in_any_spelling() -> None:
    column = fit_column(describe("b", cells("yes", "no")), cells("yes", "no", "no"))
    assert column.levels == ("false", "true")
    encoded = column.encode(as_cells(["No", "TRUE", "1", "f", "maybe", ""]))
    assert encoded.argmax(axis=1).tolist() == [0, 1, 1, 0, 2, 3]


def test_kinds_are_detected_once_per_table(monkeypatch) -> None:
    calls = []

    def counted(*given: object, **more: object) -> object:
        calls.append(given)
        return type_columns(*given, **more)

    monkeypatch.setattr("talweg.data.model.inspected.type_columns", counted)
    seen, other = (as_table({"x": [*range(9), 20, up], "y": [0.5, 1] * 5 + [2]}) for up in (7, 8))
    model = tw.TableModel("y", epochs=1, hidden=(), n_estimators=1, bins=0)
    model.kinds(seen)
    model.fit(seen)
    assert len(calls) == 1
    model.kinds(seen)
    assert model.fit(other).trained.encoder.columns[0].mean == (sum(range(9)) + 28) / 11
    assert len(calls) == 3
    model.fit(seen)  # nothing is remembered after a fit
    assert len(calls) == 4


def test_the_fast_path_reads_plain_dates_alike() -> None:
    plain = ["2020-02-29", "1969-12-31T23:59:59", "0001-01-01 00:00:00", "9999-12-31"]
    for text in plain:
        slow = seconds(f"{text}Z" if ":" in text else f"{text} 00:00", "year first")
        assert seconds(text, "year first") == slow
    bad = ["2021-02-29", "2020-01-01 24:00:00", "2020-01-01 00:00:60", "0000-01-01", "2020-00-01"]
    for text in bad:
        assert np.isnan(seconds(text, "year first"))
    for style in STYLES:
        assert np.isnan(seconds("2020-02-29", style)) == (style != "year first")
