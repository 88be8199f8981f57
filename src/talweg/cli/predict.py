"""`talweg predict`: a table in, its predictions out as CSV."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from talweg.cli.output import usable_file, whole_or_nothing
from talweg.cli.show import model_file
from talweg.data.trained_table import TrainedTable
from talweg.insight.words import target_name


def predict(options: argparse.Namespace) -> None:
    """Write a header and one line a row: the prediction, and each class's probability if asked."""
    out = usable_file(options.out, options.data) if options.out else None
    trained = TrainedTable.from_file(model_file(options.model))
    table = trained.table(options.data)
    names, columns = [trained.coding.name], [trained.predict(table)]
    if options.probabilities:
        columns += [*trained.probabilities(table).T]
        names += [f"probability {label}" for label in trained.labels]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    if out is None:
        _write(sys.stdout, names, rows)
        return
    with (
        whole_or_nothing(out.parent) as hidden,
        (hidden / out.name).open("w", newline="", encoding="utf-8") as file,
    ):
        _write(file, names, rows)
    print(f"{len(table):,} predictions of {target_name(trained)} written to {out}")


def _write(stream: TextIO, names: list[str], rows: Iterable[Any]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
