"""The measurement of a large table, on a small one: its command works, and counts what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from talweg.data.columns import column_builder as growing
from talweg.data.columns.column_builder import Shelf
from talweg.data.io.read import read_table
from talweg.scratch import Scratch

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = 30
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is looked up in /proc")


@pytest.fixture
def large_table(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import large_table

    return large_table


@on_linux
@pytest.mark.slow
def test_the_command_prints_seconds_memory_and_a_score(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.large_table", "--rows", "3000"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    head, _, *phases, score = done.stdout.splitlines()
    assert head.startswith(f"3,000 rows x {COLUMNS} columns")
    found = {name: list(map(float, cells)) for name, *cells in map(str.split, phases)}
    assert [*found] == ["reading", "encoding", "training", "judging", "all"]
    clock, cpu, memory, files = found["all"]
    assert clock > 0 < cpu
    assert (memory, files) == (max(each[2] for each in found.values()), 0)
    assert memory > 10  # NumPy alone takes more
    assert 0.5 < float(re.match(r"R2 (\S+)", score)[1]) < 0.9
    assert list(tmp_path.iterdir()) == []


def test_the_same_table_is_written_anew(tmp_path: Path, large_table, monkeypatch) -> None:
    monkeypatch.setattr(large_table, "_BLOCK", 400)
    for name in "ab":
        large_table.write(tmp_path / name, 1000)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    table = read_table(tmp_path / "a")
    assert (len(table), len(table.names)) == (1000, COLUMNS)
    levels = [len(each.levels) for name, each in table.columns.items() if "category" in name]
    assert levels == [*large_table.LEVELS]
    assert "" not in table.columns["target"].tolist()
    empty = [table.columns[f"number_{place}"].tolist().count("") for place in range(8)]
    assert [count > 0 for count in empty] == [place % 4 == 0 for place in range(8)]


@on_linux
def test_temporary_files_count_while_they_grow_and_once_they_are_mapped(
    tmp_path: Path, large_table, monkeypatch
) -> None:
    monkeypatch.setattr(growing, "IN_MEMORY", 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mapped, grows = Shelf().array((256, 1024), np.float32), Scratch()
    grows.append(b"12345")
    (tmp_path / "named").write_bytes(b"is no temporary file")
    with (tmp_path / "named").open():
        found = large_table._files(os.getpid(), tmp_path)
    assert sorted(found.values()) == [5, mapped.nbytes]
