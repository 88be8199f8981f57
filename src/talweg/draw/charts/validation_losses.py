"""The validation losses of several models by epoch."""

from __future__ import annotations

from itertools import islice

from talweg.draw.charts.canvas import COLORS, short
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.plots import line_chart
from talweg.insight.comparison import ValidationLosses

_CAPTION = (
    "Each on its own validation rows. For numbers, it is the loss of the standardized target."
)


def _draw(record: ValidationLosses) -> str:
    curves = islice(record.curves.items(), len(COLORS))
    return line_chart(
        {short(name): (range(1, len(loss) + 1), loss) for name, loss in curves},
        title="Validation loss by epoch",
        x_label="epoch",
        y_label="validation loss",
    )


VALIDATION_LOSSES = Figure(
    ValidationLosses,
    _draw,
    label=lambda record: "Chart: validation loss by epoch",
    caption=lambda record: _CAPTION,
)
