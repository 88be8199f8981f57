"""The process of a contestant: it prepares, reports, and runs the epochs that each line asks for.

`python -m benchmarks.worker NAME FOLDER THREADS [--once]`. Each reply is one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.contestants import Contestant, NotComparable, contestant
from benchmarks.problems import Problem, load
from benchmarks.processes import peak_megabytes


def main(name: str, folder: str, threads: str, *once: str) -> None:
    """Serve until standard input closes. The library's own output goes to standard error."""
    replies, sys.stdout = sys.stdout, sys.stderr

    def say(**message: Any) -> None:
        print(json.dumps(message), file=replies, flush=True)

    try:
        problem = load(Path(folder))
        runner: Contestant = contestant(name)(problem, int(threads))
        if once:
            runner.run(1)
            say(peak_megabytes=peak_megabytes(), remark=runner.remark)
        else:
            say(**_checked(problem, runner))
            _serve(runner, say)
    except NotComparable as reason:
        say(not_comparable=str(reason))
    except (
        Exception
    ) as error:  # a failing library becomes a cell of the table and does not end the benchmark
        say(failed=f"{type(error).__name__}: {error}"[:500])


def _checked(problem: Problem, runner: Contestant) -> dict[str, Any]:
    """Run once, which compiles everything, and compute the loss of the result."""
    from benchmarks.judge import judged

    runner.reset()
    runner.run(problem.case.check_epochs)
    return {"judged": judged(problem, runner.result()), "remark": runner.remark}


def _serve(runner: Contestant, say: Any) -> None:
    for line in sys.stdin:
        runner.reset()
        start = time.perf_counter()
        runner.run(int(line))
        taken = time.perf_counter() - start
        say(seconds=taken - runner.setup, setup=runner.setup)


if __name__ == "__main__":
    main(*sys.argv[1:])
