"""A trained table in sentences: right in number, honest where the network is not worth having."""

from dataclasses import replace

import numpy as np
import pytest

import talweg as tw
from talweg.data.trained_table import HeldOut, TrainedTable
from talweg.insight.words import (
    ending,
    headline,
    notes,
    number_text,
    sentences,
    training_sentence,
    verdict,
)

NUMBERS = {"size": [*range(60)], "price": [2.5 * row for row in range(60)]}
LABELS = {"size": [*range(60)], "kind": ["big" if row > 20 else "small" for row in range(60)]}


@pytest.fixture(scope="module")
def regression() -> TrainedTable:
    return tw.TableModel("price", epochs=2, hidden=(4,)).fit(NUMBERS).trained


@pytest.fixture(scope="module")
def classes() -> TrainedTable:
    return tw.TableModel("kind", epochs=2, hidden=(4,)).fit(LABELS).trained


def holding(trained: TrainedTable, true: object, outputs: object, prior: object) -> TrainedTable:
    held = HeldOut(*(np.array(each) for each in (true, outputs, prior)))
    return replace(trained, held_out=held)


def told(trained: TrainedTable, **changes: object) -> TrainedTable:
    return replace(trained, training={**trained.training, **changes})


def test_a_regression(regression) -> None:
    # errors 0, 0, 2 around a mean of 4: R2 = 1 - 4/8, and always 5 is off by 3, 1 and 1
    trained = holding(regression, [2.0, 4.0, 6.0], [2.0, 4.0, 8.0], [5.0])
    assert headline(trained) == (
        "On 3 rows that training never saw, the network explains 50% of the variance of price "
        "(R2 0.5) and is off by 0.6667 on average; always predicting the mean, 5, is off by 1.667."
    )
    # always 5 has an R2 of 1 - 11/8: from -0.375 to 0.5 on the way to 1
    expected = "That is 63.6% of the way from the trivial predictor to a perfect one."
    assert verdict(trained) == expected


def test_a_classification(classes) -> None:
    shares = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]]
    trained = holding(classes, [0, 0, 1, 1], shares, [0.7, 0.3])
    assert headline(trained) == (
        "On 4 rows that training never saw, the network predicts kind correctly in 75.0% of them; "
        "always predicting the most frequent class, big, is correct in 50.0%."
    )
    expected = "That is 50.0% of the way from the trivial predictor to a perfect one."
    assert verdict(trained) == expected


def test_a_network_that_is_not_worth_having(regression, classes) -> None:
    bad = holding(regression, [1.0, 2.0, 3.0], [9.0, -9.0, 9.0], [2.0])
    assert "explains none of the variance of price (R2 -110)" in headline(bad)
    assert verdict(bad).startswith("That is worse than the trivial predictor: try a smaller")
    lost = holding(regression, [1.0, 2.0, 3.0], [np.nan, 1.0, 2.0], [2.0])
    assert "none of the variance of price (R2 nan)" in headline(lost)
    assert verdict(lost) == verdict(bad)
    same = holding(regression, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [2.0])
    assert verdict(same).startswith("It has hardly learned more than the trivial predictor knows")
    full = holding(classes, [0, 0], [[0.9, 0.1], [0.9, 0.1]], [0.7, 0.3])
    assert verdict(full).startswith("It has hardly learned more")


def test_one_row_and_one_epoch_are_singular(regression) -> None:
    trained = holding(regression, [1.0], [1.0], [2.0])
    assert headline(trained).startswith("On 1 row that training never saw, ")
    assert "With only 1 row held out" in " ".join(notes(trained))
    assert training_sentence(told(trained, epochs=1)).startswith("Training took 1 epoch and ")


def test_columns_without_names_are_named_by_position() -> None:
    model = tw.TableModel(-1, epochs=1, hidden=(2,)).fit([[row, row * 2.0] for row in range(30)])
    assert "the variance of column 1 " in headline(model.trained)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"stopped_by": "patience", "why": "val_loss had not fallen for 25 epochs"},
            "It stopped because the validation loss had not fallen for 25 epochs; the network "
            "keeps the weights after epoch 7.",
        ),
        ({"stopped_by": "epochs", "why": "all 9 epochs were done"}, "all 9 epochs were done"),
        ({"stopped_by": "interrupted", "kept": "of the start"}, "keeps the weights of the start."),
        ({"stopped_by": "non_finite", "why": "long"}, "because its numbers stopped being finite;"),
    ],
)
def test_why_it_stopped(regression, changes, words: str) -> None:
    assert words in ending(told(regression, **{"kept": "after epoch 7", **changes}))


def test_notes(regression) -> None:
    large = replace(regression, held_out=HeldOut(*3 * (np.zeros(100),)))
    assert notes(told(large, stopped_by="patience")) == []
    assert notes(told(large, stopped_by="epochs")) == [
        "Training used all its epochs; more of them may help."
    ]
    assert notes(told(large, stopped_by="non_finite", why="the loss ... Try this.")) == [
        "The loss ... Try this."
    ]
    assert notes(told(replace(large, rows=61), stopped_by="patience")) == [
        "1 row without a target was left out."
    ]
    assert notes(told(replace(large, rows=1062), stopped_by="patience")) == [
        "1,002 rows without a target were left out."
    ]


def test_columns_left_out_are_named_with_the_reason() -> None:
    table = {**NUMBERS, "always": ["x"] * 60, "other": [row * row for row in range(60)]}
    model = tw.TableModel("price", drop="other", epochs=1, hidden=(2,)).fit(table)
    said = sentences(model.trained)
    assert "Column 'other' is left out. As asked for." in said
    assert "Column 'always' is left out. Every cell holds 'x'." in said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0, "0"), (-0.0, "-0"), (1.5, "1.5"), (0.123456, "0.1235"), (-3.0, "-3")),
        *((999.96, "1,000"), (35012.3, "35,010"), (-1234567.0, "-1,235,000")),
        *((1e9, "1e+09"), (1.5e-7, "1.5e-07"), (float("nan"), "nan"), (float("inf"), "inf")),
    ],
)
def test_number_text(value: float, text: str) -> None:
    assert number_text(value) == text
