"""Where a command writes: refused before any work where it cannot, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from talweg.errors import DataError


def usable_folder(path: str) -> Path:
    """A folder to write to, which need not exist yet."""
    out = Path(path)
    there = _existing(out)
    if not there.is_dir():
        raise DataError(f"--out {out}: {there} is a file. Name a folder.")
    if not os.access(there, os.W_OK):
        raise DataError(f"--out {out}: {there} cannot be written to. Name another folder.")
    return out


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
