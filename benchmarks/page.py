"""The page docs/performance.md: the tables of every processor that was measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.tables import tables

Record = Mapping[str, Any]
_HEAD = """# Performance

Each section is one run of `make bench` on one processor, in which talweg and its peers took turns.
Only ratios within a section mean anything: machines are shared, and times differ from hour to hour.
[The design](design.md) says what is not reached, and why.
"""


def slug(machine: Record) -> str:
    """The name of a processor in file names."""
    name = f"{machine['processor']} {machine['cpu']}".lower()
    return re.sub("[^a-z0-9]+", "-", name).strip("-")


def page(records: Sequence[Record]) -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *map(_section, records)])


def _section(record: Record) -> str:
    machine = record["machine"]
    facts = ", ".join(f"{name} {value}" for name, value in machine.items() if name != "processor")
    parts = [f"## {machine['processor']}, {machine['cpu']}", f"{facts}.", _peaks(record)]
    return "\n\n".join([*parts, *(table.markdown() for table in tables(record))]) + "\n"


def _peaks(record: Record) -> str:
    rates = [f"{rate / 1e9:.0f} in {dtype}" for dtype, rate in record["fma_peak"].items()]
    return f"Peak of fma on one core, billions of operations a second: {', '.join(rates)}."
