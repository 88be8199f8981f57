"""Temporary files without a name: they are gone with whoever uses them, however a process ends."""

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
    """One temporary file, in the folder that TMPDIR names. It grows at its end, is mapped into
    memory, and is read from its start. DataError: it cannot have the room that it needs.
    """

    def __init__(self) -> None:
        self.size = 0
        with _told(0):
            self._file = tempfile.TemporaryFile(prefix="talweg-", buffering=0)  # noqa: SIM115
        finalize(self, self._file.close)

    def append(self, data: Any) -> None:
        """Write bytes, or a contiguous array, behind what is there."""
        left = memoryview(data).cast("B")
        with _told(self.size + len(left)):
            self._write(left)

    def _write(self, left: memoryview) -> None:
        self.size += len(left)
        while left:  # of a disk that is nearly full, a part is written before the error
            left = left[self._file.write(left) :]

    def allocate(self, size: int) -> None:
        """Take room for so many bytes more, which are 0.

        What is written to a mapped file that the disk has no room for ends the process (SIGBUS).
        """
        with _told(self.size + size):
            if _allocated(self._file.fileno(), self.size, size):
                self.size = self._file.seek(self.size + size)
                return
            for at in range(0, size, len(_ZEROS)):
                self._write(memoryview(_ZEROS)[: size - at])

    def mapped(self, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
        """What the file holds as an array, which can be changed and outlives this object."""
        with _told(self.size):
            return np.asarray(np.memmap(self._file, dtype, "r+", shape=shape))

    def reader(self) -> IO[bytes]:
        """All bytes as a stream with a position of its own."""
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
    """Whether the system has set the room apart; not all of its file systems can."""
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
def _told(size: int) -> Iterator[None]:
    """A file of so many bytes that the system refuses, told with what helps."""
    try:
        yield
    except OSError as error:
        raise DataError(_reason(size, error)) from None


def _reason(size: int, error: OSError) -> str:
    what = "A table that is too large for memory lies in temporary files"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return (
            f"{what}, one for each column, and this process may open no more of them"
            f" ({error.strerror}). Raise the limit (ulimit -n), or leave columns out."
        )
    try:
        folder = tempfile.gettempdir()
    except OSError:  # no folder will do
        return f"{what}: {error.strerror}. Let TMPDIR name a folder that may be written to."
    free = ""
    with suppress(OSError):
        free = f", which has {in_bytes(disk_usage(folder).free)} free"
    return (
        f"{what}, but one of {in_bytes(size)} cannot be written to {folder}{free}"
        f" ({error.strerror}). Make room there, or let TMPDIR name a folder that has more."
    )
