"""Output for people: control characters are escaped, and a broken stream never loses work."""

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


class Lost(io.TextIOBase):
    """Replaces a stream that failed: it accepts everything and remembers the error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        return len(text)


_words = ContextVar("words", default="stdout")  # the stream that gets words for people


@contextmanager
def words_aside(is_aside: bool) -> Iterator[None]:
    """While entered, words for people go to the standard error, if `is_aside`."""
    token = _words.set("stderr" if is_aside else "stdout")
    try:
        yield
    finally:
        _words.reset(token)


def say(text: str = "") -> None:
    """Print words; if the reader has gone or the disk is full, only these words are lost."""
    _write(_words.get(), text)


def emit(text: str) -> None:
    """Print a result to the standard output; if that fails, it is an error."""
    if sys.stdout is None:
        raise DataError("The standard output is closed. Open it, or leave out --json.")
    print(text, file=sys.stdout, flush=True)


def tell(words: str) -> None:
    """Print on the standard error: one line, wrapped if it is a terminal."""
    with suppress(Exception):  # a stream that is closed
        words = paragraph(words) if sys.stderr.isatty() else words
    _write("stderr", words)


def _write(name: str, text: str) -> None:
    stream = getattr(sys, name)
    if stream is None:  # it was closed when Python started
        return
    try:
        print(visible(text), file=stream, flush=True)
    except Exception as error:  # whatever a stream raises
        let_go(stream)
        setattr(sys, name, Lost(error))


def let_go(stream: TextIO | None) -> None:
    """Discard buffered output that cannot be written; Python would retry at exit."""
    if stream is None:
        return
    try:
        stream.flush()
    except Exception:
        with suppress(Exception):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def what_was_lost() -> Exception | None:
    """The error that lost some words, unless the reader, such as head, has gone."""
    stream = sys.stdout
    if isinstance(stream, Lost) and not isinstance(stream.error, BrokenPipeError):
        return stream.error
    return None


@contextmanager
def standard_streams() -> Iterator[None]:
    """Set up the streams so that every character can be printed, until the command ends."""
    _occupy_closed_descriptors()
    before = sys.stdout, sys.stderr
    for each in before:
        if isinstance(
            each, io.TextIOWrapper
        ):  # a character that the encoding lacks becomes an escape
            each.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _occupy_closed_descriptors() -> None:
    """Otherwise a file could get the descriptor of a closed stream, and its output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print warnings of talweg as notes, each once; other warnings as Python does."""
    said: set[str] = set()
    otherwise = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, _NOTED):
            otherwise(message, category, *place, **more)
        elif str(message) not in said:
            said.add(str(message))
            with suppress(Exception):  # the next words will fail, too, and remember the error
                sys.stdout.flush()
            tell(f"note: {message}")

    with warnings.catch_warnings():
        for each in _NOTED:
            warnings.simplefilter("always", each)
        warnings.showwarning = show
        yield
