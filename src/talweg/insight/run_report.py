"""The report of a run: how it went, its network and its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talweg.errors import counted
from talweg.insight.record import Record, Report
from talweg.nn import Module
from talweg.nn.summary import layer_rows, operations_per_row
from talweg.train.run.run import Run

_METRICS = {
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "r2": "R²",
}


@dataclass(frozen=True, eq=False)
class MetricCurves:
    """One metric by epoch, on training rows and, if there are any, on validation rows."""

    metric: str
    curves: Mapping[str, NDArray[np.float64]]
    epochs: int
    best_epoch: int | None
    networks: int


@dataclass(frozen=True, kw_only=True)
class Speed(Record):
    """Seconds of compiling, and rows per second of training and of predicting, if known."""

    compile_seconds: float | None = None
    training: float | None = None
    predicting: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Training(Record):
    """How training went: `history` has one entry per epoch, "val_" naming validation metrics.

    With several `networks`, it is the history of the first. `text` says how long training took and
    why it stopped.
    """

    history: Mapping[str, ArrayLike]
    epochs: int
    text: str = ""
    best_epoch: int | None = None
    networks: int = 1
    seconds: float | None = None
    speed: Speed = Speed()

    @property
    def metrics(self) -> list[MetricCurves]:
        """The curves of each metric."""
        names = dict.fromkeys(name.removeprefix("val_") for name in self.history)
        return [self._curves(name) for name in names]

    def _curves(self, name: str) -> MetricCurves:
        keys = {"training": name, "validation": f"val_{name}"}
        curves = {
            label: np.ravel(np.asarray(self.history[key], np.float64))
            for label, key in keys.items()
            if key in self.history
        }
        metric = _METRICS.get(name, name.replace("_", " "))
        return MetricCurves(metric, curves, self.epochs, self.best_epoch, self.networks)


@dataclass(frozen=True)
class Layer(Record):
    """A layer of a network, with the shape of its output for N rows."""

    name: str
    output: str
    parameters: int


@dataclass(frozen=True, kw_only=True)
class Network(Record):
    """The layers, from the input on, of each of `copies` networks of one shape.

    `bytes` is the size of the parameters of one network, `operations` what it does per row.
    """

    derived = ("parameters", "total_parameters")
    layers: Sequence[Layer]
    copies: int = 1
    text: str = ""
    bytes: int = 0
    operations: int = 0

    @property
    def parameters(self) -> int:
        """The number of parameters of one network."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def total_parameters(self) -> int:
        """The number of parameters of all copies."""
        return self.copies * self.parameters

    @staticmethod
    def of(net: Module, first: Sequence[Layer] = (), *, copies: int = 1, text: str = "") -> Network:
        """The record of a network; `first` are layers without parameters before its own."""
        rows = layer_rows(net)
        layers = [Layer(row.kind, shape_text(row.output), row.parameters) for row in rows]
        return Network(
            layers=[*first, *layers],
            copies=copies,
            text=text,
            bytes=net.weights.flat.nbytes,
            operations=operations_per_row(net),
        )


def shape_text(output: Sequence[int]) -> str:
    """The shape of an output for N rows, as (N, 8)."""
    return f"({', '.join(map(str, ('N', *output)))})"


@dataclass(frozen=True, kw_only=True)
class Settings(Record):
    """What repeats the training: a command line, lines of Python, and all settings by name."""

    command: str = ""
    code: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class RunReport(Report):
    """The report of a run of `fit`."""

    kind = "run"
    training: Training
    network: Network
    settings: Settings
    watched: Mapping[str, ArrayLike] = field(default_factory=dict)


def run_report(run: Run) -> RunReport:
    """Everything that a page shows about a run."""
    return RunReport(
        title=f"A run of {counted(run.epochs, 'epoch')}",
        summary=_summary(run),
        training=Training(
            history=run.history,
            epochs=run.epochs,
            text=f"It took {counted(run.steps, 'step')} in {run.seconds:.2g} s.",
            best_epoch=run.restored_epoch,
            seconds=run.seconds,
            speed=Speed(compile_seconds=run.compile_seconds),
        ),
        network=Network.of(run.net),
        settings=Settings(values=run.settings),
        watched=run.watched,
    )


def _summary(run: Run) -> tuple[str, ...]:
    """The last losses, why training stopped, and what became of a run that failed."""
    ends = [f"{name} {values[-1]:.6g}" for name, values in run.history.items() if len(values)]
    last = [f"At the last epoch: {', '.join(ends)}."] if ends else []
    stopped = (
        f"Training stopped because {run.stop_reason}; the weights are those {run.weights_taken}."
    )
    return *last, stopped, *([run.failure.message] if run.failure else [])
