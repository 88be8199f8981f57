"""Files written whole or not at all: beside their place first, then in one step into it."""

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
    """The stream of a file's new content, which replaces the old one once it is complete.

    A symbolic link is followed. The new file keeps the permissions of the one that it replaces,
    and its owner and group where the system allows that; a file that is new follows the umask.
    What killed writers have left beside the file is removed.
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
        if fcntl is None:  # Windows renames no file that is open
            stream.close()
        os.replace(beside, file)
    finally:
        try:
            stream.close()  # it writes what is left in its buffer, which a full disk refuses again
        finally:
            beside.unlink(missing_ok=True)


def leftovers(file: Path) -> list[Path]:
    """What writers that are still at work, or were killed, have beside a file."""
    name = re.compile(re.escape(f".{file.name}.") + "[0-9a-f]{8}")
    return [each for each in file.parent.iterdir() if name.fullmatch(each.name)]


def try_lock(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed; False where there are no locks.

    The system takes the lock back when the process ends, however it ends. Windows and some network
    file systems have no such locks. BlockingIOError: somebody else holds it.
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
    """Facts of a file that is there. By its given name: systems guard links of others in /tmp."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _beside(file: Path, mode: int) -> tuple[Path, IO[bytes]]:
    """A new file beside another, locked for as long as it is open."""
    while True:
        place = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        stream = os.fdopen(os.open(place, _NEW, mode), "wb")
        with suppress(BlockingIOError):
            if not try_lock(stream.fileno()) or os.fstat(stream.fileno()).st_nlink:
                return place, stream
        stream.close()  # another writer took it for a leftover before it was locked


def _sweep(file: Path) -> None:
    """Remove the leftovers of writers that are gone: those that nobody has locked."""
    with suppress(OSError):  # a folder that may be written but not listed
        for each in leftovers(file):
            with suppress(OSError):
                _remove(each)


def _remove(leftover: Path) -> None:
    if fcntl is None:  # Windows removes no file that is open
        leftover.unlink()
        return
    with open(os.open(leftover, _LEFT), "rb") as stream:
        if try_lock(stream.fileno()):
            leftover.unlink()


def _take_over(file: Path, old: os.stat_result, new: Path) -> None:
    """Group, owner, permissions and attributes of a file for the one that replaces it."""
    if hasattr(os, "chown"):
        for ids in ((-1, old.st_gid), (old.st_uid, -1)):
            with suppress(OSError):
                os.chown(new, *ids)
    with suppress(FileNotFoundError):  # it was removed meanwhile
        shutil.copystat(file, new)
    os.utime(new)
    if new.stat().st_gid != old.st_gid:  # what one group was allowed is not for another
        new.chmod(stat.S_IMODE(old.st_mode) & ~stat.S_IRWXG)
