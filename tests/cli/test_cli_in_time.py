"""The command says when rows are in the order of time, and can be told otherwise."""

from pathlib import Path

import numpy as np
import pytest

import talweg as tw

RANDOM = np.random.default_rng(5)
ROWS = 96
LEVEL = (np.sin(np.arange(ROWS) / 3) + RANDOM.normal(size=ROWS) / 9).round(3).tolist()
QUICK = (
    "--target",
    "y",
    "--out",
    "out",
    "--epochs",
    4,
    "--hidden",
    4,
    "--n-estimators",
    2,
    "--bins",
    0,
)
MONTHS = [(1990 + row // 12, 1 + row % 12) for row in range(ROWS)]


@pytest.fixture
def dated(write) -> str:
    """A file with a date that rises."""
    rows = [(f"{year}-{month:02}", y) for (year, month), y in zip(MONTHS, LEVEL, strict=True)]
    return str(write("dated.csv", ("at", "y"), *rows).name)


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_order_is_told_before_training_and_after(talweg, dated) -> None:
    said = talweg("train", dated, *QUICK)
    assert said.status == 0
    assert words(said.err).startswith(
        "note: The rows are in time order by at, so the held-out rows"
    )
    assert "--shuffle" in said.err and "time=False" in said.err
    for word in (
        "On the last 24 rows by at, predicted by networks trained on earlier rows only,",
        "In 4 successive periods of about 12 rows,",
    ):
        assert word in words(said.out)
        assert word in words(talweg("show", "out").out)
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert "R2, period by period" in page and "1994-01" in page
    assert "so the held-out rows come after the training rows" in page


def test_rows_are_shuffled_where_asked(talweg, dated) -> None:
    said = talweg("train", dated, *QUICK, "--shuffle")
    assert (said.status, said.err) == (0, "")
    assert "each predicted by a network that never saw it" in words(said.out)
    trained = tw.load("out/model.talweg").trained
    assert trained.settings["time"] is False and trained.in_time is None
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert "time=False" in page


def test_several_columns_tell_the_time(talweg, write) -> None:
    rows = [(month, year, y) for (year, month), y in zip(MONTHS, LEVEL, strict=True)]
    name = write("parts.csv", ("m", "season", "y"), *rows).name
    said = talweg("train", name, *QUICK, "--time", "season", "--time", "m")
    assert (said.status, said.err) == (0, "")
    assert "the last 24 rows by season and m" in words(said.out)
    assert tw.load("out/model.talweg").trained.settings["time"] == ("season", "m")


def test_one_order_is_asked_for(talweg, dated) -> None:
    said = talweg("train", dated, *QUICK, "--shuffle", "--time", "at")
    assert said.status == 2
    assert "not allowed with argument" in said.err


def test_a_score_that_is_too_optimistic_is_noted_once(talweg, write) -> None:
    order = RANDOM.permutation(ROWS)
    trend = np.cumsum(RANDOM.normal(size=ROWS)) + np.arange(ROWS)
    rows = [("{}-{:02}".format(*MONTHS[row]), round(float(trend[row]), 3)) for row in order]
    name = write("mixed.csv", ("at", "y"), *rows).name
    quick = ("--target", "y", "--out", "out", "--hidden", 30, "--n-estimators", 2, "--bins", 0)
    said = talweg("train", name, *quick)
    assert (said.status, said.err) == (0, "")
    assert words(said.out).count("The scores are too optimistic: rows were held out at random") == 1
    assert "train with time='at'" in words(said.out)
