"""Encodings: one for the whole file, except for a few stray bytes."""

import threading

import pytest

import talweg as tw
from talweg.data.io.files import source_of
from talweg.data.io.opening import encoding_of
from talweg.data.io.read import read_parts, read_table
from talweg.errors import DataWarning

LINES = ["c,note", *["bleuté,x", "rouge,y"] * 10]
TEXT = "".join(f"{each}\n" for each in LINES).encode()
FAR = b"bleu\xc3\xa9,far below\n" * 100_000  # beyond the first block
STRAY = [  # case, content, line, byte, how many, the last cells
    ("a letter of cp1252", TEXT + b"caf\xe9,z\n", 22, "0xe9", 1, ["café", "z"]),
    ("a sign of cp1252", TEXT + b"5 \x80,z\n", 22, "0x80", 1, ["5 €", "z"]),
    ("a byte that cp1252 lacks", TEXT + b"a\x81b,z\n", 22, "0x81", 1, ["a\x81b", "z"]),
    ("cut short at the end", TEXT + b"bleut\xc3", 22, "0xc3", 1, ["bleutÃ", ""]),
    ("cut short in the middle", TEXT + b"bleut\xc3,z\n", 22, "0xc3", 1, ["bleutÃ", "z"]),
    ("three bytes cut to two", TEXT + b"\xe2\x82,z\n", 22, "0xe2", 2, ["â\u201a", "z"]),
    ("a surrogate", TEXT + b"\xed\xa0\x80,z\n", 22, "0xed", 3, ["í\xa0€", "z"]),
    ("a mark at the start", b"\xef\xbb\xbf" + TEXT + b"\xe9,z\n", 22, "0xe9", 1, ["é", "z"]),
    ("first of all", b"c\xe9,n\n" + TEXT[7:], 1, "0xe9", 1, ["rouge", "y"]),
    ("below the first block", TEXT + FAR + b"\xe9,z\n", 100_022, "0xe9", 1, ["é", "z"]),
    ("as many as letters", TEXT + b"caf\xe9,z\n" * 10, 22, "0xe9", 10, ["café", "z"]),
    ("lines of an old Mac", TEXT.replace(b"\n", b"\r") + b"\xe9,z\r", 22, "0xe9", 1, ["é", "z"]),
]


@pytest.mark.parametrize(
    ("content", "line", "byte", "count", "last"),
    [row[1:] for row in STRAY],
    ids=[row[0] for row in STRAY],
)
def test_a_few_stray_bytes_are_read_as_cp1252(csv_file, content, line, byte, count, last) -> None:
    if content.endswith(b"\xc3"):
        content += b","
    file = csv_file(content)
    with pytest.warns(DataWarning) as said:
        table = read_table(file)
    (words,) = {str(each.message) for each in said}
    assert f"table.csv, line {line:}: the byte {byte} is not UTF-8" in words
    assert (f"({count} such bytes in all)" in words) == (count > 1)
    first, second = table.columns.values()
    assert "bleuté" in first.levels
    assert [first[-1], second[-1]] == last


WHOLE = [  # case, content, encoding, the first cell
    ("UTF-8", "é,x\n".encode(), "utf-8-sig", "é"),
    ("ASCII", b"e,x\n", "utf-8-sig", "e"),
    ("cp1252", b"\xe9\xe8,x\n" * 30, "cp1252", "éè"),
    ("one letter of cp1252", b"e,x\n" * 30 + b"\xe9,x\n", "cp1252", "e"),
    (
        "cp1252 that spells UTF-8 once",
        b"CAF\xc9\xbb,x\n" + b"\xe9t\xe9,x\n" * 30,
        "cp1252",
        "CAFÉ»",
    ),
    ("latin-1", b"\x81\xe9,x\n" * 30, "latin-1", "\x81é"),
]


@pytest.mark.parametrize(
    ("content", "encoding", "first"), [row[1:] for row in WHOLE], ids=[row[0] for row in WHOLE]
)
def test_a_file_of_one_encoding_is_read_by_it(csv_file, content, encoding, first) -> None:
    file = csv_file(content)
    assert encoding_of(source_of(file)) == encoding
    assert read_table(file, header=False).columns["0"][0] == first


def test_a_model_recognizes_words_in_another_encoding(csv_file) -> None:
    rows = {"c": ["rouge", "bleuté"] * 20, "y": [1.0, 2.5] * 20}
    model = tw.TableModel("y", epochs=20, n_estimators=1, hidden=(4,)).fit(rows)
    expected = model.predict({"c": ["bleuté", "rouge"]})
    content = "c,note\nbleuté,x\nrouge,x\n".encode() + b"rouge,caf\xe9\n"
    with pytest.warns(DataWarning, match="line 4: the byte 0xe9 is not UTF-8"):
        got = model.predict(csv_file(content))
    assert got[:2].tolist() == pytest.approx(expected.tolist())
    with pytest.warns(DataWarning, match="read as 'é'"):
        parts = [*read_parts(csv_file(content))]
    assert [*parts[0].columns["c"]] == ["bleuté", "rouge", "rouge"]


LONG = ["a" * 200_000, "é" * 131_073, "漢 " * 200_000 + ".", "two\nlines,\n" * 30_000 + "."]


@pytest.mark.parametrize("cell", LONG, ids=["letters", "just beyond", "others", "lines"])
def test_a_cell_may_have_any_length(csv_file, cell: str) -> None:
    quoted = f'"{cell}"' if "\n" in cell else cell
    file = csv_file(f"x,note\n1,b\n2,{quoted}\n3,c\n")
    for table in (read_table(file), *read_parts(file)):
        assert [*table.columns["note"]] == ["b", cell, "c"]


def test_the_field_size_limit_of_python_stays(csv_file) -> None:
    """Other threads may be reading, and other libraries may have set the limit."""
    import csv

    assert csv.field_size_limit() == 131_072
    seen: list[int] = []
    file = csv_file(f"x,note\n1,{'b' * 200_000}\n")
    threads = [threading.Thread(target=lambda: seen.append(len(read_table(file))))] * 1
    before = csv.field_size_limit(1000)
    try:
        for each in threads:
            each.start()
            each.join()
        assert (csv.field_size_limit(), seen) == (1000, [1])
    finally:
        csv.field_size_limit(before)


ROWS = "".join(f"{row},y\n" for row in range(500))
OPEN = [  # case, content, words
    ("to the end", 'a,b\n1,"x\n' + ROWS, "line 2: the file ends inside a cell"),
    ("to a later quote", 'a,b\n1,"x\n' + ROWS + '8,"z"\n9,z\n', "line 2: a cell runs to line 503"),
    ("at the start", 'a,b\n1,x\n"2,x\n' + ROWS + '"8",z\n', "line 3: a cell runs to line 504"),
    ("far below", f'a,b\n{ROWS * 20}1,"x\n{ROWS}8,"z"\n', "line 10002: a cell runs to line 10503"),
]


@pytest.mark.parametrize(("content", "words"), [row[1:] for row in OPEN], ids=[r[0] for r in OPEN])
def test_an_unclosed_quote_is_refused(csv_file, content: str, words: str) -> None:
    with pytest.raises(tw.DataError) as error:
        read_table(csv_file(content))
    assert words in str(error.value)
    assert "Check for a quote" in str(error.value)


def test_a_cell_may_have_many_lines(csv_file) -> None:
    """Prose has any number of commas, and a poem none."""
    prose = "".join(f"line {row}{', and so on' * (row % 3)}\n" for row in range(300))
    poem = "a line of words\n" * 300
    parts = "\u2028one, two" * 300  # which ends no line
    table = read_table(csv_file(f'a,b\n1,"{prose}"\n2,"{poem}"\n3,"x\ny{parts}"\n'), header=True)
    assert [*table.columns["b"]] == [prose.strip(), poem.strip(), f"x\ny{parts}"]
