"""The compile cache: object code on disk, shared by all processes of a user.

An entry is a header and the code. It is written to a temporary file and renamed, so no process sees
half of it. It is loaded only if this user owns it and it is complete, unaltered, and made for the
requested key. Where the folder cannot be trusted or written, the cache is silently off.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkstemp

FORMAT = 1
"""The version of an entry's layout; part of each key."""

_MAGIC = b"talweg\r\n"
_HEADER = struct.Struct("<8sI32sQ32s")  # magic, format, key, length, SHA-256 of the code
_ENTRY, _PART = ".code", ".part"
_LIMIT = 64 << 20
_STALE = 3600  # seconds after which a temporary file was left by a process that was killed
_OPEN = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)


def key_of(*parts: str) -> bytes:
    """SHA-256 of all that determines the code; lengths keep different lists of parts apart."""
    digest = hashlib.sha256(FORMAT.to_bytes(8, "little"))
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


def user_folder() -> Path | None:
    """The folder for this user's caches on this system; None if there is none."""
    try:
        if sys.platform == "win32":
            base = Path(os.environ["LOCALAPPDATA"])
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME", ""))
            base = base if base.is_absolute() else Path.home() / ".cache"
    except (KeyError, RuntimeError):
        return None
    return base / "talweg" if base.is_absolute() else None


@cache
def user_cache() -> Cache:
    """The cache that all processes of this user share."""
    return Cache(user_folder())


class Cache:
    """Entries of object code in one folder, at most `limit` bytes; without a folder it is off."""

    def __init__(self, folder: Path | None, limit: int = _LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self._unseen = limit  # bytes written since the last prune; unknown at first

    def load(self, key: bytes) -> bytes | None:
        """The code stored for a key; a damaged entry is deleted."""
        if self.folder is None or not _is_ours(self.folder):
            return None
        path = self._path(self.folder, key)
        try:
            data = _read(path)
        except OSError:
            return None
        code = _code(data, key)
        with suppress(OSError):
            path.unlink() if code is None else os.utime(path)
        return code

    def store(self, key: bytes, code: bytes) -> None:
        """Store the code for a key; a full or read-only disk is not an error."""
        if self.folder is None or not _make(self.folder):
            return
        head = _HEADER.pack(_MAGIC, FORMAT, key, len(code), hashlib.sha256(code).digest())
        with suppress(OSError):
            _write(self._path(self.folder, key), head + code)
            self._unseen += len(head) + len(code)
            # listing 3000 entries takes 17 ms, so not at each write
            if self._unseen >= self.limit // 16:
                self._unseen = 0
                self.prune()

    def prune(self) -> None:
        """Delete the least recently used entries, and temporary files left behind."""
        if self.folder is None or not _is_ours(self.folder):
            return
        entries = sorted(_entries(self.folder))
        room = self.limit - self.limit // 16  # the rest fills before the next prune
        excess = sum(size for _, size, _ in entries) - room
        for _, size, path in entries:
            if excess <= 0:
                break
            with suppress(OSError):
                os.unlink(path)
            excess -= size

    def _path(self, folder: Path, key: bytes) -> Path:
        return folder / (key.hex() + _ENTRY)


def _make(folder: Path) -> bool:
    with suppress(OSError):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    return _is_ours(folder)


def _is_ours(folder: Path) -> bool:
    """Whether this is a real folder that only this user may write."""
    try:
        facts = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and _owned(facts)


def _owned(facts: os.stat_result) -> bool:
    if sys.platform == "win32":  # an access list guards the user's folder there
        return True
    return facts.st_uid == os.geteuid() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(path: Path) -> bytes:
    """The bytes of a regular file of this user; no link is followed, and no pipe blocks."""
    with open(os.open(path, _OPEN), "rb") as file:
        facts = os.fstat(file.fileno())
        return file.read() if stat.S_ISREG(facts.st_mode) and _owned(facts) else b""


def _code(data: bytes, key: bytes) -> bytes | None:
    """The code of an entry, if it is complete, unaltered and of this key."""
    if len(data) < _HEADER.size:
        return None
    *head, digest = _HEADER.unpack_from(data)
    code = data[_HEADER.size :]
    if head != [_MAGIC, FORMAT, key, len(code)] or hashlib.sha256(code).digest() != digest:
        return None
    return code


def _write(path: Path, data: bytes) -> None:
    handle, part = mkstemp(_PART, dir=path.parent)  # created with mode 0600, never over a link
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            os.unlink(part)
        raise


def _entries(folder: Path) -> Iterator[tuple[int, int, str]]:
    """(time of last use, bytes, path) of each entry; deletes temporary files left behind."""
    with suppress(OSError), os.scandir(folder) as files:
        for file in files:
            with suppress(OSError):
                facts = file.stat(follow_symlinks=False)
                if file.name.endswith(_PART) and facts.st_mtime < time.time() - _STALE:
                    os.unlink(file)
                elif file.name.endswith(_ENTRY):
                    yield facts.st_mtime_ns, facts.st_size, file.path
