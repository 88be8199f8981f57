"""The files that a command writes: checked before any work, written whole or not at all."""

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

_TRIES = 9  # one for each run that removes the folder between two of our steps
_NOTHING: Mapping[str, str] = {}


def usable_folder(path: str, names: Sequence[str], read: Mapping[str, str] = _NOTHING) -> Path:
    """A folder to write these files to; it need not exist yet. `read` maps each input file to the
    word for it.

    DataError: the folder cannot be written to, or a file would overwrite an input.
    """
    out = Path(_given(path))
    there = _existing(out)
    if not there.is_dir():
        raise DataError(f"--out {out}: {there} is a file. Give a folder.")
    for name in names:
        if (out / name).is_dir():
            raise DataError(f"--out {out}: {out / name} is a folder. Remove it, or give another.")
        _refuse_what_is_read(out, out / name, read)
    try:
        with tempfile.TemporaryDirectory(prefix=".talweg-", dir=there):
            return out
    except OSError as error:
        why = error.strerror or error
        raise DataError(
            f"--out {out}: cannot write to {there} ({why}). Give another folder."
        ) from None


def usable_file(path: str, read: Mapping[str, str]) -> Path:
    """A file to write, in a folder that exists, which is not an input."""
    out = Path(_given(path))
    if out.exists() and not out.is_file():
        raise DataError(f"--out {out}: this is not a regular file. Give another path.")
    _refuse_what_is_read(out, out, read)
    if not out.parent.is_dir():
        raise DataError(
            f"--out {out}: there is no folder {out.parent}. Create it, or give another."
        )
    usable_folder(str(out.parent), ())
    return out


def _given(path: str) -> str:
    if not path or "\0" in path:
        raise DataError(
            f"--out {path!r} is not a path: it is empty or contains NUL. Give another path."
        )
    return path


def _refuse_what_is_read(out: Path, file: Path, read: Mapping[str, str]) -> None:
    """DataError if the output file is an input, by whatever name."""
    for source, word in read.items():
        if _is_same(file, source):
            what = "this" if file == out else file
            raise DataError(f"--out {out}: {what} is the {word} to read. Give another path.")


def _is_same(file: Path, source: str) -> bool:
    """Whether both paths name one file, through links and letter case, too."""
    try:
        found = os.fstat(0) if source in STANDARD_INPUT else os.stat(source)
        return os.path.samestat(file.stat(), found)
    except (OSError, ValueError):  # a file that does not exist is another one
        return False


def replaced(file: Path) -> str:
    """Words that follow the name of a file that was written: the date of the one that it
    replaced, if any.
    """
    if not file.exists():
        return ""
    return f" (replaced the one of {datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d})"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Claim the folder for this run. DataError: another run has claimed it.

    The claim is a lock on the folder itself: it holds under every name of the folder and leaves
    nothing behind. A missing folder is created, and removed again if nothing is written to it.
    """
    place = Path(os.path.realpath(folder))
    with ExitStack() as claim:
        new = _locked(folder, place, claim)
        try:
            yield
        finally:
            with suppress(OSError):  # the folder holds the results
                for each in new:
                    each.rmdir()


def _locked(folder: Path, place: Path, claim: ExitStack) -> list[Path]:
    """Lock the folder; the folders that were created for that, the innermost first."""
    for _ in range(_TRIES):
        new = [path for path in (place, *place.parents) if not path.exists()]
        try:
            place.mkdir(parents=True, exist_ok=True)
            if _is_locked(place, claim):
                return new
        except BlockingIOError:
            raise DataError(
                f"--out {folder}: another run is writing to this folder. Wait until it has ended,"
                " or give another folder."
            ) from None
        except OSError as error:
            raise DataError(
                f"--out {folder}: cannot be created ({error.strerror}). Give another folder."
            ) from None
        claim.close()
    return []  # the file system changes inode numbers: go on without a claim


def _is_locked(place: Path, claim: ExitStack) -> bool:
    """Whether the lock is on the folder of this name, not on one that was just removed."""
    try:
        descriptor = os.open(place, os.O_RDONLY)
        claim.callback(os.close, descriptor)
        try_lock(descriptor)
        return os.path.samestat(os.fstat(descriptor), place.stat())
    except FileNotFoundError:
        return False
    except PermissionError:  # Windows cannot open folders, nor can others without read permission
        return True


@contextmanager
def whole_or_nothing(*files: Path) -> Iterator[list[IO[bytes]]]:
    """Streams of new files, which are renamed into place, in this order, once all are complete.

    Nobody sees a partial file. If the process is killed between two renames, which take
    microseconds, the first files are new and the last ones old.
    """
    new: dict[Path, os.stat_result] = {}
    try:
        with ExitStack() as uncut, ExitStack() as stack:
            for each in files:
                each.parent.mkdir(parents=True, exist_ok=True)
            streams = [stack.enter_context(atomic_write(file)) for file in reversed(files)][::-1]
            yield streams
            for each, stream in zip(files, streams, strict=True):
                stream.flush()  # a full disk fails here, before the first rename
                os.fsync(stream.fileno())
                new[each] = os.fstat(stream.fileno())
            uncut.enter_context(written_uncut())
    except OSError as error:
        raise DataError(
            f"--out {files[0].parent}: {error.strerror or error}. {_kept(new)} Free some space, or"
            " give another path."
        ) from error


def _kept(new: Mapping[Path, os.stat_result]) -> str:
    """Which files were replaced nevertheless."""
    placed = [
        each.name
        for each, facts in new.items()
        if each.exists() and os.path.samestat(each.stat(), facts)
    ]
    if placed:
        return f"Only {', '.join(placed)} could be replaced."
    return "No partial files were kept."


def _existing(path: Path) -> Path:
    """The path, or the nearest parent that exists."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())
