"""The defaults on thirteen real tables: talweg against scikit-learn's MLP and boosted trees.

python -m benchmarks.default_tables [--tables NAME ...] [--only talweg,MLP] [--splits 3]

Each fit runs in a process of its own with an empty compile cache (talweg a second time with the
cache of its first fit), one process after another. Each result is added to the record of earlier
runs, so one contestant can be measured again alone; the page shows the whole record.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.contestants.by_default import CONTESTANTS
from benchmarks.first_epoch import caches
from benchmarks.processes import ROOT, as_installed
from benchmarks.real_tables import FOLDER, TABLES
from benchmarks.standings import OURS, Record, page

RESULTS = Path(__file__).with_suffix(".json")
PAGE = ROOT / "docs" / "tables.md"
_PATIENCE = 900  # seconds after which a fit counts as failed
_SHOWN = ("score", "seconds", "megabytes")


def main() -> None:
    """Measure the requested fits, and write the record and the page."""
    given = _options()
    for contestant, table, split in _asked(given):
        fit = _in_a_process(contestant, table, split, given.folder)
        _keep(given.results, contestant, table, split, fit)
        shown = fit.get("failed") or ", ".join(f"{name} {fit[name]:.4g}" for name in _SHOWN)
        print(f"{table} {split} {contestant}: {shown}", flush=True)
    _write(given.out, page(_kept(given.results), given.splits))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.default_tables")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument(
        "--only", default=",".join(CONTESTANTS), help="contestants, separated by commas"
    )
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", action="store_true", help="write the page without measuring")
    given = parser.parse_args()
    given.only = given.only.split(",")
    if unknown := [name for name in given.only if name not in CONTESTANTS]:
        names = ", ".join(CONTESTANTS)
        parser.error(f"no contestant {', '.join(unknown)}; the contestants are {names}")
    return given


def _asked(given: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    if not given.page:
        for table in given.tables:
            for split in range(given.splits):
                yield from ((contestant, table, split) for contestant in given.only)


def _in_a_process(contestant: str, table: str, split: int, folder: Path) -> dict[str, Any]:
    """One fit and its scores, measured in a process with an empty cache, or why it failed."""
    asked = (contestant, table, str(split), str(folder))
    with TemporaryDirectory() as empty:
        fit = _measured(asked, Path(empty))
        if contestant == OURS and "failed" not in fit:  # once more with the cache of the first fit
            fit["again"] = _measured(asked, Path(empty)).get("seconds")
    return fit


def _measured(asked: Sequence[str], cache: Path) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.contestants.by_default", *asked],
            env={**as_installed(), **caches(cache)},
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"killed after {_PATIENCE} s"}
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        return {"failed": f"ended with {done.returncode}: {''.join(last)}"}
    fit: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return fit


def _kept(path: Path) -> Record:
    """The record of all runs, by contestant, table and split."""
    record: Record = json.loads(path.read_text()) if path.exists() else {}
    return record


def _keep(path: Path, contestant: str, table: str, split: int, fit: dict[str, Any]) -> None:
    """Add a fit to the record, which is read again since another run may have changed it."""
    record = _kept(path)
    record.setdefault(contestant, {}).setdefault(table, {})[str(split)] = fit
    _write(path, json.dumps(record, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    """Write the file completely or not at all."""
    half = path.with_name(f"{path.name}.half")
    half.write_text(text)
    os.replace(half, path)


if __name__ == "__main__":
    main()
