"""The options of `talweg compare`."""

from __future__ import annotations

import argparse

from talweg.cli.options import Commands, add_json


def add_compare(commands: Commands) -> None:
    """Add the command to the parser."""
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
        help="score all models on this table, which must hold the target and no training rows",
    )
    compare.add_argument("--out", metavar="FILE", help="write an HTML page, such as compare.html")
    add_json(compare, "print the comparison as one JSON object")
    compare.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from talweg.cli.compare import compare

    compare(options)
