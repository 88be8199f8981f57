"""Where a command writes: refused before any work where it cannot, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from talweg.errors import DataError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def usable_folder(path: str, *names: str) -> Path:
    """A folder to write files of these names to, which need not exist yet."""
    out = Path(path)
    there = _existing(out)
    if not there.is_dir():
        raise DataError(f"--out {out}: {there} is a file. Name a folder.")
    for name in names:
        if (out / name).is_dir():
            raise DataError(f"--out {out}: {out / name} is a folder. Remove it, or name another.")
    try:
        with tempfile.TemporaryDirectory(prefix=".talweg-", dir=there):
            return out
    except OSError as error:
        why = error.strerror or error
        raise DataError(
            f"--out {out}: {there} cannot be written to ({why}). Name another folder."
        ) from None


def usable_file(path: str, source: str) -> Path:
    """A file to write, in a folder that exists; not `source`, from which is read."""
    out = Path(path)
    if out.exists() and not out.is_file():
        raise DataError(f"--out {out}: it is no plain file. Name a file.")
    if out.exists() and Path(source).exists() and out.samefile(source):
        raise DataError(f"--out {out}: this is the table to read. Name another file.")
    if not out.parent.is_dir():
        raise DataError(f"--out {out}: there is no folder {out.parent}. Make it, or name another.")
    usable_folder(str(out.parent))
    return out


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """The folder for this run alone: a DataError while another run is to write to it.

    The claim is a lock that the system takes back when a process ends, however it ends. Systems
    without such locks (Windows) have no claims.
    """
    if fcntl is None:
        yield
        return
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    lock = Path(tempfile.gettempdir(), f"talweg-{os.getuid()}-{digest}.lock")
    # Where others may write as well, a link that they left must not be followed.
    with open(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"--out {folder}: another run is to write to this folder. Wait until it has ended,"
                " or name another folder."
            ) from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def whole_or_nothing(folder: Path) -> Iterator[Path]:
    """A hidden folder to write to; all its files move to `folder` once they are complete."""
    try:
        with tempfile.TemporaryDirectory(prefix=".talweg-", dir=_existing(folder)) as hidden:
            yield Path(hidden)
            folder.mkdir(parents=True, exist_ok=True)
            for file in Path(hidden).iterdir():
                os.replace(file, folder / file.name)
    except OSError as error:
        raise DataError(
            f"--out {folder}: {error.strerror or error}. Nothing is kept of what could not be"
            " written whole. Make room, or name another place."
        ) from error


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())
