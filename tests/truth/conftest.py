"""Fixtures that run an example and read the numbers it prints."""

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
LESSONS = EXAMPLES / "lessons"


@pytest.fixture
def run_example(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """The printed text of an example, whose lines have at most 80 columns."""

    def run(name: str) -> str:
        (file,) = EXAMPLES.rglob(f"{name}.py")
        monkeypatch.setattr("sys.argv", [name])
        monkeypatch.syspath_prepend(str(LESSONS))
        runpy.run_path(str(file), run_name="__main__")
        printed = capsys.readouterr().out
        assert [line for line in printed.splitlines() if len(line) > 80] == []
        return printed

    return run


@pytest.fixture
def numbers_after() -> Callable[[str, str], list[float]]:
    """All numbers that follow the given words on a line of a text."""

    def numbers(text: str, words: str) -> list[float]:
        rests = re.findall(re.escape(words) + r"\s*(.*)", text)
        return [
            float(word) for rest in rests for word in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", rest)
        ]

    return numbers
