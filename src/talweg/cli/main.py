"""`talweg`: the arguments of each command, and how errors end it."""

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

exit status: 0 for success, 2 for an error, 1 for a bug in talweg, 130 for
Ctrl-C, and 128 plus its number for any other signal (143 for SIGTERM)
"""
_ROLES = {
    "--weight": "a column of sample weights; not an input of the network",
    "--groups": "rows with the same value in this column stay in the same part of the split",
}
_BY_SIZE = "default: by the size of the table"
_INTERRUPTING = """\
Ctrl-C while it trains stops the training, not the command: the best weights so
far are scored and saved, and the exit status is 0. A second Ctrl-C aborts.
SIGTERM and SIGHUP do the same, with exit status 143 or 129.
"""


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


class _Parser(argparse.ArgumentParser):
    """A parser whose error messages show control characters as escapes."""

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
    top.add_argument("--traceback", action="store_true", help="show the traceback of an error")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_demo(commands)
    _add_train(commands)
    _add_predict(commands)
    _add_show(commands)
    _add_compare(commands)
    return top


_Commands = argparse._SubParsersAction  # argparse has no public name for it


def _add_demo(commands: _Commands[_Parser]) -> None:
    demo = commands.add_parser("demo", help="train on the shellfish data that comes with talweg")
    demo.add_argument("--out", default="talweg-demo", metavar="DIR", help="default: %(default)s")
    demo.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="train once for each seed from 0 to N-1"
    )
    demo.set_defaults(run=_demo)


def _add_train(commands: _Commands[_Parser]) -> None:
    train = commands.add_parser(
        "train",
        help="train a model that predicts one column from the others",
        epilog=_INTERRUPTING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # Options that are not given are left to TableModel, which holds the defaults.
        argument_default=argparse.SUPPRESS,
    )
    train.add_argument(
        "data",
        metavar="DATA",
        help="a CSV, Parquet, JSON or Excel file, or - for the standard input",
    )
    train.add_argument(
        "--target",
        action="append",
        required=True,
        metavar="COLUMN",
        help="the column to predict: its name, or its position (0 is the first, -1 the last);"
        " repeat it to predict several numbers",
    )
    train.add_argument("--out", required=True, metavar="DIR", help="the folder for the results")
    train.add_argument(
        "--task",
        choices=("regression", "classification"),
        help="default: chosen from the target column",
    )
    train.add_argument(
        "--drop", action="append", metavar="COLUMN", help="ignore this column; may be repeated"
    )
    train.add_argument(
        "--column",
        action="append",
        type=_column,
        dest="columns",
        metavar="COLUMN=KIND",
        help="how to read a column: number, category, boolean, ordinal, date, duration, 'day"
        " first', 'month first', 'decimal comma', 'decimal point', 'leave out', or its levels in"
        " order, as in size=small<large; may be repeated",
    )
    for option, words in _ROLES.items():
        train.add_argument(option, metavar="COLUMN", help=words)
    order = train.add_mutually_exclusive_group()
    order.add_argument(
        "--time",
        action="append",
        metavar="COLUMN",
        help="hold out the last rows by this column; may be repeated, as for year and month; the"
        " default if dates rise or fall down the table",
    )
    order.add_argument(
        "--shuffle",
        action="store_const",
        const=False,
        dest="time",
        help="hold out random rows even if the rows are in time order",
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
        help="predict the rarer of two classes from this probability on, or from the one that"
        " maximizes 'balanced' accuracy or 'f1'",
    )
    train.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the first row holds the column names; detected by default",
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
        help=f"fraction of units dropped in each step; {_BY_SIZE}",
    )
    train.add_argument(
        "--bins",
        type=int,
        metavar="N",
        help="bins per number column, 0 for none; by default a trial run decides",
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
        help="initial learning rate; it decays to 0 at the last epoch; default: 0.004",
    )
    train.add_argument(
        "--epochs", type=int, metavar="N", help=f"maximum number of epochs; {_BY_SIZE}"
    )
    train.add_argument("--batch-size", type=int, metavar="N", help=f"rows per step; {_BY_SIZE}")
    train.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help=f"stop after this many epochs without a better validation loss; {_BY_SIZE}",
    )
    train.add_argument(
        "--time-budget", type=float, metavar="SECONDS", help="stop after this time; default: none"
    )
    train.add_argument(
        "--seed", type=int, metavar="N", help="seed of the split and the weights; default: 0"
    )
    _add_json(
        train, "print the report as one JSON object; all other output goes to the standard error"
    )
    train.set_defaults(run=_train)


def _sizes(text: str) -> tuple[int, ...]:
    """The sizes in "128,64"."""
    try:
        return tuple(int(size) for size in text.split(",") if size.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected layer sizes such as 128,64, but got {text!r}"
        ) from None


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _column(text: str) -> tuple[str, str | tuple[str, ...]]:
    """The column and its kind in "zip=category", or its levels in order in "size=small<large"."""
    name, mark, kind = text.rpartition("=")
    if not (name and mark and kind):
        raise argparse.ArgumentTypeError(
            f"expected a column and its kind such as zip=category, but got {text!r}"
        )
    return name, tuple(kind.split("<")) if "<" in kind else kind


def _add_predict(commands: _Commands[_Parser]) -> None:
    predict = commands.add_parser("predict", help="predict the target for the rows of a table")
    predict.add_argument(
        "model", metavar="MODEL", help="a model.talweg file, or the folder that holds it"
    )
    predict.add_argument(
        "data",
        metavar="DATA",
        help="a file with the same columns as in training, or - for the standard input",
    )
    predict.add_argument(
        "--out", metavar="FILE", help="the file to write; default: the standard output"
    )
    more = predict.add_mutually_exclusive_group()
    more.add_argument(
        "--probabilities",
        action="store_true",
        help="add a column with the probability of each class",
    )
    more.add_argument(
        "--intervals",
        type=float,
        metavar="SHARE",
        help="add columns for the ends of an interval that contains the true number in this share"
        " of cases, such as 0.9",
    )
    predict.add_argument(
        "--exact",
        action="store_true",
        help="write text unchanged; by default, an apostrophe before =, +, - or @ keeps"
        " spreadsheets from running it as a formula, and control characters become escapes",
    )
    _add_json(predict, "write one JSON object per row instead of CSV")
    predict.set_defaults(run=_predict)


def _add_show(commands: _Commands[_Parser]) -> None:
    show = commands.add_parser("show", help="describe a model and how good it is")
    show.add_argument(
        "model", metavar="MODEL", help="a model.talweg file, or the folder that holds it"
    )
    _add_json(show, "print the description as one JSON object")
    show.set_defaults(run=_show)


def _add_compare(commands: _Commands[_Parser]) -> None:
    compare = commands.add_parser("compare", help="compare several models")
    compare.add_argument(
        "models",
        metavar="MODEL",
        nargs="+",
        help="model.talweg files, or the folders that hold them",
    )
    compare.add_argument(
        "--data",
        metavar="DATA",
        help="a table to score all models on, with the target, unseen in training",
    )
    compare.add_argument(
        "--out", metavar="FILE", help="an HTML page to write, such as compare.html"
    )
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
