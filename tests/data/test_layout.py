"""The layout of CSV files: headers of numbers, trailing delimiters, blank lines."""

import warnings

import numpy as np
import pytest

import talweg as tw
from talweg.data.io.layout import header_of
from talweg.data.io.read import read_parts, read_table
from talweg.errors import DataError, DataWarning

RANDOM = np.random.default_rng(0)
MANY = 60
FLOATS = RANDOM.normal(size=(MANY, 4)).round(3)
AMOUNTS = RANDOM.integers(100_000, 10**8, (MANY, 3))
SMALL = RANDOM.integers(0, 1000, (MANY, 3))
ANSWERS = RANDOM.integers(1, 6, (MANY, 3))
WORDS = ["".join(chr(97 + letter) for letter in row) for row in RANDOM.integers(0, 26, (MANY, 6))]
HEADER, ROW = True, False


def beside(*columns: object) -> list[tuple[object, ...]]:
    return [*zip(*columns, strict=True)]


HEADERS = [  # case, the first row, the rows below
    ("positions above floats", (0, 1, 2, 3), FLOATS),
    ("two positions above floats", (0, 1), FLOATS[:, :2]),
    ("positions from 1", (1, 2, 3, 4), FLOATS),
    ("positions with gaps", (0, 2, 7), FLOATS[:, :3]),
    ("positions above whole numbers", (0, 1, 2), SMALL),
    ("positions above small whole numbers", (0, 1, 2), ANSWERS),
    ("positions above words and numbers", (0, 1), beside(WORDS, FLOATS[:, 0])),
    ("positions above rows that count from 1", (0, 1, 2), beside(range(1, 61), *FLOATS.T[:2])),
    ("positions beside an index", ("", 0, 1, 2, 3), beside(range(MANY), *FLOATS.T)),
    ("pixels", range(64), RANDOM.integers(0, 17, (MANY, 64))),
    ("years above shares", (2019, 2020, 2021), FLOATS[:, :3]),
    ("years above amounts", (2019, 2020, 2021), AMOUNTS),
    ("years with gaps", (2010, 2015, 2022), AMOUNTS),
    ("years beside ids", ("id", 2019, 2020), beside(range(5, 65), *AMOUNTS.T[:2])),
    ("years beside names", ("country", 2018, 2019, 2020), beside(WORDS, *AMOUNTS.T)),
    ("a year beside ids", ("id", 2019), beside(range(5, 65), AMOUNTS[:, 0])),
    ("wavelengths", (850.5, 851, 851.5, 852), FLOATS),
    ("words", ("a", "b", "c", "d"), FLOATS),
]
NO_HEADERS = [
    ("floats", FLOATS[0], FLOATS[1:]),
    ("whole numbers", SMALL[0], SMALL[1:]),
    (
        "floats as %g writes them",
        *(lambda r: (r[0], r[1:]))([[f"{v:g}" for v in r] for r in FLOATS]),
    ),
    ("answers", (4, 2, 5), ANSWERS),
    ("a number that occurs twice", (1, 2, 1), FLOATS[:, :3]),
    ("rows that count", (0, *FLOATS[0]), beside(range(1, 61), *FLOATS.T)),
    ("times from 0", (0, 1), beside((np.arange(1, 61) / 100).tolist(), 1 + FLOATS[:, 0])),
    ("names and amounts", ("anna", 30, "LA"), beside(WORDS, SMALL[:, 0], ["NY", "LA"] * 30)),
    (
        "amounts sorted",
        ("anna", 10**9),
        beside(WORDS, sorted(AMOUNTS[:, 0].tolist(), reverse=True)),
    ),
    (
        "dates",
        ("2020-01-01", 5),
        beside([f"2020-02-{1 + i % 28:02}" for i in range(MANY)], SMALL[:, 0]),
    ),
    ("years below as well", (1999, 2004), beside(1950 + SMALL[:, 0] % 70, 1950 + SMALL[:, 1] % 70)),
    ("windows of a series", (0, 1, 2), [(i, i + 1, i + 2) for i in range(1, 60)]),
    ("codes", ("A01", 5), beside([f"B{i:02}" for i in range(MANY)], SMALL[:, 0])),
    ("a label", (*FLOATS[0, :3], 1), beside(*FLOATS.T[:3], ANSWERS[:, 0] % 2)),
]


@pytest.mark.parametrize(
    ("first", "below", "expected"),
    [(*row[1:], HEADER) for row in HEADERS] + [(*row[1:], ROW) for row in NO_HEADERS],
    ids=[row[0] for row in HEADERS + NO_HEADERS],
)
def test_a_first_row_of_numbers_is_judged(first, below, expected: bool) -> None:
    rows = [list(map(str, row)) for row in (first, *below)]
    assert header_of(rows).is_header == expected


SURE = [row for row in HEADERS if "floats" in row[0] and "gaps" not in row[0]] + NO_HEADERS


@pytest.mark.parametrize(("first", "below"), [row[1:] for row in SURE], ids=[r[0] for r in SURE])
def test_a_clear_first_row_does_not_warn(first, below) -> None:
    assert header_of([list(map(str, row)) for row in (first, *below)]).is_sure


DOUBTED = [  # case, content, what it is read as
    ("years above two rows", "2019,2020,2021\n10,20,40\n15,25,60\n", "column names"),
    ("answers", "1,2,3\n" + "".join(f"{a},{b},{c}\n" for a, b, c in ANSWERS), "a row"),
    ("positions above few", "0,1,2\n5,7,1\n8,3,9\n4,6,6\n", "column names"),
    ("one column", "0\n" + "".join(f"{v}\n" for v in FLOATS[:, 0]), "column names"),
]


@pytest.mark.parametrize(
    ("content", "taken"), [r[1:] for r in DOUBTED], ids=[r[0] for r in DOUBTED]
)
def test_an_ambiguous_first_row_warns(csv_file, content: str, taken: str) -> None:
    file = csv_file(content)
    with pytest.warns(
        DataWarning, match=f"could be column names or a row, and are read as {taken}"
    ) as said:
        read_table(file)
    assert "line 1" in str(said[0].message) and "--no-header" in str(said[0].message)
    for header in (True, False):  # which says it
        assert read_table(file, header=header).names[0] == (
            content.splitlines()[0].split(",")[0] if header else "0"
        )


def test_pandas_numbered_columns_are_learned_by_name(csv_file) -> None:
    rows = "".join(f"{a},{b},{int(a > 0)}\n" for a, b, *_ in FLOATS)
    model = tw.TableModel("2", epochs=3, n_estimators=1, hidden=(4,)).fit(
        csv_file(f"0,1,2\n{rows}")
    )
    assert model.classes.tolist() == [0, 1]
    assert len(model.predict(csv_file(f"0,1,2\n{rows}"))) == MANY
    assert len(model.predict(csv_file("0,1,2\n0.5,0.25,1\n"))) == 1


TRAILING = [  # case, content, names, first row
    ("rows alone", "a,b,c\n1,2,3,\n4,5,6,\n", "a b c", "1 2 3"),
    ("all lines", "a,b,c,\n1,2,3,\n4,5,6,\n", "a b c", "1 2 3"),
    ("the header alone", "a,b,c,\n1,2,3\n4,5,6\n", "a b c", "1 2 3"),
    ("several", "a,b,c\n1,2,3,,,\n4,5,6,,,\n", "a b c", "1 2 3"),
    ("several in the header", "a,b,c,,\n1,2,3,\n4,5,6,\n", "a b c", "1 2 3"),
    ("some rows", "a,b,c\n1,2,3\n4,5,6,\n7,8,9,,\n", "a b c", "1 2 3"),
    ("one row", "a,b,c\n1,2,3,\n", "a b c", "1 2 3"),
    ("spaces behind them", "a,b,c\n1,2,3, \n4,5,6, \n", "a b c", "1 2 3"),
    ("semicolons", "a;b;c\n1;2;3;\n4;5;6;\n", "a b c", "1 2 3"),
    ("tabs", "a\tb\tc\n1\t2\t3\t\n4\t5\t6\t\n", "a b c", "1 2 3"),
    ("empty last cells", "a,b,c\n1,2,,\n4,5,,\n", "a b c", "1 2 "),
    ("a named column that is empty", "a,b,c\n1,2,\n4,5,\n", "a b c", "1 2 "),
    ("no header", "1.5,2.5,3.5,\n4.5,5.5,6.5,\n", "0 1 2", "1.5 2.5 3.5"),
    ("one row without a header", "1.5,2.5,\n", "0 1 2", "1.5 2.5 "),
    ("R's row names", "a,b\nx,1,2\ny,3,4\n", "Unnamed:_0 a b", "x 1 2"),
    ("R's row names, a cell missing", "a,b\nx,1,\ny,3,4\n", "Unnamed:_0 a b", "x 1 "),
    ("an index", ",a,b\nx,1,2\ny,3,4\n", "Unnamed:_0 a b", "x 1 2"),
    ("a last column without a name", "a,b,\n1,2,3\n4,5,6\n", "a b Unnamed:_2", "1 2 3"),
    ("blank lines between", "a,b,c\n\n1,2,3,\n\n4,5,6,\n\n", "a b c", "1 2 3"),
]


@pytest.mark.parametrize(
    ("content", "names", "first"), [row[1:] for row in TRAILING], ids=[row[0] for row in TRAILING]
)
def test_trailing_delimiters_make_no_columns(csv_file, content, names, first) -> None:
    file = csv_file(content)
    for table in (read_table(file), *read_parts(file)):
        assert [name.replace(" ", "_") for name in table.names] == names.split()
        assert [table.columns[name][0] for name in table.names] == first.split(" ")


RAGGED = [
    ("a cell too many", "a,b\n1,2,\n3,4,\n5,6,7\n", "line 4: 3 cells, but 2 were expected"),
    ("far below", "a,b\n" + "1,2,\n" * 9000 + "1,2,3\n", "line 9002: 3 cells, but 2"),
    ("a cell too few", "a,b,c\n1,2,3,\n4,5\n", "line 3: 2 cells, but 3 were expected"),
    ("a cell without a name", "a,b\n1,2,3,4\n5,6,7,8\n", "line 2: 4 cells, but 2 were expected"),
]


@pytest.mark.parametrize(("content", "words"), [r[1:] for r in RAGGED], ids=[r[0] for r in RAGGED])
def test_a_row_of_another_width_is_refused(csv_file, content: str, words: str) -> None:
    with pytest.raises(DataError) as error:
        read_table(csv_file(content))
    assert words in str(error.value)


SINGLE = [  # case, content, cells, blank lines at the end
    ("as pandas writes them", 'x\n1.5\n""\n3.5\n""\n', ["1.5", "", "3.5", ""], 0),
    ("blank lines", "x\n1.5\n\n3.5\n\n\n6\n", ["1.5", "", "3.5", "", "", "6"], 0),
    ("the first", "x\n\n2.5\n", ["", "2.5"], 0),
    ("none", "x\n1.5\n2.5\n", ["1.5", "2.5"], 0),
    ("no end of line", "x\n1.5\n\n2.5", ["1.5", "", "2.5"], 0),
    ("one at the end", "x\n1.5\n\n2.5\n\n", ["1.5", "", "2.5"], 1),
    ("two at the end", "x\n1.5\n\n\n", ["1.5"], 2),
    ("above the header", "\n\nx\n1.5\n\n2.5\n", ["1.5", "", "2.5"], 0),
    ("lines of Windows", "x\r\n1.5\r\n\r\n2.5\r\n", ["1.5", "", "2.5"], 0),
    ("spaces", "x\n1.5\n  \n2.5\n", ["1.5", "", "2.5"], 0),
    ("words", "x\nred\n\nblue\nred\n", ["red", "", "blue", "red"], 0),
    ("a delimiter at the end", "x\n1.5,\n,\n2.5,\n", ["1.5", "", "2.5"], 0),
    ("many", "x\n" + "1\n\n" * 9000 + "2\n", ["1", ""] * 9000 + ["2"], 0),
]


@pytest.mark.parametrize(
    ("content", "cells", "ends"), [row[1:] for row in SINGLE], ids=[row[0] for row in SINGLE]
)
@pytest.mark.filterwarnings("ignore:.*blank line, which is ignored:talweg.errors.DataWarning")
def test_blank_lines_in_a_single_column_are_missing_cells(
    csv_file, recwarn, content, cells, ends
) -> None:
    file = csv_file(content)
    assert read_table(file).columns["x"].tolist() == cells
    assert [cell for part in read_parts(file) for cell in part.columns["x"].tolist()] == cells


@pytest.mark.parametrize(("content", "ends"), [(r[1], r[3]) for r in SINGLE if r[3]])
def test_blank_lines_at_the_end_warn(csv_file, content: str, ends: int) -> None:
    said = "ends with a blank line, which" if ends == 1 else f"ends with {ends} blank lines"
    with pytest.warns(DataWarning, match=said):
        read_table(csv_file(content))


@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_blank_lines_get_predictions(csv_file) -> None:
    x = np.linspace(0, 1, 40)
    model = tw.TableModel("y", epochs=2, n_estimators=1, hidden=(4,)).fit({"x": x, "y": 2 * x})
    said = model.predict(csv_file("x\n0.1\n\n0.3\n\n0.5\n"))
    assert said.shape == (5,) and np.isfinite(said).all() and said[1] == said[3]


# Headers that training did not have, and missing ones ------------------------------------------


@pytest.fixture(scope="module")
def nameless() -> tw.TableModel:
    """A model of numbers, words and a target without a header."""
    rows = [[i * i % 17, ["red", "blue"][i % 2], i % 7, 2.5 * i] for i in range(40)]
    return tw.TableModel(-1, epochs=2, n_estimators=1, hidden=(4,), bins=0).fit(rows)


@pytest.fixture(scope="module")
def named() -> tw.TableModel:
    columns = {
        "size": [i * i % 17 for i in range(40)],
        "hue": ["red", "blue"] * 20,
        "price": [2.5 * i for i in range(40)],
    }
    return tw.TableModel("price", epochs=2, n_estimators=1, hidden=(4,), bins=0).fit(columns)


BODY = "".join(f"{i},{['red', 'blue'][i % 2]},{i % 7},{2.5 * i}\n" for i in range(20))
INPUTS = "".join(f"{i},{['red', 'blue'][i % 2]},{i % 7}\n" for i in range(20))
TO_PREDICT = [  # case, content, predictions, part of the warning
    ("no header", BODY, 20, ""),
    ("no header, no target", INPUTS, 20, ""),
    ("a header", f"size,hue,day,price\n{BODY}", 20, "(size, hue, day, price) are read as"),
    ("a header, no target", f"size,hue,day\n{INPUTS}", 20, "are read as column names"),
    ("positions", f"0,1,2,3\n{BODY}", 20, ""),
    ("a header above one row", "size,hue,day\n1,red,3\n", 1, "are read as column names"),
    ("positions above one row", "0,1,2\n1,red,3\n", 1, ""),
    ("one row", "1,red,3\n", 1, ""),
    ("one row of which a cell is new", "1,green,3\n", 1, ""),
    ("a first row of which a cell is no number", f"x,red,3\n{INPUTS}", 21, ""),
    ("a first row with a missing cell", f",red,3\n{INPUTS}", 21, ""),
    ("delimiters at the end", INPUTS.replace("\n", ",\n"), 20, ""),
    ("no last cell anywhere", "1,red,\n2,blue,\n3,red,\n", 3, ""),
]


@pytest.mark.parametrize(
    ("content", "count", "words"), [row[1:] for row in TO_PREDICT], ids=[r[0] for r in TO_PREDICT]
)
def test_a_model_without_names_recognizes_a_header(
    csv_file, nameless, content, count, words
) -> None:
    file = csv_file(content)
    expected = nameless.trained.encoder.expected
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert len(nameless.predict(file)) == count
        assert sum(len(part) for part in read_parts(file, expected=expected)) == count
    said = [str(warning.message) for warning in heard if "as column names" in str(warning.message)]
    assert len(said) == (2 if words else 0)
    assert all(words in message for message in said)


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ("0,1\n1,red\n", 1),
        ("0,1\n1,red\n2,blue\n", 2),
        ("0,1,2\n1,red,2.5\n2,blue,5\n", 2),
        ("0,red\n1,red\n", 2),
        ("0,1\n", None),
    ],
)
def test_two_positions_are_a_header_if_training_had_no_such_cells(
    csv_file, content: str, count: int | None
) -> None:
    rows = [[i * i % 17, ["red", "blue"][i % 2], 2.5 * i] for i in range(40)]
    model = tw.TableModel(-1, epochs=2, n_estimators=1, hidden=(4,), bins=0).fit(rows)
    if count is not None:
        assert len(model.predict(csv_file(content))) == count
        return
    with pytest.warns(DataWarning, match="'1': 1 unknown"):
        assert len(model.predict(csv_file(content))) == 1


def test_rows_below_an_unexpected_header_are_predicted_alike(csv_file, nameless) -> None:
    same = nameless.predict(csv_file(INPUTS))
    with pytest.warns(DataWarning, match="matched by position"):
        np.testing.assert_array_equal(nameless.predict(csv_file(f"size,hue,day\n{INPUTS}")), same)
        (part,) = read_parts(
            csv_file(f"size,hue,day\n{INPUTS}"), expected=nameless.trained.encoder.expected
        )
    np.testing.assert_array_equal(nameless.predict(part), same)


NAMELESS = [
    ("rows", "1,red\n2,blue\n3,red\n"),
    ("one row", "1,red\n"),
    ("one cell twice", "1,1\n2,2\n3,5\n"),
    ("words alone", "red,red\nblue,red\nred,blue\n"),
]


@pytest.mark.parametrize("content", [row[1] for row in NAMELESS], ids=[row[0] for row in NAMELESS])
def test_a_model_with_names_needs_a_header(csv_file, named, content: str) -> None:
    file = csv_file(content)
    for read in (
        named.predict,
        lambda path: [*read_parts(path, expected=named.trained.encoder.expected)],
    ):
        with pytest.raises(DataError) as error:
            read(file)
        assert "line 1: its cells (" in str(error.value)
        assert "matches columns by name: size, hue. Add a header line above" in str(error.value)


def test_missing_names_are_listed(csv_file, named) -> None:
    with pytest.raises(DataError, match="2 of 2 columns of training are missing"):
        named.predict(csv_file("length,color\n1,red\n2,blue\n"))
    with pytest.raises(DataError, match=r"1 of 2 columns.*'hue'"):
        named.predict(csv_file("size,color\n1,red\n2,blue\n"))
