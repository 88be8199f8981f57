"""`talweg show`: what a model is and how good it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from talweg.cli.terminal import say
from talweg.cli.text import columns, paragraph
from talweg.data.model.trained_table import TrainedTable
from talweg.insight.words import number_text, provenance, rows_used, sentences, target_name


def show(options: argparse.Namespace) -> None:
    """Print a model in words and tables."""
    trained = TrainedTable.from_file(model_file(options.model))
    task, rows = trained.task.capitalize(), rows_used(trained)
    learned = f"{task} of {target_name(trained)}, learned from {trained.source} ({rows})."
    say("\n".join(map(paragraph, [learned, *sentences(trained), provenance(trained)])))
    shown = [each.shown for each in trained.scores]
    scores = [(s.name, number_text(s.network), number_text(s.trivial)) for s in shown]
    say("\n" + columns([("score", _networks(trained), "trivial"), *scores]))
    missing = trained.encoder.missing
    used = [
        (each.name, each.kind, str(each.width), f"{missing.get(each.name, 0):,}")
        for each in trained.encoder.columns
    ]
    say("\n" + columns([("column", "kind", "inputs", "missing"), *used]))
    say("\n" + trained.blueprint.one().summary())
    if trained.blueprint.members > 1:
        say(f"{trained.blueprint.members} of these, {trained.net.weights.flat.size:,} parameters")


def _networks(trained: TrainedTable) -> str:
    return "networks" if trained.blueprint.members > 1 else "network"


def model_file(path: str) -> Path:
    """The model itself, or the one in the folder that `talweg train` wrote."""
    given = Path(path)
    return given / "model.talweg" if given.is_dir() else given
