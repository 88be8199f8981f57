"""The same bits on every processor: runs compiled for several levels of x86-64, on this one."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.processors import LEVELS, runs_here

ROOT = Path(__file__).parents[2]
RUN = """
import json, sys
from benchmarks.processors import compile_for
compile_for(sys.argv[1])
from benchmarks.same_bits import CASES, run
names = [name for name in sorted(CASES) if name.startswith("native/")][::4]
print(json.dumps({name: run(CASES[name]).bits for name in names}))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="levels of x86-64"),
]


def bits_on(level: str) -> dict[str, dict[str, str]]:
    """The hashes of some sixty runs, compiled for a level."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, level], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def on_the_lowest_level() -> dict[str, dict[str, str]]:
    return bits_on("sse")


@pytest.mark.parametrize("level", [level for level in LEVELS if level != "sse"])
def test_wider_vectors_give_the_same_bits(
    level: str, on_the_lowest_level: dict[str, dict[str, str]]
) -> None:
    if not runs_here(level):
        pytest.skip("this processor has no vectors of that width")
    assert len(on_the_lowest_level) > 50
    assert bits_on(level) == on_the_lowest_level
