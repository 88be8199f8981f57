"""`talweg demo`: train on the shellfish data that comes with talweg."""

from __future__ import annotations

import argparse
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from talweg.cli.output import locked_folder, usable_folder
from talweg.cli.terminal import say
from talweg.cli.text import columns, paragraph
from talweg.cli.train import FILES, fit_model, write_results
from talweg.data.columns.table import Table
from talweg.data.io.read import read_table
from talweg.data.model.table_model import TableModel
from talweg.settings import Number, check

_INTRODUCTION = (
    "The age of an abalone, a shellfish, is found by counting the rings of its shell under a "
    "microscope. Can a network predict them from what is quicker to measure: sex, size and weight?"
)
_CODE = """\
import talweg as tw
from talweg.cli.demo import abalone
model = tw.TableModel("rings").fit(abalone(), seed=0)"""


def demo(options: argparse.Namespace) -> None:
    """Train once, or once per seed, and write the first model and its report."""
    check("demo", {"seeds": options.seeds}, {"seeds": Number(at_least=1, whole=True)})
    out = usable_folder(options.out, FILES)
    with locked_folder(out):
        _train(out, options)


def _train(out: Path, options: argparse.Namespace) -> None:
    say(paragraph(_INTRODUCTION))
    table = abalone()
    say(f"\n{len(table):,} abalone, {len(table.names)} columns; training ...")
    model = fit_model(TableModel("rings"), table, seed=0)
    write_results(model.trained, out, command=options.command, code=_CODE)
    if options.seeds > 1:
        say("\n" + _scores_by_seed(table, model, options.seeds))


def abalone() -> Table:
    """The shellfish data (Nash et al. 1994; CC BY 4.0): 8 columns, and the rings to predict."""
    with as_file(files("talweg.data") / "abalone" / "abalone.csv") as path:
        return read_table(path)


def _scores_by_seed(table: Table, first: TableModel, seeds: int) -> str:
    """The held-out R2 for each seed, which also determines the split, and their mean."""
    models = [first, *(TableModel("rings").fit(table, seed=seed) for seed in range(1, seeds))]
    scores = [model.scores[0].network for model in models]
    rows = [("seed", "held-out R2"), *((str(i), f"{r2:.4f}") for i, r2 in enumerate(scores))]
    spread = f"{np.mean(scores):.4f} +- {np.std(scores):.4f}"
    return columns([*rows, ("mean", spread)])
