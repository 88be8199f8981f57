"""`talweg`: the arguments of each command, and what becomes of errors."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

from talweg.cli.text import paragraph
from talweg.errors import DataWarning, TalwegError, TrainingWarning
from talweg.version import VERSION

_ABOUT = "Train a neural network on a table, and see how and why it learns."
_EXAMPLE = """\
examples:
  talweg demo
  talweg train houses.csv --target price --out houses
  talweg predict houses/model.talweg new.csv --out prices.csv

exit status: 0 when done, 2 for an error, 130 when interrupted
"""
_NOTED = (DataWarning, TrainingWarning)
_ROLES = {
    "--weight": "says how much each row counts; no input of the network",
    "--groups": "rows that share its value are never split: all are learned from, or judge",
    "--time": "the last rows by it judge what was learned from those before",
}
_BY_SIZE = "default: by the size of the table"
_INTERRUPTING = """\
Ctrl-C while it trains ends the training, not the command: the best weights so
far are scored and written, and the exit status is 0. A second one gives up.
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with 0, 2 (an error), 130 (interrupted) or 141 (no reader left)."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser().parse_args(given)
    options.command = shlex.join(["talweg", *given])
    try:
        _show_any_letter(sys.stdout)
        with _warnings_as_notes():
            options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads, such as head, has seen enough
        _let_go(sys.stdout)
        sys.exit(141)
    except (TalwegError, OSError) as error:
        _let_go(sys.stdout)
        _tell(f"talweg: {_in_words(error)}")
        sys.exit(2)
    except KeyboardInterrupt:
        _tell("talweg: interrupted; nothing was written")
        sys.exit(130)
    sys.exit(0)


def _show_any_letter(stream: TextIO) -> None:
    """A letter that the terminal's encoding lacks is shown by its number."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _let_go(stream: TextIO) -> None:
    """Drop what cannot be written any more, or Python would try again at its end."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """What talweg warns of is said as a note, once; other warnings as Python says them."""
    said: set[str] = set()
    otherwise = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, _NOTED):
            otherwise(message, category, *place, **more)
        elif str(message) not in said:
            said.add(str(message))
            sys.stdout.flush()
            _tell(f"note: {message}")

    with warnings.catch_warnings():
        for each in _NOTED:
            warnings.simplefilter("always", each)
        warnings.showwarning = show
        yield


def _tell(words: str) -> None:
    """One line for a file or a pipe, wrapped for a terminal."""
    print(paragraph(words) if sys.stderr.isatty() else words, file=sys.stderr)


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or 'the output'}"
    return str(error)


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    top = argparse.ArgumentParser(
        prog="talweg",
        description=_ABOUT,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"talweg {VERSION}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_demo(commands)
    _add_train(commands)
    _add_predict(commands)
    _add_show(commands)
    _add_compare(commands)
    return top


_Commands = argparse._SubParsersAction  # argparse has no public name for it


def _add_demo(commands: _Commands[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help="train on the shellfish data that talweg ships")
    demo.add_argument("--out", default="talweg-demo", metavar="DIR", help="default: %(default)s")
    demo.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="repeat with the seeds 0 to N-1"
    )
    demo.set_defaults(run=_demo)


def _add_train(commands: _Commands[argparse.ArgumentParser]) -> None:
    train = commands.add_parser(
        "train",
        help="learn one column of a table from the others",
        epilog=_INTERRUPTING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # What is not given is left to TableModel: its defaults stand there and nowhere else.
        argument_default=argparse.SUPPRESS,
    )
    train.add_argument(
        "data", metavar="DATA", help="a CSV or Parquet file, - for the standard input"
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
        help="what it is: number, category, boolean, ordinal, date, 'day first', 'month first',"
        " 'leave out', or its words in order, as in size=small<large; may be repeated",
    )
    for option, words in _ROLES.items():
        train.add_argument(option, metavar="COLUMN", help=words)
    train.add_argument(
        "--balance", action="store_true", help="let each class count the same, however rare it is"
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
        "--members",
        type=int,
        metavar="N",
        help=f"networks whose mean is the prediction, 1 to 8; {_BY_SIZE}",
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


def _add_predict(commands: _Commands[argparse.ArgumentParser]) -> None:
    predict = commands.add_parser("predict", help="predict the target for the rows of a table")
    predict.add_argument("model", metavar="MODEL", help="a model.talweg, or the folder it lies in")
    predict.add_argument(
        "data",
        metavar="DATA",
        help="a CSV or Parquet file with the columns of training, - for the standard input",
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
    predict.set_defaults(run=_predict)


def _add_show(commands: _Commands[argparse.ArgumentParser]) -> None:
    show = commands.add_parser("show", help="say what a model is and how good it is")
    show.add_argument("model", metavar="MODEL", help="a model.talweg, or the folder it lies in")
    show.set_defaults(run=_show)


def _add_compare(commands: _Commands[argparse.ArgumentParser]) -> None:
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
    compare.set_defaults(run=_compare)


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
