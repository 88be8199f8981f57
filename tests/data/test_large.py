"""Tables larger than memory: read, typed, encoded and trained on from mapped files."""

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns import column_builder as growing
from talweg.data.columns.cells import MISSING, VAGUE, Moments, Words, as_cells, as_words
from talweg.data.columns.column_builder import OTHER, ColumnBuilder, Shelf
from talweg.data.columns.dates import STYLES, seconds, written
from talweg.data.columns.detection import as_asked, describe
from talweg.data.columns.expected import Expected
from talweg.data.columns.kinds.registry import fit_column
from talweg.data.columns.table import Table
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.read import read_parts, read_table
from talweg.data.model.targets.table import fit_target
from talweg.data.split.times import times_of
from talweg.errors import DataError

MB = 2**20


def write(file: Path, rows: int) -> Path:
    """A table of numbers, a few words and a target that depends on both."""
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
    """Stores all tables in files, in a folder of their own."""
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
    """Peak megabytes of Python and NumPy while reading and encoding."""
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
    """Uses a smaller sample for the dialect, whose 10 MB would hide the rest."""
    for user in ("csv_file", "read"):
        monkeypatch.setattr(f"talweg.data.io.{user}.SAMPLE", 2**13)


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
    settings = {
        "epochs": 2,
        "hidden": (8,),
        "n_estimators": 2,
        "bins": 0,
        "columns": {"d": "leave out"},
    }
    mapped = tw.TableModel("y", **settings).fit(file)
    monkeypatch.setattr(growing, "IN_MEMORY", 2**40)
    kept = tw.TableModel("y", **settings).fit(file)
    assert mapped.trained.net.weights.flat.tolist() == kept.trained.net.weights.flat.tolist()
    assert mapped.predict(file).tolist() == kept.predict(file).tolist()


# Growing columns ------------------------------------------------------------------------------


def grown(*parts: list[str]) -> object:
    column = ColumnBuilder(Shelf())
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


def test_texts_that_only_float_accepts_are_unknown(few_words) -> None:
    first = [*map(str, range(6))] * 99
    for odd in ("1_000", "٣", "0x1", "low"):
        numbers = grown(first, [odd, "7", " 8 "])
        assert numbers[-3:].tolist() == [np.inf, 7, 8]
    assert grown(first, ["inf", "nan", "1e99"])[:-4:-1].tolist()[::2] == [1e99, np.inf]


def test_a_thousands_separator_is_no_decimal_mark(few_words) -> None:
    found = grown([f"{place},5" for place in range(9)], ["1.234", "12.345"], ["1.234", "2,5"])
    assert found[-4:].tolist() == [1234, 12345, 1234, 2.5]


def test_a_known_column_of_numbers_is_read_as_numbers() -> None:
    column = ColumnBuilder(Shelf(), number=True)
    column.add(["007", " 1.5 ", "", "?", "low", "1_000", "inf"])
    column.add(["8", "", "9"])
    found = column.cells().tolist()
    expected = [7, 1.5, np.nan, np.nan, np.inf, np.inf, np.inf, 8, np.nan, 9]
    np.testing.assert_array_equal(found, expected)


def test_every_mark_of_a_missing_number_is_read_as_missing() -> None:
    texts = [form for text in MISSING | VAGUE for form in (text, text.upper(), text.title())]
    for cells in (texts, [f" {text} " for text in texts], [*texts, "low"]):
        column = ColumnBuilder(Shelf(), number=True)
        column.add(["1.5", *cells, "2"])
        found = column.cells().tolist()
        odd = [np.inf] * (cells[-1] == "low")
        np.testing.assert_array_equal(found, [1.5, *[np.nan] * len(texts), *odd, 2])


def test_a_model_says_which_columns_are_read_as_numbers(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b,c\n" + "1,007,x\n" * 200)
    for numeric in ({"a": True, "b": False}, {"a": True, "b": False, "z": False}):
        parts = list(read_parts(file, expected=Expected(numeric)))
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


def test_words_beyond_the_limit_become_one_word(few_words) -> None:
    words = grown([*"abcdefghijklmn"], [*"anb"])
    assert (words.full, words.levels[-1]) == (True, OTHER)
    assert words.tolist() == [*"abcdefghijkl", OTHER, OTHER, "a", OTHER, "b"]


def test_words_among_many_numbers_are_text(few_words) -> None:
    cells = grown([*map(str, range(50))], ["low", "high"])
    assert cells.full
    assert len(cells) == 52


def test_arrays_and_texts_may_alternate() -> None:
    column = ColumnBuilder(Shelf())
    column.add(np.array([1.5, np.nan]))
    column.add(["2", "?"])
    np.testing.assert_array_equal(column.cells(), [1.5, np.nan, 2, np.nan])
    column = ColumnBuilder(Shelf())
    column.add(["oak"])
    column.add(np.array([1.5]))
    assert column.cells().tolist() == ["oak", "1.5"]


# Many dates -----------------------------------------------------------------------------------


def days(style: str, first: int = 0) -> list[str]:
    """The first days of forty months, starting some months after January 1970."""
    months = np.arange(first, first + 40).astype("datetime64[M]").astype("datetime64[s]")
    return [written(float(month), style) for month in months.astype(np.int64)]


@pytest.mark.parametrize("style", STYLES)
def test_many_dates_become_moments(few_words, style: str) -> None:
    dates = ["", *days(style, first=400), "unknown"]
    found = grown(dates, days(style))
    assert isinstance(found, Moments)
    expected = [seconds(date, style) for date in [*dates, *days(style)]]
    np.testing.assert_array_equal(found.readings[style], expected)
    assert describe("x", found).detail == (found.style,)
    texts = as_words(found)
    np.testing.assert_array_equal([seconds(text, found.style) for text in texts], found.seconds)
    assert texts.tolist()[0] == texts.tolist()[41] == ""


def test_later_dates_decide_whether_the_day_comes_first(few_words) -> None:
    early = [f"0{day}/0{month}/2020" for day in range(1, 7) for month in range(1, 7)]
    both = grown(early)
    assert [*both.readings] == ["month first", "day first"]
    assert describe("x", both).note.startswith("Days and months could be swapped")
    assert as_asked("x", both, "day first").detail == ("day first",)
    assert grown(early, ["05/13/2020"] * 9).style == "month first"
    for style in both.readings:
        in_style, texts = fit_column(as_asked("x", both, style), both), as_cells(early)
        np.testing.assert_array_equal(in_style.encode(both), in_style.encode(texts))
        tables = (Table(("x",), {"x": cells}, "t") for cells in (both, texts))
        one, two = (times_of(table.columns["x"], style).tolist() for table in tables)
        assert one == two
    sure = grown(early, ["13/05/2020"] * 9)
    assert [*sure.readings] == ["day first"]
    assert describe("x", sure).note == ""
    with pytest.raises(DataError, match="cannot be read with the month first: its dates are writ"):
        as_asked("x", sure, "month first")
    with pytest.raises(DataError, match="'x' cannot be of the kind 'number': none of its cells"):
        as_asked("x", sure, "number")


def test_dates_in_another_style_are_unknown(few_words) -> None:
    column = fit_column(describe("x", grown(days("year first"))), as_cells(days("year first")))
    assert column.encode(grown(days("month's name")))[:, column.unknown].all()


def test_a_full_column_is_checked_for_dates_once(few_words, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(growing, "styles_of", lambda counts: asked.append(counts) or [])
    grown([*"abcdefghijk"], *[[*"abcd"]] * 9)
    assert len(asked) == 1


def test_few_odd_cells_among_dates_are_unknown_and_many_make_text(few_words) -> None:
    dates = days("year first") * 10
    found = grown(dates, ["soon", "2020-02-30"])
    assert np.isinf(found.seconds).tolist() == [False] * 400 + [True] * 2
    column = fit_column(describe("x", found), found)
    assert column.encode(found)[-1, column.unknown] == 1
    assert as_words(found).tolist()[-1] == "(no date)"
    assert grown(dates, ["soon"] * 9).full
    assert grown([*"abcdefgh"], dates).full


def test_a_model_learns_the_same_from_dates_as_moments(tmp_path, small_memory, monkeypatch) -> None:
    random, file = np.random.default_rng(0), tmp_path / "t.csv"
    at = random.integers(0, 10**9, 600).tolist()
    rows = [f"{written(moment, 'day first')},{moment % 7},{moment / 10**8}" for moment in at]
    rows[7] = ",3,1.5"
    file.write_text("\n".join(["at,day,y", *rows]))
    settings = {"epochs": 2, "hidden": (8,), "n_estimators": 2, "time": False}
    kept = tw.TableModel("y", **settings).fit(file)
    monkeypatch.setattr(growing, "MOST_WORDS", 100)
    monkeypatch.setattr(growing, "MOST_NUMERALS", 50)
    monkeypatch.setattr(growing, "IN_MEMORY", 1000)
    monkeypatch.setattr(growing, "WRITTEN", 1000)
    table = read_table(file)
    assert isinstance(table.columns["at"], Moments)
    assert is_mapped(table.columns["at"].seconds)
    moments = tw.TableModel("y", **settings).fit(table)
    assert moments.trained.net.weights.flat.tolist() == kept.trained.net.weights.flat.tolist()
    assert moments.predict(table).tolist() == kept.predict(file).tolist()
    filled = Moments({"day first": np.nan_to_num(table.columns["at"].seconds)})
    assert times_of(filled).tolist() == [*at[:7], 0, *at[8:]]
    assert "at" in tw.report(moments, tmp_path / "r.html").read_text()


def test_a_target_with_too_many_words_is_refused(few_words) -> None:
    refused = {
        "more than 12 different labels are too many": grown([*"abcdefghijklmnopq"]),
        "it mixes many different numbers with words": grown([*map(str, range(50))], ["a", "b"]),
        "it holds dates. Give numbers, such as days": grown(days("year first")),
    }
    for words, cells in refused.items():
        for task in (None, "classification", "regression"):
            with pytest.raises(DataError, match=f"Target 'y': {words}"):
                fit_target(cells, task=task, name="y")
