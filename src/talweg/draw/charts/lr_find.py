"""The loss by learning rate that `lr_find` measured, with its suggestion marked."""

from __future__ import annotations

from typing import Protocol

from talweg.draw.charts.plots import line_chart
from talweg.draw.charts.scale import Floats


class LRFindResult(Protocol):
    """What a range test found: see `talweg.train.search.lr_find`."""

    @property
    def lrs(self) -> Floats: ...
    @property
    def losses(self) -> Floats: ...
    @property
    def smoothed_losses(self) -> Floats: ...
    @property
    def suggestion(self) -> float: ...


def rate_chart(found: LRFindResult, *, title: str = "Loss by learning rate") -> str:
    """What `tw.lr_find` found, as SVG; the axis of the rates is logarithmic.

    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> found = tw.lr_find(tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(1)), X, X**2)
    >>> from talweg.draw import rate_chart
    >>> f"lr={found.suggestion:g}" in rate_chart(found)
    True
    """
    lines = {"each step": (found.lrs, found.losses), "smoothed": (found.lrs, found.smoothed_losses)}
    marks = [(found.suggestion, f"lr={found.suggestion:g}")]
    return line_chart(
        lines, title=title, x_label="learning rate", y_label="loss", marks=marks, log_x=True
    )
