"""Output files: checked before any work, and written completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from talweg.atomic_write import atomic_write, try_lock
from talweg.cli.input_table import STANDARD_INPUT
from talweg.errors import DataError
from talweg.train.run.interrupts import uninterrupted

_ATTEMPTS = 9  # another run may remove the folder between two of our steps
_NO_INPUTS: Mapping[str, str] = {}


def usable_folder(path: str, names: Sequence[str], inputs: Mapping[str, str] = _NO_INPUTS) -> Path:
    """A folder to write these files to; it need not exist yet. `inputs` maps each input file to its
    role, such as "table".

    DataError: the folder cannot be written to, or a file would overwrite an input.
    """
    out = Path(_checked_path(path))
    parent = _nearest_existing(out)
    if not parent.is_dir():
        raise DataError(f"--out {out}: {parent} is a file. Give a folder.")
    for name in names:
        if (out / name).is_dir():
            raise DataError(f"--out {out}: {out / name} is a folder. Remove it, or give another.")
        _refuse_input(out, out / name, inputs)
    try:
        with tempfile.TemporaryDirectory(prefix=".talweg-", dir=parent):
            return out
    except OSError as error:
        why = error.strerror or error
        raise DataError(
            f"--out {out}: cannot write to {parent} ({why}). Give another folder."
        ) from None


def usable_file(path: str, inputs: Mapping[str, str]) -> Path:
    """A file to write, which lies in an existing folder and is not an input."""
    out = Path(_checked_path(path))
    if out.exists() and not out.is_file():
        raise DataError(f"--out {out}: this is not a regular file. Give another path.")
    _refuse_input(out, out, inputs)
    if not out.parent.is_dir():
        raise DataError(
            f"--out {out}: there is no folder {out.parent}. Create it, or give another."
        )
    usable_folder(str(out.parent), ())
    return out


def _checked_path(path: str) -> str:
    if not path or "\0" in path:
        raise DataError(
            f"--out {path!r} is not a path: it is empty or contains NUL. Give another path."
        )
    return path


def _refuse_input(out: Path, file: Path, inputs: Mapping[str, str]) -> None:
    """DataError: the output file is an input, perhaps under another name."""
    for source, role in inputs.items():
        if _is_same(file, source):
            name = "this" if file == out else file
            raise DataError(f"--out {out}: {name} is the {role} to read. Give another path.")


def _is_same(file: Path, source: str) -> bool:
    """Whether both paths lead to one file, also through links or in another letter case."""
    try:
        input_stat = os.fstat(0) if source in STANDARD_INPUT else os.stat(source)
        return os.path.samestat(file.stat(), input_stat)
    except (OSError, ValueError):  # one of them does not exist
        return False


def replacement_note(file: Path) -> str:
    """A note on the file that will be replaced, with its date; empty if there is none."""
    if not file.exists():
        return ""
    return f" (replaced the one of {datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d})"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Lock the folder for this run. DataError: another run holds the lock.

    The lock is on the folder itself: it holds under every name of the folder and leaves nothing
    behind. A missing folder is created, and removed again if nothing is written to it.
    """
    path = Path(os.path.realpath(folder))
    with ExitStack() as claim:
        new = _lock(folder, path, claim)
        try:
            yield
        finally:
            with suppress(OSError):  # the folder holds the results
                for created in new:
                    created.rmdir()


def _lock(folder: Path, path: Path, claim: ExitStack) -> list[Path]:
    """Lock the folder. Returns the folders that were created for it, the innermost first."""
    for _ in range(_ATTEMPTS):
        new = [parent for parent in (path, *path.parents) if not parent.exists()]
        try:
            path.mkdir(parents=True, exist_ok=True)
            if _is_locked(path, claim):
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
    return []  # the file system does not keep inode numbers: continue without a lock


def _is_locked(path: Path, claim: ExitStack) -> bool:
    """Whether the lock is on the folder of this name, not on one that was just removed."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        claim.callback(os.close, descriptor)
        try_lock(descriptor)
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
    except PermissionError:  # Windows cannot open folders, nor can others without read permission
        return True


@contextmanager
def atomic_files(*files: Path) -> Iterator[list[IO[bytes]]]:
    """Streams of new files, which are renamed in this order once all are complete.

    Nobody sees a partial file. If the process is killed between two renames, which take
    microseconds, the first files are new and the last ones old.
    """
    new: dict[Path, os.stat_result] = {}
    try:
        with ExitStack() as writing, ExitStack() as stack:
            for file in files:
                file.parent.mkdir(parents=True, exist_ok=True)
            streams = [stack.enter_context(atomic_write(file)) for file in reversed(files)][::-1]
            yield streams
            for file, stream in zip(files, streams, strict=True):
                stream.flush()  # a full disk fails here, before the first rename
                os.fsync(stream.fileno())
                new[file] = os.fstat(stream.fileno())
            writing.enter_context(uninterrupted())
    except OSError as error:
        raise DataError(
            f"--out {files[0].parent}: {error.strerror or error}. {_replaced_text(new)} "
            "Free some space, or give another path."
        ) from error


def _replaced_text(new: Mapping[Path, os.stat_result]) -> str:
    """Which files were replaced before the error."""
    replaced = [
        file.name
        for file, stat in new.items()
        if file.exists() and os.path.samestat(file.stat(), stat)
    ]
    if replaced:
        return f"Only {', '.join(replaced)} could be replaced."
    return "No partial files were kept."


def _nearest_existing(path: Path) -> Path:
    """The path, or the nearest parent that exists."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())
