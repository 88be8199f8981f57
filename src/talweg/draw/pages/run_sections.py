"""Sections about training, the network and its settings, for a run or a trained table."""

from __future__ import annotations

from talweg.draw.markup import Markup, tag
from talweg.draw.pages import page
from talweg.draw.pages.text import duration, rate
from talweg.insight.run_report import Network, RunReport, Settings, Speed, Training
from talweg.insight.text import setting_text


def run_facts(report: RunReport) -> list[tuple[str, str]]:
    """The facts below the summary."""
    training = report.training
    return [
        ("Epochs", f"{training.epochs:,}"),
        ("Parameters", f"{report.network.parameters:,}"),
        ("Training time", duration(training.seconds or 0.0)),
    ]


def training_section(training: Training) -> list[Markup]:
    """The curves of each metric, and the speed."""
    return [
        page.paragraph(training.text),
        *page.figures(*training.metrics),
        page.table("Speed", ("Phase", "Time or rate"), _speed(training.speed)),
    ]


def _speed(speed: Speed) -> list[tuple[str, str]]:
    rows = {"Training": speed.training, "Prediction, including encoding": speed.predicting}
    rates = [(name, rate(value)) for name, value in rows.items() if value]
    seconds = speed.compile_seconds
    return [("Compilation", duration(seconds)), *rates] if seconds is not None else rates


def network_section(network: Network) -> list[Markup]:
    """The layers, from the input on."""
    rows = [(layer.name, layer.output, layer.parameters) for layer in network.layers]
    heads, total = ("Layer", "Output", "Parameters"), network.parameters
    layers = page.table("Layers, from input to output", heads, rows, total=("All", "", total))
    copies = network.copies
    size = f"{copies} networks of this shape, {copies * total:,} parameters in total."
    return [layers, page.paragraph(f"{size if copies > 1 else ''} {network.text}".strip())]


def settings_section(settings: Settings) -> list[Markup]:
    """How to repeat the training, and all settings."""
    rows = [(name.replace("_", " "), setting_text(v)) for name, v in settings.values.items()]
    return [
        *_code("On the command line", settings.command),
        *_code("In Python", settings.code),
        page.table("All settings", ("Setting", "Value"), rows),
    ]


def _code(heading: str, lines: str) -> list[Markup]:
    return [tag("h3", heading), page.code(heading, lines)] if lines else []
