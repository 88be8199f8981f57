"""Archives: numbers and arrays in one file, a zip of a JSON header and one .npy for each array.

There is no pickle, so loading runs no code. It reads only members that the header names, and at
most as many bytes as the file has. Digests detect damage; they prove nothing about the author, who
can compute them, so readers also check the types, lengths and ranges of what a file holds.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from talweg.atomic_write import atomic_write
from talweg.errors import DataError, ModelFileError
from talweg.version import VERSION

Array = NDArray[Any]

# The exceptions of zipfile for invalid bytes.
_DAMAGE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error),
    *(EOFError, OSError, RuntimeError, ValueError, NotImplementedError),
)
_START = 2**10  # bytes that show what another file is
_FOREIGN = (
    (b"PAR1", "a Parquet file"),
    (b"\x80", "a pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip file"),
)
_PARTS = ("format", "version", "talweg", "config", "arrays")


@dataclass(frozen=True)
class Kind:
    """A kind of archive: its format and version, and the words for its errors."""

    format: str
    version: int
    word: str
    again: str

    @property
    def head(self) -> str:
        return f"{self.word}.json"


def write_bundle(
    target: str | os.PathLike[str] | IO[bytes],
    kind: Kind,
    config: Mapping[str, Any],
    arrays: Mapping[str, Array],
) -> None:
    """Write an archive to a stream, or atomically to a file.

    ModelFileError: a config that JSON cannot hold, or an array of Python objects.
    DataError: a folder that does not exist.
    """
    if isinstance(target, str | os.PathLike):
        file = Path(target)
        refuse_place(file)
        members = _members(kind, config, arrays, file)
        with atomic_write(file) as stream:
            _write_zip(stream, members)
    else:
        _write_zip(target, _members(kind, config, arrays, Path(f"the {kind.word}")))


def refuse_place(file: Path) -> None:
    """Raise a DataError if no file can be written to that path."""
    if "\0" in str(file):
        raise DataError(f"Cannot write {str(file)!r}: the path contains NUL. Give another.")
    if not file.parent.is_dir() or (file.exists() and not file.is_file()):
        fault = "it is not a file" if file.exists() else f"there is no folder {file.parent}"
        raise DataError(f"Cannot write {file}: {fault}. Give a path in a folder that exists.")


def read_bundle(file: Path, kind: Kind) -> tuple[dict[str, Any], dict[str, Array]]:
    """The config and the arrays of a file, each checked against its SHA-256.

    ModelFileError: a file that is foreign, damaged, altered or of another version.
    """
    with file.open("rb") as stream:
        members = _Members(stream, file, kind)
        head = _head(members, file, kind)
        arrays = {name: _array(members, name, head["arrays"][name]) for name in head["arrays"]}
    return head["config"], arrays


def _members(
    kind: Kind, config: Mapping[str, Any], arrays: Mapping[str, Array], file: Path
) -> dict[str, bytes]:
    raw = {name: _npy(name, array, file) for name, array in arrays.items()}
    values = (
        kind.format,
        kind.version,
        VERSION,
        config,
        {name: hashlib.sha256(data).hexdigest() for name, data in raw.items()},
    )
    head = dict(zip(_PARTS, values, strict=True))
    try:
        # Through JSON, so that the digest is that of what a reader gets.
        head["digest"] = digest_of(json.loads(json.dumps(head)))
        text = json.dumps(head, indent=1)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"Cannot write {file}: JSON cannot hold its config ({error}). Use numbers, text, "
            "lists and dicts in the config, and pass arrays separately."
        ) from None
    return {kind.head: text.encode(), **{f"{name}.npy": data for name, data in raw.items()}}


def digest_of(head: Mapping[str, Any]) -> str:
    """The SHA-256 of all parts of a header, whatever the layout of its JSON."""
    parts = {name: head[name] for name in _PARTS}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _npy(name: str, array: Array, file: Path) -> bytes:
    stream = io.BytesIO()
    try:
        np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)
    except ValueError:
        raise ModelFileError(
            f"Cannot write {file}: array {name!r} holds Python objects. Convert it to numbers or "
            "to fixed-width text."
        ) from None
    return stream.getvalue()


def _write_zip(stream: IO[bytes], members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, raw in members.items():
            # A ZipInfo has a fixed date, so the same model gives the same bytes.
            bundle.writestr(zipfile.ZipInfo(name), raw)


class _Members:
    """The members of a zip, read one at a time.

    ModelFileError: a zip that talweg did not write: with compressed members, which may have any
    size, with two members of one name, or with more bytes claimed than the file has.
    """

    def __init__(self, stream: IO[bytes], file: Path, kind: Kind) -> None:
        self.file, self.kind = file, kind
        size = os.fstat(stream.fileno()).st_size
        try:
            self._zip = zipfile.ZipFile(stream)
        except _DAMAGE as error:
            stream.seek(0)
            _refuse_foreign(stream.read(_START), file, kind)
            raise self.damaged(f"cannot be read as a talweg {kind.word} ({error})") from None
        infos = self._zip.infolist()
        self.names = {info.filename for info in infos}
        if len(self.names) < len(infos):
            raise self.damaged("has two members of one name")
        if any(info.compress_type or info.file_size != info.compress_size for info in infos):
            raise self.damaged("has compressed members, which talweg never writes")
        if sum(info.file_size for info in infos) > size:
            raise self.damaged("claims more bytes than it has")

    def read(self, name: str) -> bytes:
        """One member, after a check of its CRC."""
        try:
            return self._zip.read(name)
        except _DAMAGE as error:
            word = self.kind.word
            raise self.damaged(f"cannot be read as a talweg {word} ({error})") from None

    def damaged(self, fault: str) -> ModelFileError:
        return ModelFileError(
            f"{self.file} {fault}. It is damaged, cut short or altered: {self.kind.again}."
        )


def _refuse_foreign(start: bytes, file: Path, kind: Kind) -> None:
    """ModelFileError: the first bytes are not those of a zip; says what the file seems to be."""
    if b"PK".startswith(start[:2]):
        return
    is_text = not start.translate(None, delete=bytes(range(9, 256)))
    unmarked = "text, such as a CSV file" if is_text else "a binary file"
    seems = next((name for mark, name in _FOREIGN if start.startswith(mark)), unmarked)
    raise ModelFileError(
        f"{file} is not a talweg {kind.word}; it seems to be {seems}. "
        "Name a file that talweg saved."
    )


def _head(members: _Members, file: Path, kind: Kind) -> dict[str, Any]:
    """The parsed header, after checks of its format, version and digest."""
    head: Any = None
    if kind.head in members.names:
        try:
            head = json.loads(members.read(kind.head))
        except (ValueError, RecursionError):
            head = None
    version = head.get("version") if isinstance(head, dict) else None
    if not isinstance(version, int) or head.get("format") != kind.format:
        raise ModelFileError(
            f"{file} is not a talweg {kind.word}: it has no {kind.head} of the format "
            f"{kind.format!r}. Name a file that talweg saved."
        )
    if version != kind.version:
        raise _other_version(file, kind, head)
    if not all(isinstance(head.get(part), dict) for part in ("config", "arrays")):
        raise members.damaged(f"has a {kind.head} without its config or its arrays")
    _check_head(members, head)
    return dict(head)


def _other_version(file: Path, kind: Kind, head: Mapping[str, Any]) -> ModelFileError:
    if head["version"] < kind.version:
        return ModelFileError(
            f"{file} was made by an older talweg ({head.get('talweg')}; this is {VERSION}), and "
            f"this version cannot read its {kind.word} files: {kind.again}."
        )
    return ModelFileError(
        f"{file} was made by a newer talweg ({head.get('talweg')}; this is {VERSION}): upgrade"
        " talweg to read it."
    )


def _check_head(members: _Members, head: Mapping[str, Any]) -> None:
    """Refuse an altered header, and members that it does not name."""
    name = members.kind.head
    if {*head} != {*_PARTS, "digest"} or head["digest"] != digest_of(head):
        raise members.damaged(f"has a {name} that was changed after saving (SHA-256 differs)")
    named = {name, *(f"{array}.npy" for array in head["arrays"])}
    if extra := sorted(members.names - named):
        raise members.damaged(f"has a member that its {name} does not name ({extra[0]!r})")


def _array(members: _Members, name: str, digest: str) -> Array:
    if f"{name}.npy" not in members.names:
        raise members.damaged(f"lacks its array {name!r}")
    raw = members.read(f"{name}.npy")
    if hashlib.sha256(raw).hexdigest() != digest:
        fault = f"has an array {name!r} that was changed after saving (SHA-256 differs)"
        raise members.damaged(fault)
    try:
        _check_size(raw)
        array: Array = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
    except _UNREADABLE as error:
        raise members.damaged(f"has an array {name!r} that is refused ({error})") from None
    return array


# The exceptions of NumPy for an invalid header.
_UNREADABLE = (ValueError, TypeError, SyntaxError, OverflowError, RecursionError, EOFError)


def _check_size(raw: bytes) -> None:
    """Raise a ValueError if a header claims a wrong size, which NumPy would allocate."""
    stream = io.BytesIO(raw)
    version = np.lib.format.read_magic(stream)
    reads = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in reads:  # version 3.0 is for field names, which no array here has
        raise ValueError(f"its header has version {version}")
    shape, _, dtype = reads[version](stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if math.prod(shape) * dtype.itemsize != len(raw) - stream.tell():
        raise ValueError(f"its shape {shape} does not fit its {len(raw)} bytes")
