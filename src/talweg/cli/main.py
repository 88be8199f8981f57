"""The entry point of `talweg`: runs one command and turns errors into an exit status."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from talweg.cli.parser import parser as parser
from talweg.cli.terminal import (
    discard_buffer,
    output_error,
    say_on_stderr,
    standard_streams,
    warnings_as_notes,
)
from talweg.errors import TalwegError
from talweg.train.run.interrupts import Interrupts, signals_handled


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status.

    0: success. 1: a bug in talweg. 2: an error. 128 + n: signal n ended it, so 130 for Ctrl-C and
    143 for SIGTERM. 141: the reader of the predictions has gone.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    with standard_streams(), signals_handled() as interrupts:
        status = _status(words, interrupts)
    sys.exit(status)


def _status(words: Sequence[str], interrupts: Interrupts) -> int:
    options = argparse.Namespace(traceback=False, command=shlex.join(["talweg", *words]))
    try:
        parser().parse_args(words, options)
        with warnings_as_notes():
            options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has gone
        discard_buffer(sys.stdout)
        return 141
    except KeyboardInterrupt:
        return _report_interrupt(options, interrupts)
    except Exception as error:
        discard_buffer(sys.stdout)
        return _report_error(error, options.traceback)
    lost_output, status = output_error(), _signal_status(interrupts)
    if lost_output:
        say_on_stderr(f"talweg: {_error_text(lost_output)}. Everything else is done.")
    return status or (2 if lost_output else 0)


def _report_interrupt(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Say whether files were written; the status of a command that a signal ended."""
    discard_buffer(sys.stdout)
    nothing = "; nothing was written" if getattr(options, "out", None) else ""
    files = "; all files were written" if interrupts.has_written else nothing
    say_on_stderr(f"talweg: interrupted{files}")
    return 128 + (interrupts.received or [signal.SIGINT])[-1]


def _signal_status(interrupts: Interrupts) -> int:
    """The status of a command that finished in spite of a signal; Ctrl-C only stops training."""
    number = (interrupts.received or [signal.SIGINT])[0]
    return 0 if number == signal.SIGINT else 128 + number


def _report_error(error: Exception, wants_traceback: bool) -> int:
    """Print an error; the status of the command."""
    if wants_traceback:
        say_on_stderr("".join(traceback.format_exception(error)))
    if isinstance(error, TalwegError | OSError):
        say_on_stderr(f"talweg: {_error_text(error)}")
        return 2
    if isinstance(error, MemoryError):
        detail = f" ({error})" if str(error) else ""
        say_on_stderr(
            f"talweg: There is not enough memory{detail}. Use fewer rows or smaller layers."
        )
        return 2
    name = f"{type(error).__name__}: {error}".removesuffix(": ")
    say_on_stderr(
        f"talweg: {name}. This is a bug in talweg: please report it with the command and the output"
        " of talweg --traceback ..."
    )
    return 1


def _error_text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or 'the output'}"
    return str(error)
