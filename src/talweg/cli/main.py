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
from talweg.cli.terminal import let_go, standard_streams, tell, warnings_as_notes, what_was_lost
from talweg.errors import TalwegError
from talweg.train.run.interrupts import Interrupts, handled


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status.

    0: success. 1: a bug in talweg. 2: an error. 128 plus the number of the signal that ended it:
    130 for Ctrl-C, 143 for SIGTERM. 141: the reader of the predictions has gone.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    with standard_streams(), handled() as interrupts:
        status = _status(given, interrupts)
    sys.exit(status)


def _status(given: Sequence[str], interrupts: Interrupts) -> int:
    options = argparse.Namespace(traceback=False, command=shlex.join(["talweg", *given]))
    try:
        parser().parse_args(given, options)
        with warnings_as_notes():
            options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has gone
        let_go(sys.stdout)
        return 141
    except KeyboardInterrupt:
        return _interrupted(options, interrupts)
    except Exception as error:
        let_go(sys.stdout)
        return _failed(error, options.traceback)
    lost, status = what_was_lost(), _signalled(interrupts)
    if lost:
        tell(f"talweg: {_in_words(lost)}. Everything else is done.")
    return status or (2 if lost else 0)


def _interrupted(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """The status of a command that a signal ended; tells whether files were written."""
    let_go(sys.stdout)
    nothing = "; nothing was written" if getattr(options, "out", None) else ""
    files = "; all files were written" if interrupts.has_written else nothing
    tell(f"talweg: interrupted{files}")
    return 128 + (interrupts.came or [signal.SIGINT])[-1]


def _signalled(interrupts: Interrupts) -> int:
    """The status of a command that finished after a signal; Ctrl-C only stops training."""
    number = (interrupts.came or [signal.SIGINT])[0]
    return 0 if number == signal.SIGINT else 128 + number


def _failed(error: Exception, wants_traceback: bool) -> int:
    if wants_traceback:
        tell("".join(traceback.format_exception(error)))
    if isinstance(error, TalwegError | OSError):
        tell(f"talweg: {_in_words(error)}")
        return 2
    if isinstance(error, MemoryError):
        detail = f" ({error})" if str(error) else ""
        tell(f"talweg: There is not enough memory{detail}. Use fewer rows or smaller layers.")
        return 2
    name = f"{type(error).__name__}: {error}".removesuffix(": ")
    tell(
        f"talweg: {name}. This is a bug in talweg: please report it with the command and the output"
        " of talweg --traceback ..."
    )
    return 1


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or 'the output'}"
    return str(error)
