"""A contestant's own process: prepares, says so, then runs as many epochs as each line asks.

`python -m benchmarks.worker NAME FOLDER THREADS [--once]`. It speaks JSON, a line a message.
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
    """Serve until standard input closes. What the library prints goes to standard error."""
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
    except Exception as error:  # whatever a library raises, its row says so and the run goes on
        say(failed=f"{type(error).__name__}: {error}"[:500])


def _checked(problem: Problem, runner: Contestant) -> dict[str, Any]:
    """Everything compiled by a first run, whose result is judged."""
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
