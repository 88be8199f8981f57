"""The arguments of `talweg`: its own, and those of each command."""

from __future__ import annotations

import argparse

from talweg.cli.compare_options import add_compare
from talweg.cli.demo_options import add_demo
from talweg.cli.options import Parser
from talweg.cli.predict_options import add_predict
from talweg.cli.show_options import add_show
from talweg.cli.train_options import add_train
from talweg.version import VERSION

_DESCRIPTION = "Train a neural network on a table, and see how and why it learns."
_EPILOG = """\
examples:
  talweg demo
  talweg train houses.csv --target price --out houses
  talweg predict houses/model.talweg new.csv --out prices.csv

exit status: 0 for success, 2 for an error, 1 for a bug in talweg, 130 for
Ctrl-C, and 128 plus its number for any other signal (143 for SIGTERM)
"""


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    top = Parser(
        prog="talweg",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"talweg {VERSION}")
    top.add_argument("--traceback", action="store_true", help="show the traceback of an error")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add_command in (add_demo, add_train, add_predict, add_show, add_compare):
        add_command(commands)
    return top
