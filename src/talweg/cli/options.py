"""What the options of all commands share: the parser, and `--json`."""

from __future__ import annotations

import argparse
from typing import NoReturn, TypeAlias

from talweg.errors import visible


class Parser(argparse.ArgumentParser):
    """A parser whose error messages show control characters as escapes."""

    def error(self, message: str) -> NoReturn:
        super().error(visible(message))


# argparse has no public name for it, and it cannot be subscripted at run time.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_model(command: Parser) -> None:
    """The argument for the model that a command reads."""
    command.add_argument(
        "model", metavar="MODEL", help="a model.talweg file, or the folder that holds it"
    )


def add_json(command: Parser, text: str) -> None:
    """The option `--json`, with its help text."""
    command.add_argument("--json", action="store_true", default=False, help=text)
