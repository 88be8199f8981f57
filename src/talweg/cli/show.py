"""`talweg show`: describes a model and its held-out scores."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from talweg.cli.terminal import print_result, say
from talweg.cli.text import columns, paragraph
from talweg.data.model.trained_table import TrainedTable
from talweg.errors import counted
from talweg.insight.run_report import Network
from talweg.insight.table_report import Data, Result, TableReport, table_report
from talweg.insight.text import number_text


def show(options: argparse.Namespace) -> None:
    """Describe a model in sentences and tables, or as JSON."""
    report = table_report(TrainedTable.from_file(model_file(options.model)))
    if options.json:
        print_result(report.json_text())
        return
    say("\n".join(map(paragraph, [report.origin, *report.sentences(), report.provenance])))
    for table in _tables(report):
        say("\n" + table)


def _tables(report: TableReport) -> Iterator[str]:
    if report.result:
        yield _scores(report.result)
    if report.data:
        yield _columns(report.data)
    if report.network:
        yield _network(report.network)


def _scores(result: Result) -> str:
    heads = ("score", "networks" if result.networks > 1 else "network", "trivial")
    rows = [(s.name, number_text(s.network), number_text(s.trivial)) for s in result.scores]
    return columns([heads, *rows])


def _columns(data: Data) -> str:
    rows = [(c.name, c.kind, str(c.inputs), f"{c.missing:,}") for c in data.columns]
    return columns([("column", "kind", "inputs", "missing"), *rows])


def _network(network: Network) -> str:
    rows = [(layer.name, layer.output, f"{layer.parameters:,}") for layer in network.layers]
    parameters, copies = counted(network.parameters, "parameter"), network.copies
    size = f"{parameters} ({network.bytes:,} bytes), {network.operations:,} operations per row"
    lines = [columns([("layer", "output", "parameters"), *rows]), size]
    if copies > 1:
        lines.append(
            f"{copies} networks of this shape, {copies * network.parameters:,} parameters in total"
        )
    return "\n".join(lines)


def model_file(path: str) -> Path:
    """The path of a model file, or of the one in a folder that `talweg train` wrote."""
    file = Path(path)
    return file / "model.talweg" if file.is_dir() else file
