"""All timings: `python -m benchmarks`, or `make bench`.

Run it on an otherwise idle machine. It takes about fifteen minutes; `--quick` takes three and is
rougher.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import Any

from benchmarks.cases import CASES, DIGITS, PREDICTION
from benchmarks.contestants import PEERS, PREDICTORS
from benchmarks.first_epoch import first_epochs
from benchmarks.page import page, slug
from benchmarks.peak import fma_peak
from benchmarks.problems import Case
from benchmarks.race import Pace, race
from benchmarks.startup import startup
from benchmarks.sweeps import sweeps, title
from benchmarks.tables import Table, tables
from benchmarks.timing import machine

RESULTS = Path(__file__).with_name("results")
"""A file for each processor that was measured."""
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_OTHERS = ("start", "7", "8", "9", "import")
ROWS = [*(case.name for case in CASES), *_OTHERS]
_QUICK = ["1", "3", "4", *_OTHERS]
Record = dict[str, Any]


def main() -> None:
    """Measure the requested rows, print each table, and add them to what this processor has."""
    options = _options()
    if options.page:
        PAGE.write_text(page([json.loads(path.read_text()) for path in sorted(RESULTS.iterdir())]))
        return
    pace = Pace(options.rounds or (3 if options.quick else 5), 0.25 if options.quick else 1.0)
    record: Record = {"machine": machine(), "rounds": pace.rounds, "seconds": pace.seconds}
    record["fma_peak"] = {dtype: fma_peak(dtype) for dtype in ("float32", "float64")}
    print(_facts(record["machine"]), flush=True)
    rows = options.rows or (_QUICK if options.quick else ROWS)
    talweg = "talweg's interpreter" if options.interpreter else "talweg"
    try:
        _measure(rows, pace, options.quick, talweg, record)
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; nothing was written")
    _write(record)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--rows", type=_rows, help=f"a list such as 1,3,start; rows: {','.join(ROWS)}"
    )
    parser.add_argument("--rounds", type=int, help="default: 5, with --quick 3")
    parser.add_argument("--quick", action="store_true", help="fewer rows and shorter rounds")
    parser.add_argument("--interpreter", action="store_true", help="run talweg on its interpreter")
    parser.add_argument(
        "--page", action="store_true", help=f"only write docs/{PAGE.name} from the last results"
    )
    return parser.parse_args()


def _rows(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in ROWS]:
        raise argparse.ArgumentTypeError(
            f"no row {', '.join(unknown)}; the rows are {', '.join(ROWS)}"
        )
    return names


def _facts(facts: Record) -> str:
    return fill(", ".join(f"{name} {value}" for name, value in facts.items()), 100)


def _measure(rows: Sequence[str], pace: Pace, quick: bool, talweg: str, record: Record) -> None:
    """Measure one table after another into the record, and print each when it is complete."""
    with TemporaryDirectory() as folder:
        caches = {"XDG_CACHE_HOME": folder, "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor"}

        def raced(cases: Sequence[Case], names: Sequence[str]) -> list[Record]:
            return [race(case, [talweg, *names], pace, caches).record() for case in cases]

        wanted = [case for case in CASES if case.name in rows]
        iterations = 6_000 if quick else 60_000
        starts = 1 if quick else min(3, pace.rounds)
        parts: list[tuple[str, bool, Callable[[], list[Record]]]] = [
            ("training", bool(wanted), lambda: raced(wanted, PEERS)),
            (
                "first_epoch",
                "start" in rows,
                lambda: _records(first_epochs([talweg, *PEERS], starts)),
            ),
            ("sweep", "7" in rows, lambda: _records(sweeps(talweg, pace.rounds, iterations))),
            ("prediction", "8" in rows, lambda: raced([PREDICTION], PREDICTORS)),
            ("watching", "9" in rows, lambda: raced([DIGITS], ["talweg watching"])),
            ("imports", "import" in rows, lambda: [vars(row) for row in startup()]),
        ]
        record["sweep_title"] = title(iterations)
        for key, asked, measure in parts:
            if asked:
                record[key] = measure()
                _show(tables({**record, **{k: None for k, _, _ in parts if k != key}}))


def _records(results: Sequence[Any]) -> list[Record]:
    return [result.record() for result in results]


def _show(tables: Sequence[Table]) -> None:
    for table in tables:
        print(f"\n{table.text()}", flush=True)


def _write(record: Record) -> None:
    """Add a record to the file of its processor, completely or not at all."""
    path = RESULTS / f"{slug(record['machine'])}.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    RESULTS.mkdir(exist_ok=True)
    half = path.with_suffix(".half")
    half.write_text(json.dumps(before | record, indent=1) + "\n")
    os.replace(half, path)
    print(f"\nwritten to {path.name}; `python -m benchmarks --page` writes docs/{PAGE.name}")


if __name__ == "__main__":
    main()
