"""Finding a file that a person named."""

from __future__ import annotations

import os
from pathlib import Path

from talweg.errors import DataError, nearest


def existing_file(path: str | os.PathLike[str]) -> Path:
    """The path of a file that is there; a DataError suggests the nearest name in its folder."""
    file = Path(path)
    if file.is_dir():
        raise DataError(f"{file} is a folder, but a file is needed. Name a file inside of it.")
    if not file.parent.is_dir():
        raise DataError(f"No such file: {file}. There is no folder {file.parent}: check the path.")
    if not file.is_file():
        beside = sorted(each.name for each in file.parent.iterdir() if each.is_file())
        hint = nearest(file.name, beside)
        is_near = hint.startswith("Did you mean")  # a list of whatever lies there is no help
        raise DataError(f"No such file: {file}. {hint if is_near else 'Check the path.'}")
    return file
