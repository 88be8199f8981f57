"""Where a command writes: refused before any work where it cannot, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from talweg.atomic_write import atomic_write, try_lock
from talweg.cli.given import STANDARD_INPUT
from talweg.errors import DataError
from talweg.train.run.interrupts import written_uncut

_TRIES = 9  # each is for a run that removed the folder in the moment between two steps
_NOTHING: Mapping[str, str] = {}


def usable_folder(path: str, names: Sequence[str], read: Mapping[str, str] = _NOTHING) -> Path:
    """A folder to write files of these names to, which need not exist yet; not over what is read,
    given as paths and what to call them.

    DataError: a place that cannot be written to, or that holds what the command reads.
    """
    out = Path(_given(path))
    there = _existing(out)
    if not there.is_dir():
        raise DataError(f"--out {out}: {there} is a file. Name a folder.")
    for name in names:
        if (out / name).is_dir():
            raise DataError(f"--out {out}: {out / name} is a folder. Remove it, or name another.")
        _refuse_what_is_read(out, out / name, read)
    try:
        with tempfile.TemporaryDirectory(prefix=".talweg-", dir=there):
            return out
    except OSError as error:
        why = error.strerror or error
        raise DataError(
            f"--out {out}: {there} cannot be written to ({why}). Name another folder."
        ) from None


def usable_file(path: str, read: Mapping[str, str]) -> Path:
    """A file to write, in a folder that exists; none of those that are read."""
    out = Path(_given(path))
    if out.exists() and not out.is_file():
        raise DataError(f"--out {out}: it is no plain file. Name a file.")
    _refuse_what_is_read(out, out, read)
    if not out.parent.is_dir():
        raise DataError(f"--out {out}: there is no folder {out.parent}. Make it, or name another.")
    usable_folder(str(out.parent), ())
    return out


def _given(path: str) -> str:
    if not path or "\0" in path:
        raise DataError(f"--out {path!r} is no path: it is empty or holds a NUL. Name another.")
    return path


def _refuse_what_is_read(out: Path, file: Path, read: Mapping[str, str]) -> None:
    """A DataError where a file to write is one to read, by whatever name."""
    for source, word in read.items():
        if _is_same(file, source):
            what = "this" if file == out else file
            raise DataError(f"--out {out}: {what} is the {word} to read. Name another place.")


def _is_same(file: Path, source: str) -> bool:
    """Whether both name one file: relative paths, links and other cases of letters included."""
    try:
        found = os.fstat(0) if source in STANDARD_INPUT else os.stat(source)
        return os.path.samestat(file.stat(), found)
    except (OSError, ValueError):  # what is not there is another
        return False


def replaced(file: Path) -> str:
    """What to say of a file behind its name, once another is written: the day of the one that was
    there before, or nothing where there was none.
    """
    if not file.exists():
        return ""
    return f" (replaced the one of {datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d})"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """The folder for this run alone: a DataError while another run is to write to it.

    The claim is a lock on the folder itself: it holds by whatever name, and leaves nothing. A
    folder that is not there is made, and removed again if nothing is written to it.
    """
    place = Path(os.path.realpath(folder))
    with ExitStack() as claim:
        new = _locked(folder, place, claim)
        try:
            yield
        finally:
            with suppress(OSError):  # it holds the results
                for each in new:
                    each.rmdir()


def _locked(folder: Path, place: Path, claim: ExitStack) -> list[Path]:
    """The folders that had to be made for the locked one, the last one first."""
    for _ in range(_TRIES):
        new = [each for each in (place, *place.parents) if not each.exists()]
        try:
            place.mkdir(parents=True, exist_ok=True)
            if _is_locked(place, claim):
                return new
        except BlockingIOError:
            raise DataError(
                f"--out {folder}: another run is to write to this folder. Wait until it has ended,"
                " or name another folder."
            ) from None
        except OSError as error:
            raise DataError(
                f"--out {folder}: it cannot be made ({error.strerror}). Name another folder."
            ) from None
        claim.close()
    return []  # a file system whose folders change their numbers: it goes on without a claim


def _is_locked(place: Path, claim: ExitStack) -> bool:
    """Whether the lock is on the folder of this name, not one that another run has just removed."""
    try:
        descriptor = os.open(place, os.O_RDONLY)
        claim.callback(os.close, descriptor)
        try_lock(descriptor)
        return os.path.samestat(os.fstat(descriptor), place.stat())
    except FileNotFoundError:
        return False
    except PermissionError:  # Windows opens no folder, others none that may not be read
        return True


@contextmanager
def whole_or_nothing(*files: Path) -> Iterator[list[IO[bytes]]]:
    """The streams of new files, which are put in their places, in this order, once all are whole.

    Nobody sees a part of a file. A process that is killed between two of these steps, which take
    microseconds, leaves the first files new and the last ones old.
    """
    new: dict[Path, os.stat_result] = {}
    try:
        with ExitStack() as uncut, ExitStack() as stack:
            for each in files:
                each.parent.mkdir(parents=True, exist_ok=True)
            streams = [stack.enter_context(atomic_write(each)) for each in reversed(files)][::-1]
            yield streams
            for each, stream in zip(files, streams, strict=True):
                stream.flush()  # what fails for want of room fails before the first step
                os.fsync(stream.fileno())
                new[each] = os.fstat(stream.fileno())
            uncut.enter_context(written_uncut())
    except OSError as error:
        raise DataError(
            f"--out {files[0].parent}: {error.strerror or error}. {_kept(new)} Make room, or name"
            " another place."
        ) from error


def _kept(new: Mapping[Path, os.stat_result]) -> str:
    """Which files are in their places after all."""
    placed = [
        each.name
        for each, facts in new.items()
        if each.exists() and os.path.samestat(each.stat(), facts)
    ]
    if placed:
        return f"Only {', '.join(placed)} could be replaced."
    return "Nothing is kept of what could not be written whole."


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())
