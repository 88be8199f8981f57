"""A command run in this process, and small tables to run it on."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from talweg.cli.main import main

ROWS = 60


class Said(NamedTuple):
    """What became of a command; `err` with its line breaks taken out."""

    status: object
    out: str
    err: str


@pytest.fixture
def talweg(capsys, monkeypatch, tmp_path: Path) -> Callable[..., Said]:
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Said:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        said = capsys.readouterr()
        return Said(ended.value.code, said.out, " ".join(said.err.split()))

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV file of rows and gives its path."""

    def table(name: str, *rows: tuple[object, ...]) -> Path:
        file = tmp_path / name
        file.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
        return file

    return table


@pytest.fixture
def houses(write) -> Path:
    """A table with a number, a category, missing cells, and a price that follows from both."""
    random = np.random.default_rng(0)
    rooms, places = random.integers(1, 9, ROWS), random.choice(["hill", "lake"], ROWS)
    rows = [
        ("" if row % 11 == 5 else size, place, 1.5 * size + (place == "lake"))
        for row, (size, place) in enumerate(zip(rooms.tolist(), places.tolist(), strict=True))
    ]
    return write("houses.csv", ("rooms", "place", "price"), *rows)


@pytest.fixture
def train(talweg, houses: Path) -> Callable[..., Said]:
    """Learns the price of houses into the folder `out` by one network, in a blink; another target
    where one is given.
    """

    def run(*arguments: object) -> Said:
        quick = ("--epochs", 3, "--hidden", 4, "--batch-size", 16, "--n-estimators", 1, "--bins", 0)
        target = () if "--target" in arguments else ("--target", "price")
        return talweg("train", houses.name, *target, "--out", "out", *quick, *arguments)

    return run


@pytest.fixture
def shared() -> Path:
    """The folder of real tables, beside the repository."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "tables"
    if not folder.is_dir():
        pytest.skip(f"the real tables are not there: no folder {folder}")
    return folder
