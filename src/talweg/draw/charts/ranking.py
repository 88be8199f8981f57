"""What charts of one class against all others share: names with areas."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from talweg.draw.charts.canvas import COLORS, short
from talweg.draw.charts.scale import Floats, number
from talweg.insight.curves import Curve


def named_curves(curves: Mapping[str, Curve], word: str) -> dict[str, tuple[Floats, Floats]]:
    """As many curves as there are colors, with their areas in their names."""
    return {
        f"{short(name)}, {word} {number(curve.area, 3)}": (curve.x, curve.y)
        for name, curve in islice(curves.items(), len(COLORS))
    }


def areas_text(curves: Mapping[str, Curve]) -> str:
    """The area under the curve of each class in words."""
    areas = [f"{number(curve.area, 3)} for class {name}" for name, curve in curves.items()]
    return f"The area under the curve is {', '.join(areas)}"
