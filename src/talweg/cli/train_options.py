"""The options of `talweg train`, in the groups that its help shows."""

from __future__ import annotations

import argparse

from talweg.cli.options import Commands, Parser, add_json

_BY_SIZE = "default: depends on the size of the table"
_EPILOG = """\
Ctrl-C while it trains stops the training, not the command: the best weights so
far are scored and saved, and the exit status is 0. A second Ctrl-C aborts.
SIGTERM and SIGHUP do the same, with exit status 143 or 129.
"""


def add_train(commands: Commands) -> None:
    """Add the command to the parser."""
    train = commands.add_parser(
        "train",
        help="train a model that predicts one column from the others",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # Options that are not given are left to TableModel, which holds the defaults.
        argument_default=argparse.SUPPRESS,
    )
    train.add_argument(
        "data",
        metavar="DATA",
        help="a CSV, Parquet, JSON or Excel file, or - for standard input",
    )
    train.add_argument("--out", required=True, metavar="DIR", help="the folder for the results")
    add_json(train, "print the report as one JSON object; all other output goes to standard error")
    _add_columns(train)
    _add_split(train)
    _add_classes(train)
    _add_network(train)
    _add_training(train)
    train.set_defaults(run=_run)


def _add_columns(train: Parser) -> None:
    group = train.add_argument_group("columns")
    group.add_argument(
        "--target",
        action="append",
        required=True,
        metavar="COLUMN",
        help="the column to predict: its name, or its position (0 is the first, -1 the last);"
        " repeat it to predict several numbers",
    )
    group.add_argument(
        "--task",
        choices=("regression", "classification"),
        help="default: chosen from the target column",
    )
    group.add_argument(
        "--drop", action="append", metavar="COLUMN", help="ignore this column; may be repeated"
    )
    group.add_argument(
        "--column",
        action="append",
        type=_column,
        dest="columns",
        metavar="COLUMN=KIND",
        help="how to read a column: number, category, boolean, ordinal, date, duration, 'day"
        " first', 'month first', 'decimal comma', 'decimal point', 'leave out', or its levels in"
        " order, as in size=small<large; may be repeated",
    )
    group.add_argument(
        "--weight",
        metavar="COLUMN",
        help="a column of sample weights; not an input of the network",
    )
    group.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the first row holds the column names; detected by default",
    )


def _add_split(train: Parser) -> None:
    group = train.add_argument_group("held-out rows")
    group.add_argument(
        "--groups",
        metavar="COLUMN",
        help="rows with the same value in this column stay in the same part of the split",
    )
    order = group.add_mutually_exclusive_group()
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


def _add_classes(train: Parser) -> None:
    group = train.add_argument_group("rare classes")
    group.add_argument(
        "--class-weight",
        choices=("balanced",),
        help="'balanced' gives each class the same total weight, however rare it is",
    )
    group.add_argument(
        "--threshold",
        type=_number_or_word,
        metavar="PROBABILITY",
        help="predict the rarer of two classes if its probability is at least this, or at least the"
        " value that maximizes 'balanced' accuracy or 'f1'",
    )


def _add_network(train: Parser) -> None:
    group = train.add_argument_group("network")
    group.add_argument(
        "--hidden",
        type=_sizes,
        metavar="H,H",
        help="sizes of the hidden layers, '' for none; default: 128,64",
    )
    group.add_argument("--activation", metavar="NAME", help="default: silu")
    group.add_argument(
        "--dropout",
        type=float,
        metavar="RATE",
        help=f"fraction of units dropped in each step; {_BY_SIZE}",
    )
    group.add_argument(
        "--bins",
        type=int,
        metavar="N",
        help="bins per number column, 0 for none; by default a trial run decides",
    )
    group.add_argument(
        "--n-estimators",
        type=int,
        metavar="N",
        help=f"networks in the ensemble, 1 to 8; the prediction is their mean; {_BY_SIZE}",
    )


def _add_training(train: Parser) -> None:
    group = train.add_argument_group("training")
    group.add_argument(
        "--lr",
        type=float,
        metavar="RATE",
        help="initial learning rate; it decays to 0 at the last epoch; default: 0.004",
    )
    group.add_argument(
        "--epochs", type=int, metavar="N", help=f"maximum number of epochs; {_BY_SIZE}"
    )
    group.add_argument("--batch-size", type=int, metavar="N", help=f"rows per step; {_BY_SIZE}")
    group.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help=f"stop after this many epochs without a better validation loss; {_BY_SIZE}",
    )
    group.add_argument(
        "--time-budget", type=float, metavar="SECONDS", help="stop after this time; default: none"
    )
    group.add_argument(
        "--seed", type=int, metavar="N", help="seed of the split and the weights; default: 0"
    )


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


def _run(options: argparse.Namespace) -> None:
    from talweg.cli.train import train

    train(options)
