"""How numbers are written: every column has its decimal mark, and a model stores it."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.cli.main import main
from talweg.data.columns import column_builder as growing
from talweg.data.columns.cells import Numbers, as_cells, mark_of, parse_numbers
from talweg.data.columns.detection import as_asked, describe
from talweg.data.columns.expected import Expected
from talweg.data.columns.numerals import cleaned, numeral
from talweg.data.columns.table import Table
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.read import read_parts, read_table
from talweg.data.model.targets.table import fit_target
from talweg.errors import DataWarning

SURE = [  # the same number by either decimal mark
    ("1.5", "1.5"),
    ("2,5", "2.5"),
    ("0.512", "0.512"),
    ("0,512", "0.512"),
    ("1.234,5", "1234.5"),
    ("1,234.5", "1234.5"),
    ("1.234.567", "1234567"),
    ("1,234,567", "1234567"),
    ("12,34,567.8", "1234567.8"),
    ("1 234,5", "1234.5"),
    ("1\u00a0234", "1234"),
    ("1\u202f234\u202f567", "1234567"),
    ("1\u2009234.5", "1234.5"),
    ("1'234.5", "1234.5"),
    ("1\u2019234", "1234"),
    ("-1,5e3", "-1.5e3"),
    ("12%", "12"),
    ("12,5 %", "12.5"),
    ("% 12", "12"),
    ("$5", "5"),
    ("$1,234.50", "1234.50"),
    ("-$5", "-5"),
    ("$-5", "-5"),
    ("US$ 5", "5"),
    ("5 €", "5"),
    ("1.234,50 €", "1234.50"),
    ("£.5", ".5"),
    ("¥100", "100"),
    ("100 kr", "100"),
    ("kr. 100", "100"),
    ("USD 5", "5"),
    ("5 EUR", "5"),
    ("\u22125", "-5"),
    ("\u20131.5", "-1.5"),
    ("\uff0d5", "-5"),
    ("\uff11\uff12", "12"),
    ("(5)", "-5"),
    ("($1,234.5)", "-1234.5"),
    ("$(5)", "-5"),
    ("5-", "-5"),
    ("007", "007"),
    ("inf", "inf"),
]


@pytest.mark.parametrize(("cell", "number"), SURE)
def test_numbers_are_read_in_many_spellings(cell: str, number: str) -> None:
    assert cleaned(cell, ".") == cleaned(cell, ",") == number
    assert cleaned(cell, "") == cell


@pytest.mark.parametrize(
    ("cell", "by_point", "by_comma"),
    [
        ("1,234", "1234", "1.234"),
        ("1.234", "1.234", "1234"),
        ("-12.345", "-12.345", "-12345"),
        ("(1,234)", "-1234", "-1.234"),
        ("€ 1.000", "1.000", "1000"),
        ("1,000 %", "1000", "1.000"),
    ],
)
def test_one_mark_before_three_digits_is_ambiguous(cell, by_point, by_comma) -> None:
    assert (cleaned(cell, "."), cleaned(cell, ",")) == (by_point, by_comma)


NO_NUMBERS = [
    *("", "-", ".", "e5", "0x1F", "1_000", "12a", "5 kg", "1.2.3", "1,2,3", "1,23,4", "12:30"),
    *("1/2", "3-1", "4-5", "555-1234", "(555) 123-4567", "+49 301 234 567", "192.168.1.1"),
    *(
        "2024-01-03",
        "(5",
        "5)",
        "-(5)",
        "--5",
        "5+",
        "$5 €",
        "10\u00b2",
        "\u0663",
        "1 23",
        "$",
        "A1",
    ),
]


@pytest.mark.parametrize("cell", NO_NUMBERS)
def test_other_text_stays_as_it_is(cell: str) -> None:
    assert numeral(cell) is None
    assert cleaned(cell, ".") == cleaned(cell, ",") == cell


# Each column decides ------------------------------------------------------------------------------

HALVES, SHORT = [f"{n},5" for n in range(40)], [f"{n}.125" for n in range(1, 41)]
COLUMNS = [  # case, delimiter, other columns, column, its first numbers
    ("one comma elsewhere", ",", ["1"] * 39 + ["2,5"], ["0.125", "0.126"], [0.125, 0.126]),
    ("one comma elsewhere, short", ",", ["1"] * 39 + ["2,5"], SHORT, [1.125, 2.125]),
    ("commas elsewhere", ",", HALVES, SHORT, [1.125, 2.125]),
    ("one 0.025 among decimals", ";", HALVES, ["0.025", *SHORT], [0.025, 1.125, 2.125]),
    ("one 0,025 among decimals", ",", ["1.5"], ["0,025", "1,125", "2,225"], [0.025, 1.125, 2.225]),
    ("one comma in itself", ",", ["x", "y"], [*SHORT[1:], "2,5"], [2.125, 3.125]),
    ("points beside commas", ";", HALVES, ["0.512", "1.234"], [0.512, 1.234]),
    ("commas beside points", ";", ["1.5", "2.25"], ["1,5", "1,234"], [1.5, 1.234]),
    ("thousands beside commas", ";", HALVES, ["1.234", "45.000"], [1234, 45000]),
    ("decimals after semicolons", ";", ["x", "y"], ["1,234", "2,345"], [1.234, 2.345]),
    ("points after semicolons", ";", ["x", "y"], ["1.500", "2.250"], [1.5, 2.25]),
    ("thousands after commas", ",", ["x", "y"], ["1,234", "2,345"], [1234, 2345]),
    ("thousands after tabs", "\t", ["x", "y"], ["1,234", "12,345,678"], [1234, 12345678]),
    ("commas after tabs", "\t", HALVES, ["1.234", "2.345"], [1234, 2345]),
    ("both marks", ",", ["x", "y"], ["1.234,5", "1.234"], [1234.5, 1234]),
    ("money", ";", ["x", "y"], ["1.234,50 €", "999,00 €"], [1234.5, 999]),
    ("shares", ",", ["x", "y"], ["12.5%", "7 %"], [12.5, 7]),
]


def written(file: Path, delimiter: str, columns: dict[str, list[str]]) -> Path:
    """A file of columns, repeated to the same length."""
    count = max(map(len, columns.values()))
    rows = [[cells[row % len(cells)] for cells in columns.values()] for row in range(count)]
    lines = [delimiter.join(f'"{cell}"' for cell in row) for row in [list(columns), *rows]]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("delimiter", "other", "column", "numbers"),
    [row[1:] for row in COLUMNS],
    ids=[row[0] for row in COLUMNS],
)
@pytest.mark.parametrize("is_large", [False, True], ids=["few", "many"])
def test_every_column_has_its_own_decimal_mark(
    tmp_path, monkeypatch, delimiter, other, column, numbers, is_large
) -> None:
    if is_large:
        monkeypatch.setattr(growing, "MOST_NUMERALS", 1)
    columns = {"other": other, "x": column, "z": ["a", "b"]}
    cells = read_table(written(tmp_path / "t.csv", delimiter, columns)).columns["x"]
    assert parse_numbers(cells)[0][: len(numbers)].tolist() == numbers
    assert describe("x", cells).kind == "number"


def test_texts_in_memory_are_read_like_a_file() -> None:
    for cells, numbers in [(["1.234,5", "1.234"], [1234.5, 1234]), (["1,234", "5"], [1234, 5])]:
        assert parse_numbers(as_cells(cells))[0].tolist() == numbers


def test_a_few_typing_errors_do_not_change_the_mark() -> None:
    values, _ = parse_numbers(as_cells([*SHORT * 5, "2,5"]))
    assert values[[0, -1]].tolist() == [1.125, 2.5]
    values, _ = parse_numbers(as_cells(["1.234", *HALVES, "0.5"]))
    assert values[[0, 1, -1]].tolist() == [1234, 0.5, 0.5]


def test_an_ambiguous_mark_gets_a_note_and_can_be_set() -> None:
    cells = as_cells(["1,234", "2,345", "500"] * 9)
    note = "'1,234' could be 1234 or 1.234; it is read as 1234. If that is wrong, ask for the"
    assert note in describe("x", cells).note
    assert describe("x", as_cells(["1,234", "2,345.5"] * 9)).note == ""
    asked = as_asked("x", cells, "decimal comma")
    assert (asked.kind, asked.detail) == ("number", (",",))
    table = Table.from_columns([("x", cells), ("y", [1, 2, 3] * 9)])
    encoder = TableEncoder.fit(table, "y", types=[asked])
    assert encoder.columns[0].mean == pytest.approx((1.234 + 2.345 + 500) / 3)
    again = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert again.encode_row({"x": "1,234"}).tolist() == encoder.encode(table)[:1].tolist()


@pytest.mark.parametrize("first", ["1", "1.234", "1,234"])
def test_many_numbers_are_read_both_ways_until_a_cell_decides(monkeypatch, first: str) -> None:
    monkeypatch.setattr(growing, "MOST_NUMERALS", 4)
    early = [first, *(first.replace("1", str(n), 1) for n in range(2, 9))]
    for late, mark in [("0,5", ","), ("0.5", "."), ("7.654,3", ",")]:
        column = growing.ColumnBuilder(growing.Shelf())
        column.add(early)
        column.add([late] * 9)
        few = as_cells([*early, *[late] * 9])
        many = column.cells()
        found = many if mark_of(many) == mark else many.read_by(mark)
        assert mark_of(few) == mark
        np.testing.assert_array_equal(parse_numbers(found)[0], parse_numbers(few)[0])


# A model keeps its marks --------------------------------------------------------------------------


def german(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".translate(str.maketrans(",.", ".,"))


VALUES = np.random.default_rng(0).uniform(1000, 9000, 300)
PRICES = [german(value, place % 2) for place, value in enumerate(VALUES)]
WANTED = [round(value, place % 2) for place, value in enumerate(VALUES)]


@pytest.fixture(scope="module")
def model() -> tw.TableModel:
    table = {"a": PRICES, "z": [*"xyz"] * 100, "y": [german(2 * value, 1) for value in VALUES]}
    return tw.TableModel("y", n_estimators=1, epochs=2, hidden=(4,), bins=0).fit(table)


FORMS = [PRICES[0], PRICES[1], f" {PRICES[2]} ", german(VALUES[3], 3)]


def test_a_model_reads_as_it_was_trained(model, tmp_path: Path) -> None:
    assert WANTED[0] == float(PRICES[0].replace(".", ""))
    want = model.predict({"a": [1234.0, 1.5], "z": ["x", "x"]})
    assert model.predict({"a": "1.234", "z": "x"}) == want[:1]
    assert model.predict({"a": 1234.0, "z": "x"}) == want[:1]
    assert model.predict({"a": "1,5", "z": "x"}) == want[1:]
    model.save(tmp_path / "m")
    again = tw.load(tmp_path / "m")
    assert again.predict({"a": "1.234", "z": "x"}) == want[:1]
    frame = {"a": ["1.234", "1,5"], "z": ["x", "x"]}
    pandas = pytest.importorskip("pandas")
    for source in (frame, pandas.DataFrame(frame), written(tmp_path / "t.csv", ";", frame)):
        assert again.predict(source).tolist() == want.tolist()


def test_a_table_that_would_be_read_differently_by_itself_warns(model, tmp_path: Path) -> None:
    want = model.predict({"a": [1234.0, 2345.0], "z": ["x", "x"]}).tolist()
    file = written(tmp_path / "t.csv", ",", {"a": ["1.234", "2.345"], "z": ["x", "x"]})
    words = "'a' had a decimal comma in training, .* '1.234' is read as in training, as 1234. Check"
    with pytest.warns(DataWarning, match=words):
        assert model.predict(file).tolist() == want


def test_the_command_reads_as_the_model_was_trained(model, tmp_path: Path, capsys) -> None:
    model.save(tmp_path / "m")
    file = written(tmp_path / "t.csv", ",", {"a": ["1.234", "2.345"], "z": ["x", "x"]})
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["predict", str(tmp_path / "m"), str(file)])
    said = [float(line) for line in capsys.readouterr().out.split()[1:]]
    assert said == model.predict({"a": [1234.0, 2345.0], "z": ["x", "x"]}).tolist()


def test_a_target_is_read_as_it_was_trained(model) -> None:
    table = {"a": PRICES[:60], "z": [*"xyz"] * 20}
    own = model.evaluate({**table, "y": [german(2 * value, 1) for value in VALUES[:60]]})
    whole = {**table, "y": [german(2 * round(value), 0) for value in VALUES[:60]]}
    assert own[0].network == pytest.approx(model.evaluate(whole)[0].network, abs=1e-3)


def test_parts_of_a_file_are_read_by_known_marks(tmp_path: Path) -> None:
    file = written(tmp_path / "t.csv", ";", {"a": ["1.234", "2,5", "err", ""], "b": ["1.234"]})
    (part,) = read_parts(file, expected=Expected({"a": True, "b": True}, {"a": ","}))
    np.testing.assert_array_equal(part.columns["a"].values, [1234, 2.5, np.inf, np.nan])
    np.testing.assert_array_equal(part.columns["b"], [1.234] * 4)


def test_numeric_labels_are_numbers_with_any_mark() -> None:
    assert fit_target(as_cells(["1,0", "2,0", "1,0"])).classes.tolist() == [1, 2]
    assert fit_target(as_cells(["5 %", "10 %", "5 %"])).levels == ("10 %", "5 %")


def test_predicting_plain_numbers_does_not_warn(model) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict({"a": ["1500", "1.500,5"], "z": ["x", "y"]})


def test_a_column_with_two_readings_is_a_column_of_a_table(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(growing, "MOST_NUMERALS", 4)
    cells = [f"{n}.{n:03}" for n in range(101, 141)]
    table = read_table(written(tmp_path / "t.csv", ";", {"x": cells, "y": [*map(str, range(40))]}))
    found = table.columns["x"]
    assert isinstance(found, Numbers)
    assert table.take(np.arange(3)).columns["x"].read_by(",").tolist() == [101101, 102102, 103103]
    table = Table(("x", "y"), {"x": found.read_by(","), "y": table.columns["y"]}, "t")
    encoder = TableEncoder.fit(table, "y")
    assert encoder.marks["x"] == ","
    assert encoder.encode(table)[:3].tolist() == [
        encoder.encode_row({"x": cell})[0].tolist() for cell in cells[:3]
    ]


# Columns that are left out ----------------------------------------------------------------------

RANDOM = np.random.default_rng(1).normal(size=200).round(3).astype(str).tolist()
ABSENT = [
    "\\N",
    "#N/A",
    "#VALUE!",
    "#DIV/0!",
    "#REF!",
    "#NAME?",
    "#NUM!",
    "#NULL!",
    "NULL",
    "(null)",
]
ABSENT += ["None", "-", ".", "\u2014", "...", "-nan", "1.#IND", "<null>", "n.v."]


def every(step: int, *odd: str) -> list[str]:
    """Numbers with one of the odd texts at regular places."""
    return [
        odd[place // step % len(odd)] if place % step == 0 else cell
        for place, cell in enumerate(RANDOM)
    ]


@pytest.mark.parametrize("absent", ABSENT)
def test_marks_of_missing_cells_are_missing(absent: str) -> None:
    cells = as_cells(every(20, absent))
    assert describe("x", cells) == describe("x", as_cells(every(20, "")))
    assert np.flatnonzero(parse_numbers(cells)[1]).tolist() == [*range(0, 200, 20)]


@pytest.mark.parametrize(
    ("odd", "step", "note"),
    [
        (["err"], 20, "10 of 200 cells are not numbers and count as unknown: 'err' (10)."),
        (["<0.5"], 4, "50 of 200 cells are not numbers and count as unknown: '<0.5' (50)."),
        (["err", "off"], 10, "'err' (10), 'off' (10)"),
        (["a", "b", "c", "d"], 5, "'a' (10), 'b' (10), 'c' (10) and 1 more"),
        (["slip"], 200, "1 of 200 cells is not a number and counts as unknown: 'slip' (1)."),
    ],
)
@pytest.mark.parametrize("most", [10**6, 100], ids=["few", "many"])
def test_words_among_numbers_are_unknown_and_noted(monkeypatch, odd, step, note, most) -> None:
    monkeypatch.setattr(growing, "MOST_NUMERALS", most)
    monkeypatch.setattr(growing, "MOST_WORDS", most)
    column = growing.ColumnBuilder(growing.Shelf())
    column.add(every(step, *odd))
    for cells in (column.cells(), as_cells(every(step, *odd))):
        found = describe("x", cells)
        assert found.kind == "number"
        assert note in found.note


LOST = [  # case, cells, part of the note
    (
        "units",
        [f"{cell} kg" for cell in RANDOM],
        "but 200 of its 200 cells are not numbers: '-0.072 kg' (2)",
    ),
    (
        "rare texts",
        every(20, *[f"x{place}" for place in range(9)]),
        "numbers: 'x0' (2), 'x1' (1), ",
    ),
    ("some units", [*RANDOM[:150], *(f"{cell} m" for cell in RANDOM[150:])], "but 50 of its 200"),
    ("footnotes", [f"{cell}*" if cell > "0.5" else cell for cell in RANDOM], "*' (1)"),
    ("about", [f"~{cell}" if cell > "0.5" else cell for cell in RANDOM], "'~0."),
    ("degrees", [f"{cell} °C" for cell in RANDOM], " °C' (2)"),
    ("multiples", [f"{cell}{'KM'[n % 2]}" for n, cell in enumerate(RANDOM)], "but 200 of its 200"),
]


@pytest.mark.parametrize(("cells", "note"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_leaving_out_a_column_that_looks_numeric_warns(cells, note: str) -> None:
    table = {"v": cells, "z": np.arange(200) % 3, "y": np.arange(200.0) % 17}
    found = tw.TableModel("y").kinds(table)[0]
    assert not found.used and note in found.note
    with pytest.warns(
        DataWarning, match=r"the column 'v' is left out. It looks like a column of numbers,"
    ):
        tw.TableModel("y", epochs=1, n_estimators=1, bins=0, hidden=()).fit(table)


def test_leaving_out_text_does_not_warn(real_table) -> None:
    titanic = real_table("tables/titanic-train.csv")
    doubts = {name: describe(name, titanic.columns[name]).note for name in titanic.names}
    assert not any(doubts.values())
    for cells in (
        [f"A{n:03}" for n in range(40)],
        [f"row {n} of it" for n in range(40)],
        [f"{n}-{n + 1}" for n in range(40)],
        [f"{n // 7}/{n}" for n in range(1, 41)],
        [f"555-{n:04}" for n in range(40)],
        [f"{n:02}:{n:02}" for n in range(24)],
        [f"{n}{'abcdefg'[n % 7].upper()}{n}" for n in range(40)],
    ):
        found = describe("x", as_cells(cells))
        assert not found.used and not found.note


def test_codes_with_leading_zeros_stay_codes() -> None:
    for codes in (["06E7", "12E5", "23e1"], ["007", "123", "456"], ["01234"] * 400 + ["err", "9"]):
        assert describe("x", as_cells(codes * 9)).kind == "category"
    assert describe("x", as_cells(["1e5", "2e5", "3"] * 9)).kind == "number"


def test_mixed_units_get_a_note() -> None:
    assert "different units ('$', '€')" in describe("x", as_cells(["5 €", "$7", "8 €"] * 9)).note
    assert "different units ('%', none)" in describe("x", as_cells(["5 %", "0.07"] * 9)).note
    assert describe("x", as_cells(["$5", "7", "$8.5"] * 9)).note == ""


def test_an_ambiguous_target_warns() -> None:
    table = {"x": np.arange(60.0) % 7, "y": [f"{n % 9 + 1},{n % 7}00" for n in range(60)]}
    with pytest.warns(DataWarning, match="the target 'y': '1,000' could be 1000 or 1.000; it is"):
        tw.TableModel("y", epochs=1, n_estimators=1, bins=0, hidden=()).fit(table)


# Few cells and many -------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 10, 150, 199])
@pytest.mark.parametrize(("odd", "kind"), [(["err"], "number"), (["err", "5x", "6x"], "text")])
def test_the_place_of_odd_cells_does_not_matter(monkeypatch, place, odd, kind) -> None:
    cells = [*RANDOM[:place], *odd, *RANDOM[place:]]
    kinds = []
    for most_numerals, most_words in [(10**6, 10**6), (100, 10**6), (100, 150), (30, 40)]:
        monkeypatch.setattr(growing, "MOST_NUMERALS", most_numerals)
        monkeypatch.setattr(growing, "MOST_WORDS", most_words)
        column = growing.ColumnBuilder(growing.Shelf())
        for start in range(0, len(cells), 20):
            column.add(cells[start : start + 20])
        kinds.append(describe("x", column.cells()).kind)
    assert kinds == [kind] * 4
