"""How a record of `insight` is drawn: its chart, the label for screen readers, the caption."""

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

    `draw` makes the SVG, `label` names it, `caption` explains it. Neighboring figures that are
    `half` as wide stand side by side.
    """

    shows: type
    draw: Callable[[Any], str]
    label: Callable[[Any], str]
    caption: Callable[[Any], str] = _no_caption
    applies: Callable[[Any], bool] = _always
    half: bool = False
