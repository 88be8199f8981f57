"""`talweg`: the arguments of each command, and what becomes of errors."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from talweg.cli.terminal import let_go, standard_streams, tell, warnings_as_notes, what_was_lost
from talweg.errors import TalwegError, visible
from talweg.train.run.interrupts import Interrupts, handled
from talweg.version import VERSION

_ABOUT = "Train a neural network on a table, and see how and why it learns."
_EXAMPLE = """\
examples:
  talweg demo
  talweg train houses.csv --target price --out houses
  talweg predict houses/model.talweg new.csv --out prices.csv

exit status: 0 when done, 2 for an error, 130 when interrupted, 1 for a fault
of talweg, 128 and the number of a signal (143 for SIGTERM) that ended it
"""
_ROLES = {
    "--weight": "says how much each row counts; no input of the network",
    "--groups": "rows that share its value are never split: all are learned from, or judge",
}
_BY_SIZE = "default: by the size of the table"
_INTERRUPTING = """\
Ctrl-C while it trains ends the training, not the command: the best weights so
far are scored and written, and the exit status is 0. A second one gives up.
SIGTERM and SIGHUP do the same, but the exit status tells of them: 143 or 129.
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status.

    0: done. 1: a fault of talweg. 2: an error. 128 and the number of a signal that ended it: 130
    for Ctrl-C, 143 for SIGTERM. 141: nobody reads the predictions any more.
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
    except BrokenPipeError:  # whoever reads, such as head, has seen enough
        let_go(sys.stdout)
        return 141
    except KeyboardInterrupt:
        return _interrupted(options, interrupts)
    except Exception as error:
        let_go(sys.stdout)
        return _failed(error, options.traceback)
    lost, status = what_was_lost(), _signalled(interrupts)
    if lost:
        tell(f"talweg: {_in_words(lost)}. All else is done.")
    return status or (2 if lost else 0)


def _interrupted(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """The status of a command that a signal ended, and what became of its files."""
    let_go(sys.stdout)
    written = "; nothing was written" if getattr(options, "out", None) else ""
    tell(f"talweg: interrupted{'; all was written' if interrupts.has_written else written}")
    return 128 + (interrupts.came or [signal.SIGINT])[-1]


def _signalled(interrupts: Interrupts) -> int:
    """The status of a command that did all it could after a signal; Ctrl-C ends training only."""
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
        tell(f"talweg: There is not enough memory{detail}. Give fewer rows, or smaller layers.")
        return 2
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    tell(
        f"talweg: {what}. This is a fault of talweg: please report it with"
        " the command, and with what it says as talweg --traceback ..."
    )
    return 1


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or 'the output'}"
    return str(error)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors show the control characters of what was given."""

    def error(self, message: str) -> NoReturn:
        super().error(visible(message))


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    top = _Parser(
        prog="talweg",
        description=_ABOUT,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"talweg {VERSION}")
    top.add_argument(
        "--traceback", action="store_true", help="show where in the code an error was raised"
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_demo(commands)
    _add_train(commands)
    _add_predict(commands)
    _add_show(commands)
    _add_compare(commands)
    return top


_Commands = argparse._SubParsersAction  # argparse has no public name for it


def _add_demo(commands: _Commands[_Parser]) -> None:
    demo = commands.add_parser("demo", help="train on the shellfish data that talweg ships")
    demo.add_argument("--out", default="talweg-demo", metavar="DIR", help="default: %(default)s")
    demo.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="repeat with the seeds 0 to N-1"
    )
    demo.set_defaults(run=_demo)


def _add_train(commands: _Commands[_Parser]) -> None:
    train = commands.add_parser(
        "train",
        help="learn one column of a table from the others",
        epilog=_INTERRUPTING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # What is not given is left to TableModel: its defaults stand there and nowhere else.
        argument_default=argparse.SUPPRESS,
    )
    train.add_argument(
        "data",
        metavar="DATA",
        help="a file of CSV, Parquet, JSON or Excel, - for the standard input",
    )
    train.add_argument(
        "--target",
        action="append",
        required=True,
        metavar="COLUMN",
        help="the column to predict: its name, or its position from 0, -1 being the last; may be"
        " repeated, for several columns of numbers",
    )
    train.add_argument("--out", required=True, metavar="DIR", help="where the results go")
    train.add_argument(
        "--task",
        choices=("regression", "classification"),
        help="follows from the target column unless given",
    )
    train.add_argument(
        "--drop", action="append", metavar="COLUMN", help="leave out; may be repeated"
    )
    train.add_argument(
        "--column",
        action="append",
        type=_column,
        dest="columns",
        metavar="COLUMN=KIND",
        help="what it is: number, category, boolean, ordinal, date, duration, 'day first',"
        " 'month first', 'decimal comma', 'decimal point', 'leave out', or its words in order,"
        " as in size=small<large; may be repeated",
    )
    for option, words in _ROLES.items():
        train.add_argument(option, metavar="COLUMN", help=words)
    order = train.add_mutually_exclusive_group()
    order.add_argument(
        "--time",
        action="append",
        metavar="COLUMN",
        help="the last rows by it judge what was learned from those before; may be repeated, as for"
        " year and month; found by itself where dates rise or fall down the table",
    )
    order.add_argument(
        "--shuffle",
        action="store_const",
        const=False,
        dest="time",
        help="hold out rows at random, though they are in order of time",
    )
    train.add_argument(
        "--class-weight",
        choices=("balanced",),
        help="'balanced' gives each class the same total weight, however rare it is",
    )
    train.add_argument(
        "--threshold",
        type=_number_or_word,
        metavar="SHARE",
        help="predict the rarer of two classes from this probability on, or from what does best by"
        " 'balanced' (accuracy) or 'f1'",
    )
    train.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the first row names the columns; seen from the file unless given",
    )
    train.add_argument(
        "--hidden",
        type=_sizes,
        metavar="H,H",
        help="sizes of the hidden layers, '' for none; default: 128,64",
    )
    train.add_argument("--activation", metavar="NAME", help="default: silu")
    train.add_argument(
        "--dropout",
        type=float,
        metavar="SHARE",
        help=f"of units silenced in each step; {_BY_SIZE}",
    )
    train.add_argument(
        "--bins",
        type=int,
        metavar="N",
        help="bins that each number also goes through, 0 for none; by default a trial decides",
    )
    train.add_argument(
        "--n-estimators",
        type=int,
        metavar="N",
        help=f"networks in the ensemble, 1 to 8; the prediction is their mean; {_BY_SIZE}",
    )
    train.add_argument(
        "--lr",
        type=float,
        metavar="RATE",
        help="learning rate to start from; it falls to 0 at the last epoch; default: 0.004",
    )
    train.add_argument("--epochs", type=int, metavar="N", help=f"at most; {_BY_SIZE}")
    train.add_argument("--batch-size", type=int, metavar="N", help=f"rows of a step; {_BY_SIZE}")
    train.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help=f"epochs without a better validation loss before it stops; {_BY_SIZE}",
    )
    train.add_argument(
        "--time-budget", type=float, metavar="SECONDS", help="stop after so long; default: none"
    )
    train.add_argument(
        "--seed", type=int, metavar="N", help="of the split and the weights; default: 0"
    )
    _add_json(train, "print the report as one JSON object, and words on the standard error")
    train.set_defaults(run=_train)


def _sizes(text: str) -> tuple[int, ...]:
    """The sizes in "128,64"."""
    try:
        return tuple(int(each) for each in text.split(",") if each.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"sizes of layers such as 128,64 are needed, but {text!r} was given"
        ) from None


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _column(text: str) -> tuple[str, str | tuple[str, ...]]:
    """The column and its kind in "zip=category", or its words in order in "size=small<large"."""
    name, mark, kind = text.rpartition("=")
    if not (name and mark and kind):
        raise argparse.ArgumentTypeError(
            f"a column and its kind such as zip=category are needed, but {text!r} was given"
        )
    return name, tuple(kind.split("<")) if "<" in kind else kind


def _add_predict(commands: _Commands[_Parser]) -> None:
    predict = commands.add_parser("predict", help="predict the target for the rows of a table")
    predict.add_argument("model", metavar="MODEL", help="a model.talweg, or the folder it lies in")
    predict.add_argument(
        "data",
        metavar="DATA",
        help="a file with the columns of training, of the same kinds, - for the standard input",
    )
    predict.add_argument("--out", metavar="FILE", help="a CSV file; printed without it")
    more = predict.add_mutually_exclusive_group()
    more.add_argument(
        "--probabilities", action="store_true", help="a column for each class as well"
    )
    more.add_argument(
        "--intervals",
        type=float,
        metavar="SHARE",
        help="columns of low and high ends as well, between which the true number lies in this"
        " share of cases, such as 0.9",
    )
    predict.add_argument(
        "--exact",
        action="store_true",
        help="write texts as they are; otherwise an apostrophe before =, +, - or @ keeps a"
        " spreadsheet from running them as formulas, and control characters are escapes",
    )
    _add_json(predict, "write one JSON object per row instead of CSV")
    predict.set_defaults(run=_predict)


def _add_show(commands: _Commands[_Parser]) -> None:
    show = commands.add_parser("show", help="say what a model is and how good it is")
    show.add_argument("model", metavar="MODEL", help="a model.talweg, or the folder it lies in")
    _add_json(show, "print it as one JSON object")
    show.set_defaults(run=_show)


def _add_compare(commands: _Commands[_Parser]) -> None:
    compare = commands.add_parser("compare", help="put several models side by side")
    compare.add_argument(
        "models", metavar="MODEL", nargs="+", help="model.talweg files, or the folders they lie in"
    )
    compare.add_argument(
        "--data",
        metavar="DATA",
        help="a table with the target that none has seen, to score all on the same rows",
    )
    compare.add_argument("--out", metavar="FILE", help="a page to write, such as compare.html")
    _add_json(compare, "print the comparison as one JSON object")
    compare.set_defaults(run=_compare)


def _add_json(command: argparse.ArgumentParser, words: str) -> None:
    command.add_argument("--json", action="store_true", default=False, help=words)


def _demo(options: argparse.Namespace) -> None:
    from talweg.cli.demo import demo

    demo(options)


def _train(options: argparse.Namespace) -> None:
    from talweg.cli.train import train

    train(options)


def _predict(options: argparse.Namespace) -> None:
    from talweg.cli.predict import predict

    predict(options)


def _compare(options: argparse.Namespace) -> None:
    from talweg.cli.compare import compare

    compare(options)


def _show(options: argparse.Namespace) -> None:
    from talweg.cli.show import show

    show(options)
