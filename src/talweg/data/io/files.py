"""The file that a table is read from, or the copy of a pipe or a stream."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from talweg.errors import DataError, nearest
from talweg.scratch import Scratch

_BLOCK = 2**20  # bytes or characters copied at a time
_WEB = re.compile(r"(?:https?|ftp|s3|gs):/")
_SHOWN = 300  # characters of a path in a message


@dataclass(frozen=True, eq=False)
class Source:
    """A file that can be read several times, and its name in messages.

    A source that can be read only once is copied to an unnamed temporary file.
    """

    file: Path | Scratch
    name: str

    def __str__(self) -> str:
        return self.name

    def open(self) -> IO[bytes]:
        """The bytes from the start. DataError: the file cannot be opened."""
        if isinstance(self.file, Scratch):
            return self.file.reader()
        try:
            return self.file.open("rb")
        except OSError as error:
            raise _open_error(self.file, error) from None


def is_file(given: Any) -> bool:
    """Whether `source_of` accepts it: a path, a source or anything with `read`."""
    return isinstance(given, str | os.PathLike | Source) or _is_stream(given)


def source_of(given: Any, name: str | None = None) -> Source:
    """The source for a path, an open file of text or bytes, or a source.

    Pipes and open files are copied to a temporary file, from their position to the end, since a
    table is read more than once. `name` is the name of an open file in messages. DataError: a file
    that does not exist or cannot be read.
    """
    if isinstance(given, Source):
        return given
    if _is_stream(given):
        return _copy(given, name or _name_of(given))
    file = Path(given)
    source, mode = Source(file, str(given)), _mode(file)
    if stat.S_ISREG(mode):
        return source
    with source.open() as stream:
        if stat.S_ISFIFO(mode) or stream.isatty():
            return _copy(stream, source.name)
    raise DataError(f"{source} is a device, but a file or a pipe is needed.")


def existing_file(path: str | os.PathLike[str]) -> Path:
    """The path of an existing regular file. DataError: no such file; suggests the nearest name."""
    file = Path(path)
    if not stat.S_ISREG(_mode(file)):
        raise DataError(
            f"{file} is a pipe or a device, but a file is needed. Save its content in a file."
        )
    return file


def _mode(file: Path) -> int:
    """The mode of a path. DataError: it does not exist, or is a folder."""
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError) as error:
        raise _open_error(file, error) from None
    if stat.S_ISDIR(mode):
        raise DataError(f"{file} is a folder, but a file is needed. Give a file in it.")
    return mode


def _is_stream(given: Any) -> bool:
    return callable(getattr(given, "read", None))


def _name_of(stream: Any) -> str:
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else f"the {type(stream).__name__}"


def _copy(stream: Any, name: str) -> Source:
    """A copy of the rest of a stream; text is written as UTF-8."""
    scratch = Scratch()
    for piece in _pieces(stream, name):
        scratch.append(piece)
    if not scratch.size:
        hint = " It has been read to its end: call seek(0) first." if _is_past_start(stream) else ""
        raise DataError(f"{name} is empty. Give a table with at least one row.{hint}")
    return Source(scratch, name)


def _pieces(stream: Any, name: str) -> Iterator[bytes]:
    """The remaining bytes of a stream. DataError: it cannot be read."""
    try:
        while piece := stream.read(_BLOCK):
            yield piece.encode("utf-8", "surrogateescape") if isinstance(piece, str) else piece
    except (OSError, ValueError) as error:
        raise DataError(f"{name} cannot be read: {error}.") from None


def _is_past_start(stream: Any) -> bool:
    """Whether a seekable stream is not at its start."""
    seekable = getattr(stream, "seekable", None)
    return bool(seekable and seekable() and stream.tell())


def _open_error(file: Path, error: OSError | ValueError) -> DataError:
    """Why a file cannot be opened, and what may help."""
    shown = _short(str(file))
    if _WEB.match(str(file)):
        return DataError(f"{shown} is a web address. Download it and give the file.")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _missing_file_error(file, shown)
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return DataError(f"{shown} is a symbolic link to itself. Give the file itself.")
    why = error.strerror if isinstance(error, OSError) else str(error)
    return DataError(
        f"{shown} cannot be read: {why}. Give the path of a readable file, or text as"
        " io.StringIO(text)."
    )


def _missing_file_error(file: Path, shown: str) -> DataError:
    if file.is_symlink():
        return DataError(
            f"No such file: {shown} is a link to {os.readlink(file)}, which does not exist."
        )
    if not file.parent.is_dir():
        folder = _short(str(file.parent))
        return DataError(f"No such file: {shown}. There is no folder {folder}: check the path.")
    hint = nearest(file.name, _files_beside(file))
    is_near = hint.startswith("Did you mean")  # a list of all files would not help
    return DataError(f"No such file: {shown}. {hint if is_near else 'Check the path.'}")


def _files_beside(file: Path) -> list[str]:
    """The names of the files in its folder, if it can be listed."""
    try:
        return sorted(other.name for other in file.parent.iterdir() if other.is_file())
    except OSError:
        return []


def _short(path: str) -> str:
    """A path on one line, shortened in the middle if it is long."""
    shown = path if path.isprintable() else repr(path)
    half = _SHOWN // 2
    return shown if len(shown) <= _SHOWN else f"{shown[:half]}...{shown[-half:]}"
