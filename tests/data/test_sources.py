"""Sources of a table: paths that cannot be opened, pipes and open files."""

import gzip
import io
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talweg.data.io.files import existing_file, source_of
from talweg.data.io.read import as_table, read_parts, read_table
from talweg.data.model.table_model import TableModel
from talweg.errors import DataError, TalwegError
from talweg.insight.comparison import compare

TEXT = "a,b\n1,é\n2,y\n"


def refused_paths(folder: Path) -> dict[str, tuple[object, str]]:
    """Paths by their fault, with part of the message."""
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to(folder / "one")
    (folder / "file").write_text(TEXT)
    return {
        "5,000 letters": ("a" * 5000, "File name too long"),
        "5,000 letters of a folder": ("b/" * 2500, "File name too long"),
        "a NUL byte": ("a\0b", "embedded null byte"),
        "text instead of a path": ("a,b\n" + "1,2\n" * 2000, "io.StringIO(text)"),
        "a folder": (folder, "is a folder, but a file is needed"),
        "a link to nothing": (folder / "gone", "is a link to"),
        "a loop of links": (folder / "one", "is a symbolic link to itself"),
        "a file as folder": (folder / "file" / "x", "There is no folder"),
        "no folder": (folder / "no" / "x", "There is no folder"),
        "a web address": ("https://example.org/table.csv", "is a web address. Download it"),
        "a device": ("/dev/null", "is a device, but a file or a pipe is needed"),
    }


REFUSED = (
    *("5,000 letters", "5,000 letters of a folder", "a NUL byte", "text instead of a path"),
    *("a folder", "a link to nothing", "a loop of links", "a file as folder", "no folder"),
    *("a web address", "a device"),
)


@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
@pytest.mark.parametrize("what", REFUSED)
def test_a_path_that_cannot_be_opened_is_refused(tmp_path: Path, what: str) -> None:
    path, words = refused_paths(tmp_path)[what]
    for use in (read_table, as_table, TableModel(-1).fit):
        with pytest.raises(DataError) as error:
            use(path)
        assert words in str(error.value)
        assert len(str(error.value)) < 800


def test_an_unreadable_file_is_refused(csv_file, monkeypatch) -> None:
    file = csv_file(TEXT)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"table\.csv cannot be read: Permission denied"):
        read_table(file)


STREAMS: dict[str, Callable[[Path], Any]] = {
    "StringIO": lambda _: io.StringIO(TEXT),
    "BytesIO": lambda _: io.BytesIO(TEXT.encode()),
    "BytesIO, packed": lambda _: io.BytesIO(gzip.compress(TEXT.encode())),
    "open, binary": lambda file: file.open("rb"),
    "open, unbuffered": lambda file: file.open("rb", buffering=0),
    "open, text": lambda file: file.open(encoding="utf-8"),
    "open, text of bytes that are none": lambda file: file.open(
        encoding="ascii", errors="surrogateescape"
    ),
    "a packed one, unpacked": lambda file: unpacked(file),
    "a temporary file": lambda _: temporary(),
    "from where it stands": lambda _: at(5, io.StringIO(f"skip\n{TEXT}")),
}


def unpacked(file: Path) -> Any:
    other = file.with_suffix(".gz")
    other.write_bytes(gzip.compress(TEXT.encode()))
    return gzip.open(other, "rt", encoding="utf-8")


def temporary() -> Any:
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115
    file.write(TEXT.encode())
    return at(0, file)


def at(place: int, stream: Any) -> Any:
    stream.seek(place)
    return stream


@pytest.mark.parametrize("opens", STREAMS.values(), ids=STREAMS.keys())
def test_an_open_file_is_a_table(csv_file, opens) -> None:
    with opens(csv_file(TEXT)) as stream:
        table = as_table(stream)
        assert not stream.closed
    assert table.names == ("a", "b")
    assert [table.columns["a"].tolist(), table.columns["b"].tolist()] == [["1", "2"], ["é", "y"]]


BAD_STREAMS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "read before": (lambda _: at(len(TEXT), io.StringIO(TEXT)), "call seek(0) first"),
    "nothing": (lambda _: io.StringIO(), "the StringIO is empty. Give a table"),
    "only for writing": (lambda file: file.open("w"), "cannot be read: not readable"),
    "closed": (lambda _: closed(), "the BytesIO cannot be read: I/O operation on closed"),
    "of another encoding": (lambda file: file.open(encoding="ascii"), "'ascii' codec can't decode"),
    "letters that are none": (lambda _: io.StringIO("a,b\n\ud800,1\n"), "can't encode character"),
    "no table": (lambda _: io.StringIO("a,b\n1\n"), "the StringIO, line 2: 1 cell, but 2"),
}


def closed() -> io.BytesIO:
    stream = io.BytesIO()
    stream.close()
    return stream


@pytest.mark.parametrize(("opens", "words"), BAD_STREAMS.values(), ids=BAD_STREAMS.keys())
def test_an_open_file_that_is_not_a_table_is_refused(csv_file, opens, words: str) -> None:
    with closing(opens(csv_file(TEXT))) as stream, pytest.raises(DataError) as error:
        read_table(stream)
    assert words in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_read_once_and_copied(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for read in (read_table, lambda path: next(iter(read_parts(path)))):
        writer = threading.Thread(target=pipe.write_text, args=("a,b\n1,2\n",))
        writer.start()
        table = read(pipe)
        writer.join()
        assert (table.names, table.source) == (("a", "b"), str(pipe))
    with pytest.raises(TalwegError, match="is a pipe or a device"):
        existing_file(pipe)


def test_a_copy_can_be_read_again_and_has_no_name(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    source = source_of(io.StringIO(TEXT))
    with source.open() as first, source.open() as second:
        assert first.read().decode() == second.read().decode() == TEXT
    assert list(tmp_path.iterdir()) == []


def test_models_and_comparisons_read_an_open_file_once() -> None:
    text = "x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(40))
    model = TableModel("y", n_estimators=1, epochs=2, hidden=(4,), bins=0).fit(io.StringIO(text))
    same = model.predict({"x": np.arange(40.0)})
    assert np.array_equal(model.predict(io.BytesIO(text.encode())), same)
    assert [score.name for score in model.evaluate(io.StringIO(text))] == [
        score.name for score in model.scores
    ]
    trained = model.trained
    found = compare([("one", trained), ("two", trained)], io.StringIO(text))
    assert [compared.rows for compared in found.models] == [40, 40]
    assert "rows of the StringIO" in found.scored_on
