"""Messages for people: control characters are escaped, and a broken stream stops no command."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TextIO

from talweg.cli.text import paragraph
from talweg.errors import DataError, DataWarning, TrainingWarning, visible

_NOTED = (DataWarning, TrainingWarning)


class BrokenStream(io.TextIOBase):
    """Replaces a stream that failed: it discards all output and keeps the error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        return len(text)


_message_stream = ContextVar("message_stream", default="stdout")


@contextmanager
def messages_to_stderr(condition: bool) -> Iterator[None]:
    """Print messages on standard error within this context, if `condition` holds."""
    token = _message_stream.set("stderr" if condition else "stdout")
    try:
        yield
    finally:
        _message_stream.reset(token)


def say(text: str = "") -> None:
    """Print a message; if the reader has gone or the disk is full, only the message is lost."""
    _write(_message_stream.get(), text)


def print_result(text: str) -> None:
    """Print a result on standard output. DataError: it is closed."""
    if sys.stdout is None:
        raise DataError("Standard output is closed. Open it, or leave out --json.")
    print(text, file=sys.stdout, flush=True)


def say_on_stderr(text: str) -> None:
    """Print a message on standard error, wrapped if that is a terminal."""
    with suppress(Exception):  # a stream that is closed
        text = paragraph(text) if sys.stderr.isatty() else text
    _write("stderr", text)


def _write(name: str, text: str) -> None:
    stream = getattr(sys, name)
    if stream is None:  # it was closed when Python started
        return
    try:
        print(visible(text), file=stream, flush=True)
    except Exception as error:  # whatever a stream raises
        discard_buffer(stream)
        setattr(sys, name, BrokenStream(error))


def discard_buffer(stream: TextIO | None) -> None:
    """Discard buffered output that cannot be written, which Python would try again at exit."""
    if stream is None:
        return
    try:
        stream.flush()
    except Exception:
        with suppress(Exception):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def output_error() -> Exception | None:
    """The error that lost messages, unless it is that the reader, such as head, has gone."""
    stream = sys.stdout
    if isinstance(stream, BrokenStream) and not isinstance(stream.error, BrokenPipeError):
        return stream.error
    return None


@contextmanager
def standard_streams() -> Iterator[None]:
    """Within this context, a character that the encoding lacks is printed as an escape."""
    _occupy_closed_descriptors()
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _occupy_closed_descriptors() -> None:
    """Keep files from getting the descriptor of a closed stream, and its output with it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print each warning of talweg once, as a note; other warnings as Python does."""
    shown: set[str] = set()
    default = warnings.showwarning

    def show(
        message: Warning | str, category: type[Warning], *position: Any, **details: Any
    ) -> None:
        if not issubclass(category, _NOTED):
            default(message, category, *position, **details)
        elif str(message) not in shown:
            shown.add(str(message))
            with suppress(Exception):  # the next message fails, too, and keeps the error
                sys.stdout.flush()
            say_on_stderr(f"note: {message}")

    with warnings.catch_warnings():
        for category in _NOTED:
            warnings.simplefilter("always", category)
        warnings.showwarning = show
        yield
