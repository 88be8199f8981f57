"""Numbers that only count rows are not inputs."""

import numpy as np
import pytest

import talweg as tw

RANDOM = np.random.default_rng(0)
ROWS = 60
X = RANDOM.normal(size=ROWS).round(3)
TARGET = RANDOM.normal(size=ROWS).round(3).tolist()
KEPT = np.sort(RANDOM.permutation(80)[:ROWS])  # of 80 rows


def kind(name: str, cells: object, target: object = TARGET) -> tuple[str, str]:
    """The kind of a column next to another input, and why it is left out."""
    table = {name: list(cells), "other": X.tolist(), "target": list(target)}
    found = {column.name: column for column in tw.TableModel("target").kinds(table)}
    return found[name].kind, found[name].why


@pytest.mark.parametrize(
    ("name", "cells", "why"),
    [
        ("No", range(ROWS), "0 to 59, in their order."),
        ("time", range(ROWS), "0 to 59, in their order."),
        ("x", range(1000, 1000 + ROWS), "1000 to 1059, in their order."),
        ("x", range(-7, ROWS - 7), "-7 to 52, in their order."),
        ("x", range(0, 10 * ROWS, 10), "0 to 590, in their order."),
        ("x", range(ROWS, 0, -1), "60 to 1, in their order."),
        ("x", np.arange(1.0, ROWS + 1), "1 to 60, in their order."),
        ("x", [f"{number:05}" for number in range(ROWS)], "0 to 59, in their order."),
        ("x", KEPT, "in their order, with gaps."),
        ("x", 5 * KEPT[::-1], "in their order, with gaps."),
        ("x", [None, *range(1, ROWS)], "1 to 59, in their order."),
        ("Unnamed: 0", RANDOM.permutation(ROWS), "It names the rows"),
        ("index", RANDOM.permutation(ROWS), "It names the rows"),
        ("Nr.", RANDOM.permutation(ROWS), "It names the rows"),
        ("row", [*range(20), *range(25), *range(15)], "It numbers the rows of each group."),
    ],
)
def test_row_numbers_are_left_out(name, cells, why) -> None:
    found, reason = kind(name, cells)
    assert (found, reason[-len(why) :] if why.endswith(".") else reason[: len(why)]) == (
        "identifier",
        why,
    )


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("year", range(1900, 1900 + ROWS)),
        ("season", range(1950, 1950 + ROWS)),  # years by any name
        ("timestamp", range(1_262_304_000, 1_262_304_000 + 3600 * ROWS, 3600)),
        ("mileage", np.cumsum(RANDOM.integers(100, 900, ROWS))),
        ("height", np.sort(X)),
        ("share", np.arange(ROWS) / 10),
        ("age", np.repeat(np.arange(ROWS // 2), 2)),
        ("lap", [*range(20), *range(25), *range(15)]),  # which may well matter
        ("hour", np.arange(ROWS) % 24),
        ("no", RANDOM.integers(0, 5, ROWS)),
    ],
)
def test_amounts_are_inputs(name, cells) -> None:
    assert kind(name, cells)[0] == "number"


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_rows_without_a_target_count_too(share: float) -> None:
    missing = RANDOM.random(ROWS) < share
    target = [None if lost else value for lost, value in zip(missing, TARGET, strict=True)]
    found, why = kind("x", range(1, ROWS + 1), target)
    assert found == "identifier"
    assert why.startswith("It numbers the rows: ")


def test_a_row_number_can_be_asked_for() -> None:
    table = {"No": list(range(ROWS)), "other": X.tolist(), "target": TARGET}
    (asked, _) = tw.TableModel("target", columns={"No": "number"}).kinds(table)
    assert asked.kind == "number"
