"""Numbers and arrays in one file: a zip of a JSON head and one .npy an array, never pickle."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from talweg.errors import DataError, ModelFileError
from talweg.version import VERSION

Array = NDArray[Any]

# What zipfile raises for bytes that it cannot make sense of.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Kind:
    """What a file holds: its format and version, and the words of its errors."""

    format: str
    version: int
    word: str
    again: str

    @property
    def head(self) -> str:
        return f"{self.word}.json"


def write_bundle(
    path: str | os.PathLike[str], kind: Kind, config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Write a file whole or not at all; an old one stays until the new one is complete.

    ModelFileError: a config that JSON cannot hold, or an array of Python objects.
    DataError: a folder that is not there.
    """
    file = Path(path)
    refuse_place(file)
    members = _members(kind, config, arrays, file)
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as stream:
            _write_zip(stream, members)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)


def refuse_place(file: Path) -> None:
    """A DataError where no file can be."""
    if not file.parent.is_dir() or (file.exists() and not file.is_file()):
        fault = "it is no file" if file.exists() else f"there is no folder {file.parent}"
        raise DataError(f"Cannot write {file}: {fault}. Name a file in a folder that exists.")


def leftovers(file: Path) -> list[Path]:
    """What writers that were killed have left beside a file."""
    name = re.compile(re.escape(f".{file.name}.") + "[0-9a-f]{8}")
    return [each for each in file.parent.iterdir() if name.fullmatch(each.name)]


def read_bundle(file: Path, kind: Kind) -> tuple[dict[str, Any], dict[str, Array]]:
    """The config and the arrays of a file, each array checked against its SHA-256.

    ModelFileError: a file that is foreign, damaged, or from a newer talweg.
    """
    with file.open("rb") as stream:
        members = _read_zip(stream, file, kind)
    head = _head(members, file, kind)
    arrays = {
        name: _array(members.get(f"{name}.npy"), name, digest, file, kind)
        for name, digest in head["arrays"].items()
    }
    return head["config"], arrays


def _members(
    kind: Kind, config: Mapping[str, Any], arrays: Mapping[str, Array], file: Path
) -> dict[str, bytes]:
    raw = {name: _npy(name, array, file) for name, array in arrays.items()}
    head = {
        "format": kind.format,
        "version": kind.version,
        "talweg": VERSION,
        "config": config,
        "arrays": {name: hashlib.sha256(each).hexdigest() for name, each in raw.items()},
    }
    try:
        text = json.dumps(head, indent=1)
    except (TypeError, ValueError) as error:
        raise ModelFileError(
            f"Cannot write {file}: its config does not fit into JSON ({error}). Use numbers,"
            " text, lists and dicts, and keep arrays among the arrays."
        ) from None
    return {kind.head: text.encode(), **{f"{name}.npy": each for name, each in raw.items()}}


def _npy(name: str, array: Array, file: Path) -> bytes:
    stream = io.BytesIO()
    try:
        np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)
    except ValueError:
        raise ModelFileError(
            f"Cannot write {file}: array {name!r} holds Python objects. Turn it into numbers or"
            " text of a fixed width."
        ) from None
    return stream.getvalue()


def _write_zip(stream: IO[bytes], members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, raw in members.items():
            # A ZipInfo carries no time of day: the same model makes the same bytes.
            bundle.writestr(zipfile.ZipInfo(name), raw)


def _read_zip(stream: IO[bytes], file: Path, kind: Kind) -> dict[str, bytes]:
    """All members of a file, their CRC checked; none of a zip of something else."""
    try:
        with zipfile.ZipFile(stream) as bundle:
            names = bundle.namelist()
            return {name: bundle.read(name) for name in names} if kind.head in names else {}
    except _DAMAGE as error:
        raise _damaged(file, kind, f"cannot be read as a talweg {kind.word} ({error})") from None


def _head(members: Mapping[str, bytes], file: Path, kind: Kind) -> dict[str, Any]:
    """The parsed head, once its format and version are known to be ours."""
    head: Any
    try:
        head = json.loads(members[kind.head])
    except (KeyError, ValueError):
        head = None
    version = head.get("version") if isinstance(head, dict) else None
    if not isinstance(version, int) or head.get("format") != kind.format:
        raise ModelFileError(
            f"{file} is not a talweg {kind.word}: it has no {kind.head} of the format "
            f"{kind.format!r}. Name a file that talweg saved."
        )
    if version > kind.version:
        raise ModelFileError(
            f"{file} was made by a newer talweg ({head.get('talweg')}; this is {VERSION}): upgrade"
            " talweg to read it."
        )
    if not all(isinstance(head.get(part), dict) for part in ("config", "arrays")):
        raise _damaged(file, kind, f"has a {kind.head} without its config or its arrays")
    return dict(head)


def _array(raw: bytes | None, name: str, digest: str, file: Path, kind: Kind) -> Array:
    if raw is None:
        raise _damaged(file, kind, f"lacks its array {name!r}")
    if hashlib.sha256(raw).hexdigest() != digest:
        raise _damaged(file, kind, f"has another array {name!r} than was saved (SHA-256 differs)")
    try:
        array: Array = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
    except ValueError as error:
        raise _damaged(file, kind, f"has an array {name!r} that is refused ({error})") from None
    return array


def _damaged(file: Path, kind: Kind, fault: str) -> ModelFileError:
    return ModelFileError(f"{file} {fault}. It is damaged, cut short or altered: {kind.again}.")
