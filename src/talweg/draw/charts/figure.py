"""How a record of `insight` is drawn: the chart, its label for screen readers, and its caption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _no_caption(record: Any) -> str:
    return ""


def _always(record: Any) -> bool:
    return True


@dataclass(frozen=True)
class Figure:
    """A chart of every record of the type `shows` for which `applies` holds.

    `draw` makes the SVG, `label` names it, `caption` explains it. A `half` stands beside its
    neighbor if that is half as wide, too.
    """

    shows: type
    draw: Callable[[Any], str]
    label: Callable[[Any], str]
    caption: Callable[[Any], str] = _no_caption
    applies: Callable[[Any], bool] = _always
    half: bool = False
