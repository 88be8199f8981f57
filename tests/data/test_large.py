"""Tables that grow beyond memory: read, typed, encoded and trained on from mapped files."""

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data import growing
from talweg.data.columns import Words
from talweg.data.dialect import Dialect
from talweg.data.encode import TableEncoder
from talweg.data.growing import OTHER, GrowingColumn, Shelf
from talweg.data.read import read_parts, read_table

MB = 2**20


def write(file: Path, rows: int) -> Path:
    """A table of numbers, few words and a target that follows from both."""
    random = np.random.default_rng(0)
    numbers, places = random.normal(size=(rows, 4)).round(4), random.integers(0, 3, rows)
    with file.open("w") as stream:
        stream.write("a,b,c,d,place,y\n")
        for row, place in zip(numbers.tolist(), places.tolist(), strict=True):
            cells = [*row, ("hill", "lake", "town")[place], round(row[0] - row[1] + place, 4)]
            stream.write(",".join(map(str, cells)) + "\n")
    return file


@pytest.fixture
def small_memory(monkeypatch, tmp_path: Path) -> Path:
    """All tables go to files, in a folder of their own."""
    monkeypatch.setattr(growing, "IN_MEMORY", MB // 4)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_mapped_table_is_the_same_table(tmp_path: Path, small_memory: Path, monkeypatch) -> None:
    file = write(tmp_path / "t.csv", 20_000)
    mapped = read_table(file)
    encoded = TableEncoder.fit(mapped, "y").encode(mapped)
    assert is_mapped(mapped.columns["y"])
    assert is_mapped(encoded)
    taken = mapped.take(np.arange(0, 20_000, 2))
    monkeypatch.setattr(growing, "IN_MEMORY", 2**40)
    kept = read_table(file)
    assert not is_mapped(kept.columns["y"])
    for name in kept.names:
        assert kept.columns[name].tolist() == mapped.columns[name].tolist()
        assert kept.columns[name][::2].tolist() == taken.columns[name].tolist()
    np.testing.assert_array_equal(TableEncoder.fit(kept, "y").encode(kept), encoded)
    del mapped, encoded, taken
    gc.collect()
    assert list(small_memory.iterdir()) == []


def is_mapped(cells: object) -> bool:
    array = cells.codes if isinstance(cells, Words) else cells
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


def peak_of(file: Path) -> tuple[float, float]:
    """Megabytes at most that Python and NumPy took to read and to encode."""
    tracemalloc.start()
    table = read_table(file)
    reading = tracemalloc.get_traced_memory()[1]
    encoder = TableEncoder.fit(table, "y")
    tracemalloc.reset_peak()
    encoder.encode(table)
    encoding = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return reading / MB, encoding / MB


@pytest.fixture
def small_sample(monkeypatch) -> None:
    """What a dialect is judged by takes 10 MB at most: here less, so as not to hide the rest."""
    monkeypatch.setattr("talweg.data.csv_file.SAMPLE", 2**13)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path, small_memory, small_sample) -> None:
    few, many = (peak_of(write(tmp_path / f"{rows}.csv", rows)) for rows in (10_000, 40_000))
    column = 30_000 * 8 / MB  # columns are typed one at a time, which takes some copies of one
    assert many[0] < few[0] + column
    assert many[1] < few[1] + 8 * column  # kept in memory, the inputs would take 8.5 more


@pytest.mark.slow
def test_reading_in_parts_takes_the_memory_of_a_part(tmp_path, small_sample) -> None:
    file = write(tmp_path / "t.csv", 20_000)
    tracemalloc.start()
    rows = sum(len(part) for part in read_parts(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (rows, peak < 4 * MB) == (20_000, True)


def test_a_model_learns_the_same_from_mapped_rows(tmp_path, small_memory, monkeypatch) -> None:
    file = write(tmp_path / "t.csv", 6_000)
    settings = {"epochs": 2, "hidden": (8,), "members": 2, "columns": {"d": "leave out"}}
    mapped = tw.TableModel("y", **settings).fit(file)
    monkeypatch.setattr(growing, "IN_MEMORY", 2**40)
    kept = tw.TableModel("y", **settings).fit(file)
    assert mapped.trained.net.weights.flat.tolist() == kept.trained.net.weights.flat.tolist()
    assert mapped.predict(file).tolist() == kept.predict(file).tolist()


# Growing columns ------------------------------------------------------------------------------


def grown(*parts: list[str]) -> object:
    column = GrowingColumn(Shelf())
    for part in parts:
        column.add(part)
    return column.cells()


@pytest.fixture
def few_words(monkeypatch) -> None:
    monkeypatch.setattr(growing, "MOST_NUMERALS", 4)
    monkeypatch.setattr(growing, "MOST_WORDS", 12)


def test_few_words_stay_words_and_many_numbers_become_numbers(few_words) -> None:
    assert grown(["1", " 2", "1"]).tolist() == ["1", "2", "1"]
    numbers = grown(["1", "2", "?", "4.50"], ["5", "1e3", "-", "", "unknown"])
    np.testing.assert_array_equal(numbers, [1, 2, np.nan, 4.5, 5, 1000, *[np.nan] * 3])


def test_what_float_takes_and_a_table_does_not_is_unknown(few_words) -> None:
    first = [*map(str, range(6))] * 99
    for odd in ("1_000", "٣", "0x1", "low"):
        numbers = grown(first, [odd, "7", " 8 "])
        assert numbers[-3:].tolist() == [np.inf, 7, 8]
    assert grown(first, ["inf", "nan", "1e99"])[:-4:-1].tolist()[::2] == [1e99, np.inf]


def test_a_point_between_thousands_is_none_before_decimals(few_words) -> None:
    column = GrowingColumn(Shelf(), Dialect(";", decimal=",").clean)
    column.add([f"{place},5" for place in range(9)])
    column.add(["1.234", "12.345"])
    column.add(["1.234", "2,5"])
    assert column.cells()[-4:].tolist() == [1234, 12345, 1234, 2.5]


def test_a_column_known_to_be_of_numbers_is_read_as_one() -> None:
    column = GrowingColumn(Shelf(), number=True)
    column.add(["007", " 1.5 ", "", "?", "low", "1_000", "inf"])
    column.add(["8", "", "9"])
    found = column.cells().tolist()
    expected = [7, 1.5, np.nan, np.nan, np.inf, np.inf, np.inf, 8, np.nan, 9]
    np.testing.assert_array_equal(found, expected)


def test_kinds_that_are_known_say_how_parts_are_read(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b,c\n" + "1,007,x\n" * 200)
    for kinds in ({"a": "number", "b": "category"}, {"a": "number", "b": "category", "z": "date"}):
        parts = list(read_parts(file, kinds=kinds))
        columns = parts[0].columns
        assert parts[0].names == ("a", "b", "c")
        assert columns["a"].tolist()[:2] == [1.0, 1.0]
        assert columns["b"].tolist()[:2] == ["007", "007"]
        assert set(columns["c"].tolist()) == {""}
        assert sum(map(len, parts)) == 200


def test_parts_of_a_wide_table_have_many_rows(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    row = ",".join(["1"] * 500)
    file.write_text("\n".join([row] * 150))
    assert [len(part) for part in read_parts(file, header=False)] == [64, 64, 22]


def test_codes_keep_their_zeros(few_words) -> None:
    codes = [f"{place:03}" for place in range(6)]
    assert grown(codes, codes).tolist() == codes * 2


def test_too_many_words_are_one_more(few_words) -> None:
    words = grown([*"abcdefghijklmn"], [*"anb"])
    assert (words.full, words.levels[-1]) == (True, OTHER)
    assert words.tolist() == [*"abcdefghijkl", OTHER, OTHER, "a", OTHER, "b"]


def test_words_among_many_numbers_are_text(few_words) -> None:
    cells = grown([*map(str, range(50))], ["low", "high"])
    assert cells.full
    assert len(cells) == 52


def test_arrays_and_texts_may_take_turns() -> None:
    column = GrowingColumn(Shelf())
    column.add(np.array([1.5, np.nan]))
    column.add(["2", "?"])
    np.testing.assert_array_equal(column.cells(), [1.5, np.nan, 2, np.nan])
    column = GrowingColumn(Shelf())
    column.add(["oak"])
    column.add(np.array([1.5]))
    assert column.cells().tolist() == ["oak", "1.5"]
