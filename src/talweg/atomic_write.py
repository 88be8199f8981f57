"""Atomic writes: a file is written beside its target, then renamed onto it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_LEFT = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A stream for the new content of a file, which replaces the old content once complete.

    Symbolic links are followed. The new file keeps the permissions of the old one, and its owner
    and group if the system allows; a file that did not exist follows the umask. Temporary files of
    killed writers are removed.
    """
    file, old = Path(os.path.realpath(path)), _stat(path)
    _sweep(file)
    beside, stream = _beside(file, 0o600 if old else 0o666)
    try:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
        if old:
            _take_over(file, old, beside)
        if fcntl is None:  # Windows cannot rename an open file
            stream.close()
        os.replace(beside, file)
    finally:
        try:
            stream.close()  # this flushes the buffer, which a full disk refuses again
        finally:
            beside.unlink(missing_ok=True)


def leftovers(file: Path) -> list[Path]:
    """The temporary files beside a file, of writers that are at work or were killed."""
    name = re.compile(re.escape(f".{file.name}.") + "[0-9a-f]{8}")
    return [other for other in file.parent.iterdir() if name.fullmatch(other.name)]


def try_lock(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed; False if the system has no such locks.

    The system releases the lock when the process ends, in any way. Windows and some network file
    systems have no such locks. BlockingIOError: another process holds the lock.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _stat(path: str | os.PathLike[str]) -> os.stat_result | None:
    """The status of a file, or None, by its given name: systems protect others' links in /tmp."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _beside(file: Path, mode: int) -> tuple[Path, IO[bytes]]:
    """A new temporary file beside another, locked while it is open."""
    while True:
        path = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        stream = os.fdopen(os.open(path, _NEW, mode), "wb")
        with suppress(BlockingIOError):
            if not try_lock(stream.fileno()) or os.fstat(stream.fileno()).st_nlink:
                return path, stream
        stream.close()  # another writer removed it as a leftover before it was locked


def _sweep(file: Path) -> None:
    """Remove the temporary files of dead writers, those that nobody has locked."""
    with suppress(OSError):  # a folder that may be written but not listed
        for leftover in leftovers(file):
            with suppress(OSError):
                _remove(leftover)


def _remove(leftover: Path) -> None:
    if fcntl is None:  # Windows cannot remove an open file
        leftover.unlink()
        return
    with open(os.open(leftover, _LEFT), "rb") as stream:
        if try_lock(stream.fileno()):
            leftover.unlink()


def _take_over(file: Path, old: os.stat_result, new: Path) -> None:
    """Copy group, owner, permissions and attributes to the file that replaces the old one."""
    if hasattr(os, "chown"):
        for ids in ((-1, old.st_gid), (old.st_uid, -1)):
            with suppress(OSError):
                os.chown(new, *ids)
    with suppress(FileNotFoundError):  # removed meanwhile
        shutil.copystat(file, new)
    os.utime(new)
    if new.stat().st_gid != old.st_gid:  # do not give one group's permissions to another
        new.chmod(stat.S_IMODE(old.st_mode) & ~stat.S_IRWXG)
