"""The loss by learning rate that `lr_find` measured, with its suggestion marked."""

from __future__ import annotations

from typing import Protocol

from talweg.draw.charts.plots import line_chart
from talweg.draw.charts.scale import Floats


class LRFindResult(Protocol):
    """The result of a range test: see `talweg.train.search.lr_find`."""

    @property
    def lrs(self) -> Floats: ...
    @property
    def losses(self) -> Floats: ...
    @property
    def smoothed_losses(self) -> Floats: ...
    @property
    def suggestion(self) -> float: ...


def rate_chart(result: LRFindResult, *, title: str = "Loss by learning rate") -> str:
    """The result of `tw.lr_find` as SVG, with a logarithmic axis of learning rates.

    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> result = tw.lr_find(tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(1)), X, X**2)
    >>> from talweg.draw import rate_chart
    >>> f"lr={result.suggestion:g}" in rate_chart(result)
    True
    """
    lines = {
        "each step": (result.lrs, result.losses),
        "smoothed": (result.lrs, result.smoothed_losses),
    }
    marks = [(result.suggestion, f"lr={result.suggestion:g}")]
    return line_chart(
        lines, title=title, x_label="learning rate", y_label="loss", marks=marks, log_x=True
    )
