"""A trained table in sentences: grammatical, and honest about a useless network."""

from dataclasses import replace

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.logs import Logs
from talweg.data.columns.values import number_text
from talweg.data.model.decision import Decision
from talweg.data.model.held_out import HeldOut
from talweg.data.model.trained_table import TrainedTable
from talweg.data.split.periods import InTime
from talweg.insight.notes import notes
from talweg.insight.result_sentences import decision_sentence, headline, interval_sentence, verdict
from talweg.insight.table_report import table_report
from talweg.insight.training_sentences import (
    bins_sentence,
    ending,
    rows_used,
    settings_used,
    training_sentence,
)
from talweg.nn.bins import Bins

QUICK = {"epochs": 2, "hidden": (4,), "n_estimators": 1, "bins": 0}
NUMBERS = {"size": [*range(60)], "price": [2.5 * row for row in range(60)]}
LABELS = {"size": [*range(60)], "kind": ["big" if row > 20 else "small" for row in range(60)]}


@pytest.fixture(scope="module")
def regression() -> TrainedTable:
    return tw.TableModel("price", **QUICK).fit(NUMBERS).trained


@pytest.fixture(scope="module")
def classes() -> TrainedTable:
    return tw.TableModel("kind", **QUICK).fit(LABELS).trained


def holding(trained: TrainedTable, true: object, outputs: object, prior: object) -> TrainedTable:
    held = HeldOut(*(np.array(each) for each in (true, outputs, prior)), np.ones(len(true)))
    return replace(trained, held_out=held)


def texts(trained: TrainedTable) -> list[str]:
    return [note.text for note in notes(trained)]


def told(trained: TrainedTable, **changes: object) -> TrainedTable:
    return replace(trained, training={**trained.training, **changes})


def several(trained: TrainedTable, *members: tuple[int, int, str]) -> TrainedTable:
    """As if there were so many networks: (epochs, best epoch, stopped by) of each."""
    names = ("epochs", "best_epoch", "stopped_by")
    each = [dict(zip(names, member, strict=True)) for member in members]
    blueprint = replace(trained.blueprint, members=len(members))
    return replace(told(trained, members=each), blueprint=blueprint)


def test_a_regression(regression) -> None:
    # errors 0, 0, 2 around a mean of 4: R2 = 1 - 4/8, and always 5 is off by 3, 1 and 1
    trained = holding(regression, [2.0, 4.0, 6.0], [2.0, 4.0, 8.0], [5.0])
    assert headline(trained) == (
        "On 3 rows that training never saw, the network explains 50.0% of the variance of "
        "price and is off by 0.6667 on average; always predicting the mean, 5, is off by 1.667."
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


def test_several_networks_predict_rows_that_they_never_saw(regression, classes) -> None:
    both = [(2, 1, "epochs")] * 2
    trained = several(holding(regression, [2.0, 4.0, 6.0], [2.0, 4.0, 8.0], [5.0]), *both)
    assert headline(trained) == (
        "On 3 rows, each predicted by a network that never saw it, the networks explain 50.0% of "
        "the variance of price and are off by 0.6667 on average; always predicting the mean, 5, is "
        "off by 1.667."
    )
    shares = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]]
    trained = several(holding(classes, [0, 0, 1, 1], shares, [0.7, 0.3]), *both)
    assert headline(trained).startswith(
        "On 4 rows, each predicted by a network that never saw it, the networks predict kind "
        "correctly"
    )


def test_the_last_rows_in_time_are_held_out(regression) -> None:
    late = replace(regression, in_time=InTime(("year", "month")))
    one, two = (headline(each) for each in (late, several(late, *[(2, 1, "epochs")] * 2)))
    by = "On the last 7 rows by year and month, predicted by"
    assert one.startswith(f"{by} a network trained on earlier rows only, the network expl")
    assert two.startswith(f"{by} networks trained on earlier rows only, the networks expl")
    assert "always predicting the mean of the earlier rows, " in one


def test_how_several_networks_trained(regression) -> None:
    ends = [(38, 30, "early_stopping"), (60, 52, "epochs"), (44, 29, "early_stopping")]
    trained = told(several(regression, *ends), seconds=1.234)
    assert training_sentence(trained) == (
        "Three networks of 4 units trained side by side in 1.2 s, 38 to 60 epochs each; the "
        "prediction is their mean. Two stopped because the validation loss stopped improving and "
        "one at the last epoch; each keeps the weights of its best epoch (29 to 52)."
    )
    alike = several(regression, *[(1, 1, "epochs")] * 12)
    assert " units trained side by side" in training_sentence(alike)
    assert training_sentence(alike).startswith("12 networks of 4 units")
    assert " s, 1 epoch each; " in training_sentence(alike)
    assert ending(alike) == (
        "All stopped at the last epoch; each keeps the weights of its best epoch (1)."
    )
    cut = several(regression, (3, 2, "interrupted"), (1, 0, "time_budget"))
    assert ending(cut).startswith("One stopped when training was interrupted and one because the")
    assert ending(cut).endswith("its best epoch (0 to 2).")


@pytest.mark.parametrize(
    ("hidden", "words"),
    [((), "Two networks trained"), ((8, 4, 2), "Two networks of 8, 4 and 2 units trained")],
)
def test_the_layers_are_listed(regression, hidden, words: str) -> None:
    blueprint = replace(regression.blueprint, hidden=hidden)
    trained = several(replace(regression, blueprint=blueprint), *[(2, 1, "epochs")] * 2)
    assert training_sentence(trained).startswith(words)


def test_bins_are_explained_where_there_are_any(regression) -> None:
    assert bins_sentence(regression) == ""
    binned = replace(regression.blueprint, bins=Bins({0: [0, 1, 2], 1: [0, 1, 2, 3]}))
    said = bins_sentence(replace(regression, blueprint=binned))
    assert "through up to 3 bins per column" in said
    assert said in table_report(replace(regression, blueprint=binned)).sentences()


def test_the_threshold_is_told(classes) -> None:
    assert decision_sentence(classes) == ""
    trained = replace(classes, decision=Decision(positive=1, threshold=0.3125))
    said = decision_sentence(trained)
    assert said == "A row is predicted as small if its probability is at least 0.3125."
    assert said in table_report(trained).sentences()


def test_the_use_of_the_rows_is_told(regression) -> None:
    parts = {"training": 3133, "validation": 522, "test": 522}
    trained = replace(regression, parts=parts)
    said = "3,133 rows for training, 522 for validation, 522 to test"
    assert rows_used(trained) == said
    assert rows_used(several(trained, *[(2, 1, "epochs")] * 8)) == f"each of 8 networks: {said}"


def test_settings_have_the_values_that_were_chosen(regression) -> None:
    given = settings_used(regression)
    assert given["epochs"] == 2 and given["hidden"] == (4,) and given["bins"] == 0
    assert None not in [given[name] for name in ("activation", "dropout", "batch_size", "patience")]
    assert settings_used(told(regression, left_out=3))["n_estimators"] == 4


def test_a_useless_network_is_called_so(regression, classes) -> None:
    bad = holding(regression, [1.0, 2.0, 3.0], [9.0, -9.0, 9.0], [2.0])
    assert "explains none of the variance of price (R2 -110)" in headline(bad)
    assert verdict(bad).startswith("That is worse than the trivial predictor: try a smaller")
    lost = holding(regression, [1.0, 2.0, 3.0], [np.nan, 1.0, 2.0], [2.0])
    assert "none of the variance of price (R2 nan)" in headline(lost)
    assert verdict(lost) == verdict(bad)
    same = holding(regression, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [2.0])
    assert verdict(same).startswith("That is hardly better than the trivial predictor")
    full = holding(classes, [0, 0], [[0.9, 0.1], [0.9, 0.1]], [0.7, 0.3])
    assert verdict(full).startswith("That is hardly better")


def test_one_row_and_one_epoch_are_singular(regression) -> None:
    trained = holding(regression, [1.0], [1.0], [2.0])
    assert headline(trained).startswith("On 1 row that training never saw, ")
    assert "With only 1 row held out" in " ".join(texts(trained))
    assert training_sentence(told(trained, epochs=1)).startswith("Training took 1 epoch and ")


def test_columns_without_names_are_named_by_position() -> None:
    model = tw.TableModel(-1, **QUICK).fit([[row, row * 2.0] for row in range(30)])
    assert "the variance of column 1 " in headline(model.trained)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {
                "stopped_by": "early_stopping",
                "stop_reason": "val_loss had not fallen for 25 epochs",
            },
            "It stopped because the validation loss had not fallen for 25 epochs; the network "
            "keeps the weights after epoch 7.",
        ),
        (
            {"stopped_by": "epochs", "stop_reason": "all 9 epochs were done"},
            "all 9 epochs were done",
        ),
        (
            {"stopped_by": "interrupted", "weights_taken": "of the start"},
            "keeps the weights of the start.",
        ),
        (
            {"stopped_by": "non_finite", "stop_reason": "long"},
            "because a value became NaN or infinite;",
        ),
    ],
)
def test_why_it_stopped(regression, changes, words: str) -> None:
    assert words in ending(told(regression, **{"weights_taken": "after epoch 7", **changes}))


def test_notes(regression) -> None:
    large = replace(regression, held_out=HeldOut(*4 * (np.zeros(100),)))
    early, full = (9, 1, "early_stopping"), (9, 9, "epochs")
    calm = several(large, early)
    assert texts(calm) == []
    assert texts(told(calm, stopped_by="non_finite", stop_reason="the loss ... Try this.")) == [
        "The loss ... Try this."
    ]
    assert texts(told(calm, left_out=1)) == [
        "1 more network was left out because a value became NaN or infinite."
    ]
    assert texts(told(calm, left_out=2)) == [
        "2 more networks were left out because a value became NaN or infinite."
    ]
    skewed = replace(calm.target, logs=Logs(1.0, 2.0, -5.0, 9.0))
    assert texts(replace(calm, target=skewed)) == [
        f"{calm.target.name} is strongly skewed, so the network learned its logarithm."
    ]
    assert texts(replace(calm, rows=61)) == ["1 row without a target was left out."]
    assert texts(replace(calm, rows=1062)) == ["1,002 rows without a target were left out."]
    more = ["Training used all requested epochs; more epochs may help."]
    assert texts(several(large, full)) == texts(several(large, early, full, full)) == more
    assert texts(several(large, early, full)) == []
    unasked = replace(large, settings={**large.settings, "epochs": None})
    assert texts(several(unasked, full)) == []


def test_columns_left_out_are_named_with_the_reason() -> None:
    table = {**NUMBERS, "always": ["x"] * 60, "other": [row * row for row in range(60)]}
    model = tw.TableModel("price", drop="other", **QUICK).fit(table)
    said = table_report(model.trained).sentences()
    assert "Column 'other' is left out. As requested." in said
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


def test_how_far_off_in_nine_of_ten_cases(regression, classes) -> None:
    # the 91st smallest of 100 errors, 1 to 100: ceil(101 * 0.9)
    errors = np.arange(100, 0, -1.0)
    trained = holding(regression, errors, np.zeros(100), [0.0])
    said = "In 9 of 10 cases, the true value lies within 91 of the prediction."
    assert interval_sentence(trained) == said
    assert said in table_report(trained).sentences()
    assert table_report(trained).summary[-1] == said
    logs = replace(regression.target, logs=Logs(0.0, 1.0, -5.0, 9.0))
    skewed = holding(replace(trained, target=logs), np.exp(errors / 100), np.ones(100), [1.0])
    assert interval_sentence(skewed) == said.replace("91", "a factor of 2.484")  # e^0.91
    few = holding(regression, errors[1:], np.zeros(99), [0.0])
    astray = holding(regression, errors, np.full(100, np.nan), [0.0])
    for other in (few, astray, classes):
        assert interval_sentence(other) == ""
