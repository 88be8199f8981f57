"""Start-up time: importing talweg, and the help of its command line."""

from __future__ import annotations

from benchmarks.timing import Row, paired, process

_CASES = {
    "import talweg": ["-c", "import talweg"],
    "import talweg, first tensor": ["-c", "import talweg; talweg.tensor(1.0)"],
    "import numpy": ["-c", "import numpy"],
    "talweg --help": ["-c", "from talweg.cli.main import main; main(['--help'])"],
}


def startup() -> list[Row]:
    """Each case against an empty Python process; the difference is what talweg adds."""
    bare = process("-c", "pass")
    return [paired(name, process(*case), "python -c pass", bare) for name, case in _CASES.items()]
