"""How long it takes until something happens: importing, and the command line's help."""

from __future__ import annotations

from benchmarks.timing import Row, paired, process

_CASES = {
    "import talweg": ["-c", "import talweg"],
    "import talweg, first tensor": ["-c", "import talweg; talweg.tensor(1.0)"],
    "import numpy": ["-c", "import numpy"],
    "talweg --help": ["-c", "from talweg.cli.main import main; main(['--help'])"],
}


def startup() -> list[Row]:
    """Each case beside a Python that does nothing; the difference is what talweg adds."""
    bare = process("-c", "pass")
    return [paired(what, process(*case), "python -c pass", bare) for what, case in _CASES.items()]
