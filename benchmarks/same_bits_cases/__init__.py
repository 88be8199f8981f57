"""The runs whose bits `benchmarks.same_bits` records: one table, from a name to a function.

A name is `engine/what is tried/dtype`. A case gives the parts of its result by name.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import partial

from benchmarks.same_bits_cases.fits import FITS
from benchmarks.same_bits_cases.graphs import GATES
from benchmarks.same_bits_cases.parts import Case
from benchmarks.same_bits_cases.searches import SEARCHES
from benchmarks.same_bits_cases.tables import TABLES

ENGINES = ("numpy", "native")
DTYPES = ("float32", "float64")


def _cases() -> Iterable[tuple[str, Case]]:
    for name, make in (FITS | SEARCHES | GATES).items():
        for engine, dtype in itertools.product(ENGINES, DTYPES):
            yield f"{engine}/{name}/{dtype}", partial(make, engine=engine, dtype=dtype)
    for name, case in TABLES.items():
        yield f"native/table/{name}", case


CASES: dict[str, Case] = dict(_cases())
