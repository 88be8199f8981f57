"""`talweg`: the arguments of each command, and what becomes of errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from talweg.errors import TalwegError
from talweg.version import VERSION

_ABOUT = "Train a neural network on a table, and see how and why it learns."
_EXAMPLE = """\
examples:
  talweg demo
  talweg train houses.csv --target price --out houses
  talweg predict houses/model.talweg new.csv --out prices.csv
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit: 0 when done, 2 for an error, 130 when interrupted."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except (TalwegError, OSError) as error:
        print(f"talweg: {_in_words(error)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("talweg: interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or 'a file'}"
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
    train = commands.add_parser("train", help="learn one column of a table from the others")
    train.add_argument("data", metavar="DATA", help="a CSV file, with or without a header")
    train.add_argument(
        "--target",
        required=True,
        metavar="COLUMN",
        help="the column to predict: its name, or its position from 0, -1 being the last",
    )
    train.add_argument("--out", required=True, metavar="DIR", help="where the results go")
    train.add_argument("--task", choices=("regression", "classification"))
    train.add_argument(
        "--drop", action="append", default=[], metavar="COLUMN", help="leave out; may be repeated"
    )
    train.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the first row names the columns; seen from the file otherwise",
    )
    train.add_argument("--hidden", default="128,64", metavar="H,H", help="default: %(default)s")
    train.add_argument("--activation", default="silu", help="default: %(default)s")
    train.add_argument("--lr", type=float, default=0.001, help="default: %(default)s")
    train.add_argument("--epochs", type=int, default=300, help="at most; default: %(default)s")
    train.add_argument("--batch-size", type=int, help="default: by the number of rows")
    train.add_argument(
        "--patience", type=int, default=25, help="epochs without improvement; default: %(default)s"
    )
    train.add_argument("--time-budget", type=float, metavar="SECONDS")
    train.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    train.set_defaults(run=_train)


def _add_predict(commands: _Commands[argparse.ArgumentParser]) -> None:
    predict = commands.add_parser("predict", help="predict the target for the rows of a table")
    predict.add_argument("model", metavar="MODEL", help="a model.talweg, or the folder it lies in")
    predict.add_argument("data", metavar="DATA", help="a CSV file with the columns of training")
    predict.add_argument("--out", metavar="FILE", help="a CSV file; printed without it")
    predict.add_argument(
        "--probabilities", action="store_true", help="a column for each class as well"
    )
    predict.set_defaults(run=_predict)


def _add_show(commands: _Commands[argparse.ArgumentParser]) -> None:
    show = commands.add_parser("show", help="say what a model is and how good it is")
    show.add_argument("model", metavar="MODEL", help="a model.talweg, or the folder it lies in")
    show.set_defaults(run=_show)


def _demo(options: argparse.Namespace) -> None:
    from talweg.cli.demo import demo

    demo(options)


def _train(options: argparse.Namespace) -> None:
    from talweg.cli.train import train

    train(options)


def _predict(options: argparse.Namespace) -> None:
    from talweg.cli.predict import predict

    predict(options)


def _show(options: argparse.Namespace) -> None:
    from talweg.cli.show import show

    show(options)
