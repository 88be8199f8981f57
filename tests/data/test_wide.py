"""Wide tables: time grows with the number of cells, and a time budget limits it."""

import time

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns import cells as columns
from talweg.data.model import bins_trial, learning
from talweg.insight import importance as looked_at
from talweg.insight.encoded import EncodedRows
from talweg.insight.inspection import inspect
from talweg.nn.bins import Bins

ROWS, WIDE = 60, 40


def normal(columns: int, rows: int = ROWS) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, columns))


class Counted(dict):
    """A dict that counts its lookups."""

    asked = 0

    def __getitem__(self, key):
        Counted.asked += 1
        return super().__getitem__(key)


@pytest.mark.parametrize("columns", [50, 200])
def test_columns_are_gathered_by_number_of_bins(columns: int) -> None:
    bins = Bins.from_rows(normal(columns), 8)
    bins.means, Counted.asked = Counted(bins.means), 0
    groups = bins._columns_by_size()
    assert sorted(column for group in groups for column in group) == [*range(columns)]
    assert Counted.asked <= 4 * columns


def test_columns_with_similar_numbers_of_bins_are_grouped() -> None:
    edges = {0: range(3), 1: range(10), 2: range(9), 3: range(5), 4: range(6), 5: range(3)}
    assert Bins(edges)._columns_by_size() == [[1, 2, 4], [3], [0, 5]]


BINNED = [  # case, rows, whether bins are tried
    ("numbers", normal(3), True),
    ("as many as are tried", normal(5), True),
    ("more", normal(6), False),
    ("two values each", normal(3) > 0, False),
    ("places of categories beside numbers", np.hstack([normal(5), normal(9) > 0]), True),
]


@pytest.mark.parametrize(("rows", "tried"), [row[1:] for row in BINNED], ids=[r[0] for r in BINNED])
def test_a_few_columns_go_through_bins(monkeypatch, rows, tried: bool) -> None:
    monkeypatch.setattr(bins_trial, "_MOST_BINNED", 5)
    assert (bins_trial.bins_for(rows.astype(np.float32), 8) is not None) == tried


@pytest.fixture(scope="module")
def wide() -> tw.TableModel:
    X = normal(WIDE)
    cells = np.column_stack([X, X[:, 7] * 3 + X[:, 11]])
    return tw.TableModel(-1, n_estimators=2, epochs=40, hidden=(8,), bins=0).fit(cells)


def test_of_many_columns_the_important_ones_are_shuffled(wide, monkeypatch) -> None:
    monkeypatch.setattr(looked_at, "MOST_WORK_OF_FEWEST", 1.0)
    monkeypatch.setattr(looked_at, "FEWEST_COLUMNS", 5)
    trained = wide.trained
    found = looked_at.importance(EncodedRows.of(trained, trained.unseen))
    assert (len(found.names), found.total) == (5, WIDE)
    assert found.order()[0] == "7"
    assert [*found.names] == sorted(found.names, key=int)


def test_of_few_columns_all_are_shuffled(wide) -> None:
    found = inspect(wide.trained, wide.trained.unseen).importance
    assert (len(found.names), found.total) == (WIDE, WIDE)


def test_a_report_says_how_many_columns_were_shuffled(wide, monkeypatch, tmp_path) -> None:
    page = tw.report(wide, tmp_path / "all.html").read_text(encoding="utf-8")
    assert "Each column was shuffled" in page
    monkeypatch.setattr(looked_at, "MOST_WORK_OF_FEWEST", 1.0)
    page = tw.report(wide, tmp_path / "some.html").read_text(encoding="utf-8")
    assert "Of 40 columns, the 20 most correlated with the prediction were each shuffled" in page


class Clock:
    """A fake `perf_counter` that advances by some seconds whenever networks are trained."""

    def __init__(self, monkeypatch, seconds: float) -> None:
        self.late, self.members = 0.0, []
        now, train = time.perf_counter, learning.train_members

        def slow(members, *given):
            members = [*members]
            self.members.append(len(members))
            self.late += seconds
            return train(members, *given)

        monkeypatch.setattr(learning, "train_members", slow)
        monkeypatch.setattr(learning.time, "perf_counter", lambda: now() + self.late)


BUDGETS = [  # seconds that each round takes, budget, members that train
    (0.0, 100.0, 5),
    (10.0, 15.0, 4),
    (10.0, 5.0, 2),
    (0.0, 1e-6, 2),
]


@pytest.mark.parametrize(("seconds", "budget", "trained"), BUDGETS)
def test_a_time_budget_limits_all_networks(monkeypatch, seconds, budget, trained: int) -> None:
    clock = Clock(monkeypatch, seconds)
    monkeypatch.setattr(learning, "cores", lambda: 2)
    model = tw.TableModel(-1, n_estimators=5, epochs=2, hidden=(4,), bins=0, time_budget=budget)
    model.fit(normal(3))
    assert len(model.trained.training["members"]) == sum(clock.members) == trained
    assert model.predict(normal(3)).shape == (ROWS,)


SPELLED = ["1", "-2.5", "", "nan", "NONE", "x", "1e39", "-1e400", "1_000", "inf", "٣", "007", "+4."]


@pytest.mark.parametrize("mark", ["", ".", ","])
@pytest.mark.parametrize("kept", [SPELLED, SPELLED[:5], SPELLED[:1], [*SPELLED[:8], "2"], []])
def test_texts_are_parsed_together_as_one_by_one(kept: list[str], mark: str) -> None:
    one_by_one = [columns.number(columns.cleaned(text, mark)) for text in kept]
    np.testing.assert_array_equal(columns._numbers(kept, mark), one_by_one)


def test_every_text_of_a_column_is_parsed_once(monkeypatch) -> None:
    read, numbers = [], columns._numbers
    monkeypatch.setattr(columns, "_numbers", lambda *given: read.append(1) or numbers(*given))
    cells = columns.as_cells(["1.5", "x", "?", "2"] * 3)
    for rows in (slice(None), slice(2), np.arange(3)):
        values, missing = columns.parse(cells[rows], vague=True)
        assert (len(values), missing.tolist()[:2]) == (len(cells[rows]), [False, False])
    assert len(read) == 1
    values, missing = columns.parse(cells.read_by(","), vague=True)
    np.testing.assert_array_equal(values[:4], [1.5, np.nan, np.nan, 2])
    assert missing.tolist()[:4] == [False, False, True, False]
