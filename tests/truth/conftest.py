"""Running an example as a person would, and reading the numbers that it prints."""

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
    """What an example prints; no line of it may be wider than 80 columns."""

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
    """The numbers on each line of a text that follow some words."""

    def numbers(text: str, words: str) -> list[float]:
        rests = re.findall(re.escape(words) + r"\s*(.*)", text)
        return [
            float(each) for rest in rests for each in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", rest)
        ]

    return numbers
