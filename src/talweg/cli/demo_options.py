"""The options of `talweg demo`."""

from __future__ import annotations

import argparse

from talweg.cli.options import Commands


def add_demo(commands: Commands) -> None:
    """Add the command to the parser."""
    demo = commands.add_parser("demo", help="train on the shellfish data that comes with talweg")
    demo.add_argument("--out", default="talweg-demo", metavar="DIR", help="default: %(default)s")
    demo.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="train once for each seed from 0 to N-1"
    )
    demo.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from talweg.cli.demo import demo

    demo(options)
