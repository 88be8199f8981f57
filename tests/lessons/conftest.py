"""A fixture that runs each lesson once: its printed text, the page it draws, and its names."""

import contextlib
import io
import re
import runpy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

LESSONS = Path(__file__).parents[2] / "examples" / "lessons"


@dataclass(frozen=True)
class Lesson:
    printed: str
    page: str
    files: list[str]
    names: dict[str, Any]

    def row(self, start: str, after: str = "") -> list[float]:
        """The numbers in the first line that begins with `start`, after the text `after`."""
        text = self.printed[self.printed.index(after) :]
        (rest,) = re.findall(rf"^ *{re.escape(start)}(?![\w.])(.*)$", text, re.MULTILINE)[:1]
        words = rest.replace(",", "").split()
        return [float(word) for word in words if re.fullmatch(r"nan|-?\d+\.?\d*(e[+-]\d+)?", word)]


@pytest.fixture(scope="session")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Lesson]]:
    lessons: dict[str, Lesson] = {}

    def run(name: str) -> Lesson:
        if name not in lessons:
            lessons[name] = run_lesson(name, tmp_path_factory.mktemp(name))
            assert_sound(lessons[name])
        return lessons[name]

    sys.path.insert(0, str(LESSONS))
    yield run
    sys.path.remove(str(LESSONS))


def run_lesson(name: str, folder: Path) -> Lesson:
    out, arguments = io.StringIO(), [f"{name}.py", str(folder / "page.html")]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.chdir(folder)
        patch.setattr(sys, "argv", arguments)
        names = runpy.run_path(str(LESSONS / f"{name}.py"), run_name="__main__")
    files = sorted(file.name for file in folder.iterdir())
    return Lesson(out.getvalue(), (folder / "page.html").read_text("utf-8"), files, names)


def assert_sound(lesson: Lesson) -> None:
    """A lesson prints within 80 columns and draws one page of well-formed pictures."""
    lines = lesson.printed.splitlines()
    assert len(lines) > 10
    assert [line for line in lines if len(line) > 80] == []
    assert lesson.files == ["page.html"]
    pictures = re.findall(
        r"(?s)<figure>.*?(<svg.*?</svg>)</div><figcaption>(.+?)</figcaption>", lesson.page
    )
    assert len(pictures) == lesson.page.count("<figure>") >= 1
    for picture, _ in pictures:
        svg = ElementTree.fromstring(picture)
        assert [child.tag.partition("}")[2] for child in svg][:2] == ["title", "desc"]
        assert len(picture) < 400_000 and not re.search(r"\b(nan|inf)\b", picture)
