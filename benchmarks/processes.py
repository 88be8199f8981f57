"""The processes of contestants: start, query and end them, and leave none behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[1]


def as_installed() -> dict[str, str]:
    """The environment without PYTHONDONTWRITEBYTECODE, so that talweg, like a library installed
    by pip, starts from compiled modules."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def peak_megabytes() -> float:
    """The peak memory of this process. On Linux it is read from /proc, because after an exec
    getrusage still counts the parent's memory."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) / 1024
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (2**20 if sys.platform == "darwin" else 2**10)


class Worker:
    """A contestant in its own process and session, so that Ctrl-C reaches only the benchmark."""

    def __init__(
        self,
        name: str,
        folder: Path,
        threads: int,
        *options: str,
        environment: Mapping[str, str] | None = None,
        patience: float = 180,
    ) -> None:
        self.name, self.threads, self.patience = name, threads, patience
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, folder, str(threads), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=ROOT,
            text=True,
            start_new_session=True,
            env={**as_installed(), **(environment or {})},
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, epochs: int) -> dict[str, Any]:
        """Run `epochs` epochs from the initial weights: {"seconds": ...} or {"failed": reason}."""
        assert self.process.stdin is not None
        try:
            print(epochs, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return {"failed": self._last_words()}
        return self.reply()

    def reply(self) -> dict[str, Any]:
        """The next message, or the last line of stderr if the process ended without one."""
        assert self.process.stdout is not None
        watch = threading.Timer(self.patience, self.process.kill)
        watch.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watch.cancel()
        return json.loads(line) if line else {"failed": self._last_words()}

    def _last_words(self) -> str:
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1] if lines else f"exit status {code} (killed after {self.patience:.0f} s?)"

    def close(self) -> None:
        """End the process and everything it started."""
        if self.process.poll() is None:
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None and not stream.closed:
                stream.close()
