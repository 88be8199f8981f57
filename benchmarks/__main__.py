"""Everything that is measured: `python -m benchmarks`, or `make bench`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.startup import startup
from benchmarks.timing import machine, table, write
from benchmarks.training import training

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """Measure, print a table, and keep it as JSON."""
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    print(facts, flush=True)
    started = startup()
    rows = [*started, *training()]
    beyond = {row.what: round(1e3 * (row.seconds - row.baseline), 1) for row in started}
    print(table(rows))
    print("\nBeyond Python's own start, in ms:", beyond)
    write(str(RESULTS), rows, {"beyond_python_ms": beyond})
    print(f"written to {RESULTS}")


if __name__ == "__main__":
    main()
