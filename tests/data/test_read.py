"""Reading tables: real files, unusual ones, and bad ones with their messages."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from talweg.data.columns.table import Table
from talweg.data.io.read import as_table, read_parts, read_table
from talweg.errors import DataError, DataWarning

REAL = [  # file, rows, columns, first name, last name
    ("tables/abalone.csv", 4177, 9, "0", "8"),
    ("tables/adult-test.csv", 16281, 15, "0", "14"),
    ("tables/adult-train.csv", 32561, 15, "0", "14"),
    ("tables/auto-mpg-questionmark.csv", 398, 9, "mpg", "name"),
    ("tables/breast-cancer-wisconsin.csv", 699, 10, "0", "9"),
    ("tables/california-housing.csv", 20640, 10, "longitude", "ocean_proximity"),
    ("tables/energy-efficiency-ENB2012.csv", 768, 14, "X1", "High_Cool_Load"),
    ("tables/iris.csv", 150, 5, "0", "4"),
    ("tables/mushroom.csv", 8124, 23, "Class", "P22"),
    ("tables/penguins.csv", 344, 7, "species", "sex"),
    ("tables/pima-indians-diabetes.csv", 768, 9, "0", "8"),
    ("tables/titanic-train.csv", 891, 12, "PassengerId", "Embarked"),
    ("tables/wheat-seeds.csv", 210, 8, "0", "7"),
    ("tables/wine.csv", 178, 14, "0", "13"),
    ("trees/Loblolly.csv", 84, 4, "rownames", "Seed"),
    ("trees/Orange.csv", 35, 4, "rownames", "circumference"),
    ("trees/Pines.csv", 1000, 16, "rownames", "Spacing"),
    ("trees/trees.csv", 31, 4, "rownames", "Volume"),
    ("series/airline-passengers.csv", 144, 2, "Month", "Passengers"),
]


@pytest.mark.quick("tables/mushroom*", "tables/abalone*")
@pytest.mark.parametrize(("path", "rows", "columns", "first", "last"), REAL)
def test_real_files_are_read(real_table, path, rows, columns, first, last) -> None:
    table = real_table(path)
    assert (len(table), len(table.names)) == (rows, columns)
    assert (table.names[0], table.names[-1]) == (first, last)
    assert table.positional == (first == "0")


def test_every_real_table_is_tested(shared: Path) -> None:
    files = {f"{file.parent.name}/{file.name}" for file in shared.glob("t*/*.csv")}
    assert files <= {row[0] for row in REAL}


def test_cells_of_real_files(real_table) -> None:
    titanic = real_table("tables/titanic-train.csv")
    assert titanic.columns["Name"][0] == "Braund, Mr. Owen Harris"
    assert titanic.columns["Cabin"][0] == ""
    adult = real_table("tables/adult-train.csv")
    assert adult.columns["1"][0] == "State-gov"
    assert adult.columns["14"][-1] == ">50K"


READABLE = [  # case, content, names, first row
    ("plain", "a,b\n1,x\n2,y\n", "a b", ["1", "x"]),
    ("no end of line", "a,b\n1,x", "a b", ["1", "x"]),
    ("windows", "a,b\r\n1,x\r\n2,y\r\n", "a b", ["1", "x"]),
    ("old mac", "a,b\r1,x\r2,y\r", "a b", ["1", "x"]),
    ("byte-order mark", b"\xef\xbb\xbfa,b\n1,\xc3\xa9\n", "a b", ["1", "é"]),
    ("latin-1", b"a,b\n1,\xe9\n", "a b", ["1", "é"]),
    ("semicolons", "a;b\n1,5;x\n2,5;y\n", "a b", ["1.5", "x"]),
    ("decimal commas only", "1,5;2,5\n3,5;4,5\n", "0 1", ["1.5", "2.5"]),
    ("tabs", "a\tb\n1\tx, y\n2\t\n", "a b", ["1", "x, y"]),
    ("pipes", "a|b\n1|x;y\n", "a b", ["1", "x;y"]),
    ("one column", "a\n1\n2\n", "a", ["1"]),
    ("one row", "5.1,3.5,setosa\n", "0 1 2", ["5.1", "3.5", "setosa"]),
    ("blank lines", "\n\na,b\n\n  \n1,x\n\n", "a b", ["1", "x"]),
    ("empty cells are a row", "a,b\n,\n1,x\n", "a b", ["", ""]),
    ("spaces", " a , b \n 1 , x y \n", "a b", ["1", "x y"]),
    ("quoted delimiter", 'a,b\n1,"x, y"\n', "a b", ["1", "x, y"]),
    ("quoted after a space", 'a, b\n1, "x, y" \n', "a b", ["1", "x, y"]),
    ("quoted line end", 'a,b\n1,"x\ny"\n', "a b", ["1", "x\ny"]),
    ("doubled quotes", 'a,b\n1,"x ""y"""\n', "a b", ["1", 'x "y"']),
    ("a name like a marker", "RI,Na\n1.5,13.6\n1.6,13.8\n", "RI Na", ["1.5", "13.6"]),
    ("all text, header", "kind,sex\na,m\nb,f\n", "kind sex", ["a", "m"]),
    ("all text, none", "a,m\nb,f\na,f\n", "0 1", ["a", "m"]),
    ("all text, marker first", "a,?\nb,f\nc,m\n", "0 1", ["a", "?"]),
    ("missing above numbers", "?,x\n1,y\n2,x\n", "0 1", ["?", "x"]),
]


@pytest.mark.parametrize(
    ("content", "names", "first"), [row[1:] for row in READABLE], ids=[row[0] for row in READABLE]
)
def test_unusual_files_are_read(csv_file, content, names, first) -> None:
    table = read_table(csv_file(content))
    assert list(table.names) == names.split()
    assert [table.columns[name][0] for name in table.names] == first


def test_header_can_be_forced(csv_file) -> None:
    file = csv_file("2019,2020\n1,2\n")
    with pytest.warns(DataWarning, match=r"could be column names or a row.*read as a row"):
        assert read_table(file).names == ("0", "1")
    assert read_table(file, header=True).names == ("2019", "2020")
    assert len(read_table(csv_file("a,b\nc,d\n"), header=False)) == 2


LONG_QUOTE = 'a,b\n1,"x\n' + "2,y\n" * 50_000
BAD = [  # case, content, part of the message
    ("empty", "", "table.csv is empty. Give"),
    ("blank", " \n\n  \n", "table.csv is empty. Give"),
    (
        "nul",
        b"a,b\n\x00\x01",
        "table.csv is not plain text: line 2 has the byte 0x00. Save it as CSV",
    ),
    ("too few cells", "a,b\n1,2\n\n3\n", "table.csv, line 4: 1 cell, but 2 were expected"),
    ("too many cells", "a,b\n1,2\n3,4,5\n", "line 3: 3 cells, but 2 were expected, as on line 1"),
    ("after a long cell", 'a,b\n1,"x\ny"\n3\n', "line 4: 1 cell, but 2"),
    ("two of one name", "a,b,a\n1,2,3\n", "line 1, has 2 columns named 'a'. Give each"),
    ("header only", "a,b\n", "has a header but no rows: a, b. Add rows, or pass header=False"),
    ("header and blank lines", "a;b\r\n\r\n\r\n", "has a header but no rows: a, b. Add rows"),
    ("open quote", 'a,b\n1,"x\n2,y\n', "line 2: the file ends inside a cell. Check for a quote"),
    ("open quote, large file", LONG_QUOTE, "line 2: the file ends inside a cell"),
    ("open quote at once", '"a,b\n1,2\n', "line 1: the file ends inside a cell"),
]


@pytest.mark.parametrize(
    ("content", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_bad_content_is_refused(csv_file, content, words) -> None:
    for read in (read_table, lambda file: [*read_parts(file)]):
        with pytest.raises(DataError) as error:
            read(csv_file(content))
        assert words in str(error.value)


def test_bad_paths_are_refused(csv_file, tmp_path: Path) -> None:
    csv_file("a\n1\n")
    for path, words in [
        (tmp_path / "tabel.csv", "Did you mean 'table.csv'?"),
        (tmp_path, "is a folder, but a file is needed"),
        (tmp_path / "no" / "table.csv", "There is no folder"),
    ]:
        with pytest.raises(DataError, match=str(path)) as error:
            read_table(path)
        assert words in str(error.value)


def test_find() -> None:
    table = Table.from_arrays(np.zeros((2, 3)), ["girth", "height", "2"])
    for column, name in [("girth", "girth"), (0, "girth"), ("-1", "2"), (-2, "height"), (2, "2")]:
        assert table.find(column) == name
    for column, words in [
        ("Girht", "Did you mean 'girth'?"),
        (3, "position from 0 to 2, or -1 for the last"),
        ("-4", "the array has no column '-4'"),
    ]:
        with pytest.raises(DataError) as error:
            table.find(column)
        assert words in str(error.value)


def test_take() -> None:
    table = Table.from_columns([("a", [1, 2, 3]), ("b", ["x", "y", "z"])])
    taken = table.take(np.array([2, 0]))
    assert list(taken.columns["b"]) == ["z", "x"]
    assert len(table.take(np.array([True, False, True]))) == 2


class Frame:
    """The part of a data frame that a table needs."""

    def __init__(self, **columns) -> None:
        self.columns, self._columns = list(columns), columns

    def __getitem__(self, name):
        return self._columns[name]


def test_tables_from_other_sources(csv_file) -> None:
    columns = {"n": [1.5, np.nan, 3], "s": ["a ", None, "7"], "b": [True, False, True]}
    days = np.array(["2020-01-01", "NaT", "2020-01-03"], dtype="datetime64[ns]")
    for table in (as_table(columns), as_table(Frame(**columns, d=days)).take(np.arange(3))):
        assert table.columns["n"].dtype == np.float64
        assert list(table.columns["s"]) == ["a", "", "7"]
        assert list(table.columns["b"]) == ["True", "False", "True"]
    assert as_table(table) is table
    assert table.columns["d"].tolist() == ["2020-01-01", "", "2020-01-03"]
    assert as_table(np.array([[1, 2], [3, 4]])).names == ("0", "1")
    assert as_table([[1, "x"], [2, "y"]]).columns["0"].tolist() == [1, 2]
    assert as_table(str(csv_file("a\n1\n"))).names == ("a",)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: as_table({}), "the columns has no columns"),
        (lambda: as_table({"a": [1], "b": [1, 2]}), "'b' has 2 rows, but 'a' has 1"),
        (lambda: as_table({"a": []}), "no rows. Give at least one"),
        (lambda: as_table({"a": [[1], [2]]}), "column 'a' has shape (2, 1), but (N,)"),
        (lambda: as_table(np.zeros(3)), "the array has shape (3,), but (N, D) is needed"),
        (lambda: Table.from_arrays(np.zeros((2, 3)), ["a"]), "3 columns, but 1 name"),
        (lambda: Table.from_arrays(np.zeros((2, 2)), ["a", "a"]), "2 columns named 'a'"),
    ],
)
def test_bad_tables_are_refused(make, words) -> None:
    with pytest.raises(DataError) as error:
        make()
    assert words in str(error.value)


CELL = st.text("aé漢\"',;|\t .-", min_size=1).map(str.strip)
ROWS = st.lists(st.tuples(CELL, CELL, st.integers()), min_size=1, max_size=8)


@settings(max_examples=50)
@given(ROWS, st.sampled_from(",\t|"))
def test_files_of_the_csv_module_are_read_back(tmp_path_factory, rows, delimiter) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two", "three"), *rows])
    file = tmp_path_factory.getbasetemp() / "written.csv"
    file.write_text(stream.getvalue(), encoding="utf-8", newline="")
    table = read_table(file, header=True)
    read = zip(*(table.columns[name] for name in table.names), strict=True)
    assert list(read) == [(one, two, str(three)) for one, two, three in rows]


@pytest.mark.filterwarnings("ignore::talweg.errors.DataWarning")
@given(st.binary(max_size=200))
def test_any_bytes_give_a_table_or_a_data_error(tmp_path_factory, content) -> None:
    file = tmp_path_factory.getbasetemp() / "bytes.csv"
    file.write_bytes(content)
    try:
        assert len(read_table(file)) > 0
    except DataError as error:
        assert "bytes.csv" in str(error)
