"""Prediction intervals: how far off the truth was on rows that a network never saw."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from talweg.errors import DataError
from talweg.settings import Number, check

Floats = NDArray[np.float64]

_COVERAGE = {"coverage": Number(above=0, below=1)}


def half_width(errors: Floats, coverage: float) -> float | Floats:
    """The distance w for which p - w .. p + w holds the truth of a new row with this probability.

    The ceil((n + 1) coverage)-th smallest of n absolute errors on unseen rows: split conformal
    prediction, whose coverage holds for any network and any errors, as long as new rows come from
    where the old ones did (Vovk et al. 2005; Lei et al. 2018). Errors of single members are taken
    for those of their mean, which errs less, so an ensemble's intervals hold rather more (Barber
    et al., Predictive inference with the jackknife+, 2021). Of errors (n, T) in T targets it is
    a distance for each by itself, (T,).

    >>> half_width(np.array([0.1, -0.2, 0.3, -0.4]), 0.6)
    0.3
    """
    coverage = check("intervals", {"coverage": coverage}, _COVERAGE)["coverage"]
    place = math.ceil((len(errors) + 1) * coverage - 1e-9)
    if place > len(errors):
        raise DataError(
            f"intervals: {len(errors)} judged rows cannot tell what holds {coverage:.1%} of all. "
            f"Ask for at most {len(errors) / (len(errors) + 1):.1%}, or train on more rows."
        )
    found = np.sort(np.abs(errors), axis=0)[place - 1]
    return found if errors.ndim > 1 else float(found)
