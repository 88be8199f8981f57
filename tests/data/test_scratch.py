"""Temporary files of tables: a full disk is a DataError, and no file is left behind."""

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg import scratch
from talweg.data.columns import column_builder as growing
from talweg.data.columns.column_builder import Shelf
from talweg.data.columns.table import Table
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.read import as_table, read_table
from talweg.errors import DataError
from talweg.scratch import Scratch

ROWS = 30_000
ROOM = 2**16  # bytes that the small disk has for a file


def numbers() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {name: random.normal(size=ROWS) for name in ("a", "b", "y")}


def csv(folder: Path) -> Path:
    file = folder / "t.csv"
    lines = (f"{i / 7:.4f},{i % 5},{i}" for i in range(ROWS))
    file.write_text("a,b,y\n" + "\n".join(lines) + "\n")
    return file


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of all temporary files."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(growing, "IN_MEMORY", 0)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


class SmallFile(io.FileIO):
    """A file on a disk that is full after some bytes."""

    def write(self, data: Any) -> int:
        room = ROOM - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(memoryview(data)[:room])


def small_disk(monkeypatch: pytest.MonkeyPatch, folder: Path, allocates: int | None) -> None:
    """`allocates` is the system's call for more space; None if it has none."""

    def refuse(file: int, start: int, size: int) -> None:
        if start + size > ROOM or allocates != errno.ENOSPC:
            raise OSError(allocates, os.strerror(allocates or 0))

    def opened(**_: Any) -> io.FileIO:
        file = SmallFile(folder / "file", "w+b")
        (folder / "file").unlink()
        return file

    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", opened)
    if allocates is None:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    else:
        monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)


USES: dict[str, Callable[[Path], Any]] = {
    "a file is read": lambda folder: read_table(csv(folder)),
    "a stream is copied": lambda folder: as_table(io.BytesIO(csv(folder).read_bytes())),
    "rows are taken": lambda _: Table.from_columns(numbers().items()).take(np.arange(ROWS)),
    "rows are encoded": lambda _: encoded(as_table(numbers())),
    "a model is trained": lambda _: tw.TableModel("y", epochs=1).fit(numbers()),
    "a model predicts": lambda _: fitted().predict(numbers()),
}


def encoded(table: Table) -> Any:
    return TableEncoder.fit(table, "y").encode(table)


def fitted() -> tw.TableModel:
    few = {name: cells[:100] for name, cells in numbers().items()}
    return tw.TableModel("y", epochs=1, hidden=(2,), bins=0, n_estimators=1).fit(few)


@pytest.mark.parametrize("allocates", [None, errno.ENOSPC, errno.EOPNOTSUPP, errno.EINVAL])
@pytest.mark.parametrize("use", USES)
def test_a_full_disk_is_a_data_error(use, allocates, folder, tmp_path, monkeypatch) -> None:
    small_disk(monkeypatch, folder, allocates)
    words = r"cannot be written to .*temporary, which has .* free \(No space left.*TMPDIR"
    with pytest.raises(DataError, match=words):
        USES[use](tmp_path)
    assert list(folder.iterdir()) == []


def test_the_error_says_how_much_space_is_needed(folder, monkeypatch) -> None:
    small_disk(monkeypatch, folder, errno.ENOSPC)
    with pytest.raises(DataError, match=r"one of 40\.0 MB cannot be written"):
        Shelf().array((1000, 10_000), np.float32)


LIMITS = {
    "quota": (errno.EDQUOT, "TMPDIR"),
    "file size": (errno.EFBIG, "TMPDIR"),
    "open files": (errno.EMFILE, r"ulimit -n"),
    "read-only": (errno.EROFS, "TMPDIR"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_other_system_limits_are_data_errors(name, folder, monkeypatch) -> None:
    number, words = LIMITS[name]

    def refused(**_: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", refused)
    with pytest.raises(DataError, match=words):
        encoded(as_table(numbers()))


def test_a_missing_temporary_folder_is_a_data_error(folder, monkeypatch) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(scratch.tempfile, "gettempdir", none)
    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", lambda **_: none())
    with pytest.raises(DataError, match="Set TMPDIR to a folder"):
        encoded(as_table(numbers()))


# What a file is --------------------------------------------------------------------------------


def test_an_appended_file_is_mapped_and_read(folder) -> None:
    file = Scratch()
    file.append(np.arange(3))
    file.append(b"\x07" * 8)
    file.allocate(8)
    file.append(np.arange(2))
    mapped = file.mapped(np.int64, (7,))
    assert mapped.tolist() == [0, 1, 2, 0x0707070707070707, 0, 0, 1]
    first, second = file.reader(), file.reader()
    assert first.read(5) == bytes(5)
    assert (second.seek(-8, 2), second.read()) == (48, np.int64(1).tobytes())
    assert first.read() == mapped.tobytes()[5:]
    mapped[0] = 9
    del file
    assert mapped[:2].tolist() == [9, 1]
    assert list(folder.iterdir()) == []


def test_an_empty_file_is_read() -> None:
    assert Scratch().reader().read() == b""


def test_arrays_without_elements_need_no_file(folder) -> None:
    shelf = Shelf()
    shelf.holds(1)
    assert shelf.array((0, 3), np.float32).shape == (0, 3)
    assert shelf.keep(np.zeros(0)).shape == (0,)


def test_space_is_allocated_before_it_is_used(folder) -> None:
    """Otherwise writing to the array on a full disk would kill the process."""
    open_files = Path("/proc/self/fd")
    if not open_files.is_dir():
        pytest.skip("no list of open files here")
    array = Shelf().array((2**18,), np.float32)
    links = [link for link in open_files.iterdir() if link.is_symlink()]
    (mine,) = [link for link in links if str(link.readlink()).startswith(str(folder))]
    assert mine.stat().st_blocks * 512 >= array.nbytes


ENDING = """
import os, signal, sys
import numpy as np
from talweg.data.columns import column_builder as growing
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.files import source_of
from talweg.data.io.read import read_table
growing.IN_MEMORY = 0
source = source_of(open(sys.argv[1], "rb"))
table = read_table(source)
inputs = TableEncoder.fit(table, "y").encode(table)
if sys.argv[2] == "0":
    raise SystemExit("an error")
os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.quick("15")
@pytest.mark.parametrize("number", [0, signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_file_is_left_when_a_process_ends(number, tmp_path) -> None:
    place, file = tmp_path / "temporary", csv(tmp_path)
    place.mkdir()
    command = [sys.executable, "-c", ENDING, file, str(int(number))]
    environment = {**os.environ, "TMPDIR": str(place)}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert done.returncode in {1, -number}
    assert list(place.iterdir()) == []


FULL = """
import sys
import numpy as np, talweg as tw
from talweg.data.columns import column_builder as growing
growing.IN_MEMORY = 0
X = np.random.default_rng(0).normal(size=(30_000, 40))
try:
    tw.TableModel(-1, epochs=1, n_estimators=1, hidden=(4,), bins=0).fit(X)
except tw.DataError as error:
    print("DataError", error)
"""


@pytest.mark.slow
def test_a_full_disk_is_refused(tmp_path) -> None:
    mount = 'mount -t tmpfs -o size=1m tmpfs "$0" && TMPDIR="$0" exec "$@"'
    command = ["unshare", "-rm", "bash", "-c", mount, str(tmp_path), sys.executable, "-c"]
    try:
        subprocess.run([*command, ""], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no file system of one's own here")
    done = subprocess.run([*command, FULL], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("DataError") and "which has 1.0 MB free" in done.stdout
