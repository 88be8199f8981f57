"""The options of `talweg show`."""

from __future__ import annotations

import argparse

from talweg.cli.options import Commands, add_json, add_model


def add_show(commands: Commands) -> None:
    """Add the command to the parser."""
    show = commands.add_parser("show", help="describe a model and its held-out scores")
    add_model(show)
    add_json(show, "print the description as one JSON object")
    show.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from talweg.cli.show import show

    show(options)
