"""A checkpoint belongs to one run at a time: another run that writes to the file is refused."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from talweg.errors import SettingError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def claimed(file: Path, identity: Mapping[str, Any]) -> Iterator[None]:
    """Within this context no run of another identity may write to the file.

    The claim is a lock on a hidden file beside it, named after the `identity` of the run. The
    system releases it when the process ends, however it ends. Without such locks (Windows, some
    network file systems, a full disk) there are no claims.
    SettingError: a run of another identity writes to the file.
    """
    text = json.dumps(identity, sort_keys=True).encode()
    target = Path(os.path.realpath(file))  # a link and its target are one file
    claim = _lock_path(target, hashlib.sha256(text).hexdigest()[:16])
    try:
        own = _lock(claim) if fcntl else None
    except OSError:
        own = None
    if own is None:
        yield
        return
    try:
        if _others_hold(target, claim):
            raise SettingError(
                f"the checkpoint {file} is in use: another run, with other settings or data, is "
                "writing to it. Wait until it has ended, or give another path."
            )
        yield
    finally:
        with suppress(OSError):  # another process with the same run still holds the lock
            fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
            claim.unlink()
        os.close(own)


def _lock_path(file: Path, name: str) -> Path:
    return file.with_name(f".{file.name}.{name}.lock")


def _open(claim: Path, flags: int = 0) -> int:
    return os.open(claim, os.O_RDWR | flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def _lock(claim: Path) -> int:
    """Lock the file, made if needed, and return its descriptor; others may share the lock."""
    while True:
        descriptor = _open(claim, os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(descriptor), os.stat(claim)):
                return descriptor
        except FileNotFoundError:
            pass  # another run has just ended and removed it
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _others_hold(file: Path, own: Path) -> bool:
    claim = re.compile(re.escape(f".{file.name}.") + r"[0-9a-f]{16}\.lock")
    others = (path for path in file.parent.iterdir() if path != own and claim.fullmatch(path.name))
    return any(map(_is_held, others))


def _is_held(claim: Path) -> bool:
    """Whether a living run holds the claim; a claim left by a killed process is removed."""
    with suppress(FileNotFoundError):
        descriptor = _open(claim)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            claim.unlink()
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False
