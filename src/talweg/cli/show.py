"""`talweg show`: what a model is, where it comes from, and how good it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from talweg.cli.text import columns, paragraph
from talweg.data.table_model import TableModel
from talweg.insight.words import headline, notes, number_text, training_sentence


def show(options: argparse.Namespace) -> None:
    """Print a model in words and tables."""
    model = TableModel.from_file(model_file(options.model))
    parts = ", ".join(f"{count:,} {name}" for name, count in model.parts.items())
    print(f"{model.task} of {model.coding.name}, learnt from {model.source} ({parts} rows)\n")
    print(paragraph(headline(model)))
    print(paragraph(training_sentence(model)) + "\n")
    scores = [(s.name, number_text(s.network), number_text(s.trivial)) for s in model.scores]
    print(columns([("score", "network", "trivial"), *scores]) + "\n")
    used = [(each.name, each.kind, str(each.width)) for each in model.encoder.columns]
    print(columns([("column", "kind", "inputs"), *used]) + "\n")
    print(model.net.summary())
    for each in notes(model):
        print(paragraph(each))


def model_file(path: str) -> Path:
    """The model itself, or the one in the folder that `talweg train` wrote."""
    given = Path(path)
    return given / "model.talweg" if given.is_dir() else given
