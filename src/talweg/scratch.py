"""Unnamed temporary files, which vanish with the process that uses them."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shutil import disk_usage
from typing import IO, Any
from weakref import finalize

import numpy as np
from numpy.typing import DTypeLike, NDArray

from talweg.errors import DataError, in_bytes

_ZEROS = bytes(2**20)
_NOT_SUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


class Scratch:
    """A temporary file in the folder that TMPDIR names, which grows at its end.

    It can be mapped into memory and read from its start. DataError: the disk has no space for it.
    """

    def __init__(self) -> None:
        self.size = 0
        with _with_advice(0):
            self._file = tempfile.TemporaryFile(prefix="talweg-", buffering=0)  # noqa: SIM115
        finalize(self, self._file.close)

    def append(self, data: Any) -> None:
        """Write bytes, or a contiguous array, at the end."""
        left = memoryview(data).cast("B")
        with _with_advice(self.size + len(left)):
            self._write(left)

    def _write(self, left: memoryview) -> None:
        self.size += len(left)
        while left:  # a disk that is nearly full takes a part before the error
            left = left[self._file.write(left) :]

    def allocate(self, size: int) -> None:
        """Append that many zero bytes, allocated on the disk.

        Writing to a mapped file without space on the disk would end the process (SIGBUS).
        """
        with _with_advice(self.size + size):
            if _allocated(self._file.fileno(), self.size, size):
                self.size = self._file.seek(self.size + size)
                return
            for at in range(0, size, len(_ZEROS)):
                self._write(memoryview(_ZEROS)[: size - at])

    def mapped(self, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
        """The file as a writable array, which outlives this object."""
        with _with_advice(self.size):
            return np.asarray(np.memmap(self._file, dtype, "r+", shape=shape))

    def reader(self) -> IO[bytes]:
        """All bytes as a stream with its own position."""
        held = self.mapped(np.uint8, (self.size,)) if self.size else np.empty(0, np.uint8)
        return io.BufferedReader(_Reader(held))


class _Reader(io.RawIOBase):
    """The bytes of an array as a stream."""

    def __init__(self, held: Any) -> None:
        self._held, self._at = memoryview(held), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        piece = self._held[self._at : self._at + len(room)]
        room[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._held)}[whence]
        self._at = max(0, start + offset)
        return self._at


def _allocated(file: int, start: int, size: int) -> bool:
    """Whether the system has allocated the space; not all file systems can."""
    if not hasattr(os, "posix_fallocate"):
        return False
    try:
        os.posix_fallocate(file, start, size)
    except OSError as error:
        if error.errno in _NOT_SUPPORTED:
            return False
        raise
    return True


@contextmanager
def _with_advice(size: int) -> Iterator[None]:
    """Turn an OSError about a file of that size into a DataError with advice."""
    try:
        yield
    except OSError as error:
        raise DataError(_reason(size, error)) from None


def _reason(size: int, error: OSError) -> str:
    what = "A table that is too large for memory is kept in temporary files"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return (
            f"{what}, one for each column, and this process may not open more of them"
            f" ({error.strerror}). Raise the limit (ulimit -n), or leave columns out."
        )
    try:
        folder = tempfile.gettempdir()
    except OSError:  # no folder can be used
        return f"{what}: {error.strerror}. Set TMPDIR to a folder that may be written to."
    free = ""
    with suppress(OSError):
        free = f", which has {in_bytes(disk_usage(folder).free)} free"
    return (
        f"{what}, but one of {in_bytes(size)} cannot be written to {folder}{free}"
        f" ({error.strerror}). Free space there, or set TMPDIR to a folder with more."
    )
