"""`talweg predict`: a table in, its predictions out as CSV."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from pathlib import Path
from typing import TextIO

from talweg.cli.show import model_file
from talweg.data.read import read_table
from talweg.data.table_model import TableModel
from talweg.errors import DataError


def predict(options: argparse.Namespace) -> None:
    """Write a header and one row a row: the prediction, and each class's probability if asked."""
    model = TableModel.from_file(model_file(options.model))
    header = False if model.encoder.positional else None
    table = read_table(options.data, header=header)
    predicted = model.predict(table)
    names, rows = [model.coding.name], [[each] for each in predicted.tolist()]
    if options.probabilities:
        shares = model.probabilities(table)
        names += [f"probability {label}" for label in model.labels]
        rows = [row + share for row, share in zip(rows, shares.tolist(), strict=True)]
    if options.out is None:
        _write(sys.stdout, names, rows)
        return
    _write_file(Path(options.out), names, rows)
    print(f"{len(rows):,} predictions of {model.coding.name} written to {options.out}")


def _write(stream: TextIO, names: list[str], rows: list[list[object]]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)


def _write_file(file: Path, names: list[str], rows: list[list[object]]) -> None:
    """The whole file, or none: an old one stays until the new one is complete."""
    if file.is_dir() or not file.parent.is_dir():
        fault = "it is a folder" if file.is_dir() else f"there is no folder {file.parent}"
        raise DataError(f"--out {file}: {fault}; name a file in a folder that exists")
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with beside.open("w", newline="", encoding="utf-8") as stream:
            _write(stream, names, rows)
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)
