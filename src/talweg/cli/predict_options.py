"""The options of `talweg predict`."""

from __future__ import annotations

import argparse

from talweg.cli.options import Commands, add_json, add_model


def add_predict(commands: Commands) -> None:
    """Add the command to the parser."""
    predict = commands.add_parser("predict", help="predict the target for the rows of a table")
    add_model(predict)
    predict.add_argument(
        "data",
        metavar="DATA",
        help="a file with the same columns as in training, or - for standard input",
    )
    predict.add_argument(
        "--out", metavar="FILE", help="the file to write; default: standard output"
    )
    extra_columns = predict.add_mutually_exclusive_group()
    extra_columns.add_argument(
        "--probabilities",
        action="store_true",
        help="add a column with the probability of each class",
    )
    extra_columns.add_argument(
        "--intervals",
        type=float,
        metavar="COVERAGE",
        help="add columns for the ends of an interval that contains the true number in this share"
        " of cases, such as 0.9",
    )
    predict.add_argument(
        "--exact",
        action="store_true",
        help="write text unchanged; by default, an apostrophe before =, +, - or @ keeps"
        " spreadsheets from running it as a formula, and control characters become escapes",
    )
    add_json(predict, "write one JSON object per row instead of CSV")
    predict.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from talweg.cli.predict import predict

    predict(options)
