"""Thirteen real tables, by default: talweg beside scikit-learn's MLP and boosted trees.

python -m benchmarks.default_tables [--tables NAME ...] [--only talweg,MLP] [--splits 3]

Each fit has a process of its own, with no compiled programs kept from before (talweg once more
with those of its first fit), and the processes run one after the other. What is measured joins the
record of earlier runs, fit by fit, so that one contestant can be measured again alone; the page
shows the whole record.
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
_TOLD = ("score", "seconds", "megabytes")


def main() -> None:
    """Measure what was asked for, and write the record and the page."""
    given = _options()
    for contestant, table, split in _asked(given):
        fit = _in_a_process(contestant, table, split, given.folder)
        _keep(given.results, contestant, table, split, fit)
        told = fit.get("failed") or ", ".join(f"{each} {fit[each]:.4g}" for each in _TOLD)
        print(f"{table} {split} {contestant}: {told}", flush=True)
    _write(given.out, page(_kept(given.results), given.splits))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.default_tables")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--only", default=",".join(CONTESTANTS), help="contestants, with commas")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", action="store_true", help="measure nothing, only write the page")
    given = parser.parse_args()
    given.only = given.only.split(",")
    if unknown := [each for each in given.only if each not in CONTESTANTS]:
        parser.error(f"no contestant {', '.join(unknown)}; there are {', '.join(CONTESTANTS)}")
    return given


def _asked(given: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    if not given.page:
        for table in given.tables:
            for split in range(given.splits):
                yield from ((each, table, split) for each in given.only)


def _in_a_process(contestant: str, table: str, split: int, folder: Path) -> dict[str, Any]:
    """One fit and its scores, measured in a process with empty caches; or why there is none."""
    asked = (contestant, table, str(split), str(folder))
    with TemporaryDirectory() as empty:
        found = _measured(asked, Path(empty))
        if contestant == OURS and "failed" not in found:  # what it keeps of the first fit counts
            found["again"] = _measured(asked, Path(empty)).get("seconds")
    return found


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
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _kept(path: Path) -> Record:
    """The record of all runs: contestant, table, split."""
    record: Record = json.loads(path.read_text()) if path.exists() else {}
    return record


def _keep(path: Path, contestant: str, table: str, split: int, fit: dict[str, Any]) -> None:
    """Read again for each fit: another run may have added to it."""
    record = _kept(path)
    record.setdefault(contestant, {}).setdefault(table, {})[str(split)] = fit
    _write(path, json.dumps(record, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    half = path.with_name(f"{path.name}.half")
    half.write_text(text)
    os.replace(half, path)


if __name__ == "__main__":
    main()
