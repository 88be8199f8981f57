"""Folds: every row is in one of them, and a run never sees the rows that its fold leaves out."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import talweg as tw
from talweg.errors import DataError, SettingError
from talweg.train.run import fit as fitting
from talweg.train.run.folds import Fold, dealt, kfold
from talweg.train.search import tasks

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(41, 3)).astype("float32")
Y = (X @ [[1.0], [-2.0], [0.5]] + 0.1 * RANDOM.normal(size=(41, 1))).astype("float32")
FOLDS = kfold(41, 4, test=True, seed=3)
SEEDS = [5, 9, 2, 7]
COMMON = {"epochs": 5, "batch_size": 8, "optimizer": "adam"}


def net(seed: int | None = None) -> tw.Module:
    made = tw.Sequential(tw.Dense(4, "tanh"), tw.Dense(1))
    return made if seed is None else made.init(X[:2], seed=seed)


# Dealing --------------------------------------------------------------------------------------


@given(st.integers(2, 9), st.integers(0, 300), st.integers(0, 2**64 - 1), st.integers(0, 9))
def test_every_row_is_in_one_fold_of_even_size(count, more, seed, classes) -> None:
    n = count + more
    labels = np.arange(n) % classes if classes else None
    place = dealt(n, count, stratify=labels, seed=seed)
    sizes = np.bincount(place, minlength=count)
    assert place.shape == (n,) and len(sizes) == count
    assert 1 <= sizes.max() - sizes.min() + 1 <= 2 and sizes.min() >= 1
    np.testing.assert_array_equal(place, dealt(n, count, stratify=labels, seed=seed))


def test_different_seeds_give_different_folds() -> None:
    assert not np.array_equal(dealt(100, 5, seed=1), dealt(100, 5, seed=2))


def test_the_folds_of_a_seed_stay_the_same() -> None:
    assert dealt(12, 3, seed=7).tolist() == [2, 2, 2, 1, 0, 1, 2, 1, 0, 0, 0, 1]


def test_each_fold_has_its_share_of_each_class() -> None:
    labels = np.random.default_rng(0).choice(["a", "b", "c"], 1000, p=[0.9, 0.08, 0.02])
    place = dealt(1000, 8, stratify=labels)
    for fold in range(8):
        for label in "abc":
            expected = (labels == label).sum() / 8
            assert abs((labels[place == fold] == label).sum() - expected) <= 2


def test_rare_classes_are_not_always_in_the_same_fold() -> None:
    labels = np.array([0] * 40 + [1] * 3)
    in_last = [(dealt(43, 5, stratify=labels, seed=seed)[40:] == 4).any() for seed in range(40)]
    assert 0 < sum(in_last) < 40


@given(st.integers(2, 6), st.integers(0, 2**32))
def test_groups_stay_together(count: int, seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, 3 * count, 90)
    groups[: 3 * count] = np.arange(3 * count)
    place = dealt(90, count, groups=groups, seed=seed)
    assert all(len({*place[groups == each]}) == 1 for each in {*groups.tolist()})
    sizes = np.bincount(place, minlength=count)
    assert sizes.min() > 0 and sizes.max() - sizes.min() <= np.bincount(groups).max()


def test_groups_of_one_size_fill_folds_evenly_and_by_seed() -> None:
    groups = np.repeat(np.arange(12), 5)
    places = [dealt(60, 4, groups=groups, seed=seed) for seed in (0, 1)]
    assert all(np.bincount(each).tolist() == [15] * 4 for each in places)
    assert (places[0] != places[1]).any()


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (DataError, "2 rows cannot fill 3 folds. Give more rows.", {"n": 2, "n_splits": 3}),
        (
            DataError,
            "stratify has shape (3,), but (5,) is",
            {"n": 5, "n_splits": 2, "stratify": "abc"},
        ),
        (DataError, "groups has shape (3,), but (5,) is", {"n": 5, "n_splits": 2, "groups": "abc"}),
        (DataError, "2 groups cannot fill 3 folds", {"n": 5, "n_splits": 3, "groups": "aabbb"}),
        (SettingError, "n_splits must be an integer of at least 2", {"n": 9, "n_splits": 1}),
        (SettingError, "seed must be an integer of at least 0", {"n": 9, "seed": -1}),
        (SettingError, "n must be an integer", {"n": 9.5}),
    ],
)
def test_bad_settings_are_refused(error, words, arguments) -> None:
    given = {name: [*each] if isinstance(each, str) else each for name, each in arguments.items()}
    with pytest.raises(error) as raised:
        kfold(**given)
    assert words in str(raised.value)


# Folds ----------------------------------------------------------------------------------------


def test_each_row_validates_once_and_is_tested_once() -> None:
    for part in ("validation", "test"):
        rows = np.concatenate([getattr(each, part) for each in FOLDS])
        assert sorted(rows) == list(range(41))
    for fold, after in zip(FOLDS, [*FOLDS[1:], FOLDS[0]], strict=True):
        np.testing.assert_array_equal(fold.test, after.validation)
        left = fold.training(41)
        assert sorted([*left, *fold.validation, *fold.test]) == list(range(41))
    assert all(len(each.test) == 0 for each in kfold(41, 4))
    assert [repr(each) for each in FOLDS] == [f"fold {place} of 4" for place in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("validation", "test", "words"),
    [
        ([], [0], "must contain validation rows, with indices from 0 to 4; odd has 0 rows"),
        ([5], [], "indices from 0 to 4; odd has 1 rows and the largest index 5"),
        ([-1, 2], [], "indices from 0 to 4; odd has 2 rows"),
        ([1], [7], "the largest index 7"),
        ([0, 1, 2], [3, 4], "odd leaves none of the 5 rows to train on"),
    ],
)
def test_a_fold_that_does_not_fit_is_refused(validation, test, words: str) -> None:
    fold = Fold(np.array(validation, int), np.array(test, int), "odd")
    with pytest.raises(SettingError) as raised:
        fold.training(5)
    assert words in str(raised.value)
    with pytest.raises(SettingError) as raised:
        tw.fit(net(), X[:5], Y[:5], validation=fold, epochs=1)
    assert words in str(raised.value)


# Training -------------------------------------------------------------------------------------


def same(run: tw.Run, other: tw.Run) -> None:
    np.testing.assert_array_equal(run.net.weights.flat, other.net.weights.flat)
    assert run.history.keys() == other.history.keys()
    for name, values in run.history.items():
        np.testing.assert_array_equal(values, other.history[name])
    assert (run.best_epoch, run.stopped_by) == (other.best_epoch, other.stopped_by)


@pytest.mark.parametrize("engine", ["native", "numpy"])
@pytest.mark.parametrize("weighed", [False, True])
def test_a_run_with_a_fold_equals_a_run_on_its_rows(engine: str, weighed: bool) -> None:
    """`fit` with a fold equals `fit` on copies of its rows, whatever the other rows are."""
    fold = FOLDS[1]
    left, held = fold.training(41), fold.validation
    w = RANDOM.random(41).astype("float32") if weighed else np.ones(41, "float32")
    given = {"sample_weight": w if weighed else None, "engine": engine, "seed": 4, **COMMON}
    found = tw.fit(net(1), X, Y, validation=fold, **given)
    given["sample_weight"] = w[left] if weighed else None
    parts = (X[held], Y[held], w[held])[: 3 if weighed else 2]
    expected = tw.fit(net(1), X[left], Y[left], validation=parts, **given)
    np.testing.assert_array_equal(found.net.weights.flat, expected.net.weights.flat)
    assert found.best_epoch == expected.best_epoch
    for name, values in expected.history.items():
        np.testing.assert_allclose(found.history[name], values, rtol=1e-6, err_msg=name)


def test_rows_that_a_fold_leaves_out_change_nothing() -> None:
    fold, other_x, other_y = FOLDS[2], X.copy(), Y.copy()
    other_x[fold.test], other_y[fold.test] = 1e9, -7.0
    same(
        tw.fit(net(1), X, Y, validation=fold, **COMMON),
        tw.fit(net(1), other_x, other_y, validation=fold, **COMMON),
    )


@pytest.mark.parametrize("engine", ["native", "numpy"])
@pytest.mark.parametrize("threads", [1, 2])
def test_folds_in_a_sweep_equal_runs_of_fit(engine: str, threads: int) -> None:
    stop = tw.EarlyStopping(2)
    swept = tw.sweep(
        net,
        X,
        Y,
        over={"validation": FOLDS, "seed": SEEDS},
        sampling="paired",
        threads=threads,
        engine=engine,
        stop=stop,
        **COMMON,
    )
    assert [each["seed"] for each in swept.points] == SEEDS
    assert [each["validation"] for each in swept.points] == FOLDS
    for run, fold, seed in zip(swept.runs, FOLDS, SEEDS, strict=True):
        same(
            run,
            tw.fit(net(seed), X, Y, validation=fold, seed=seed, engine=engine, stop=stop, **COMMON),
        )


def test_repeated_values_are_paired() -> None:
    over = {"lr": [0.1, 0.1, 0.01, 0.1], "seed": [1, 2, 1, 1], "validation": [*FOLDS[:3], FOLDS[0]]}
    swept = tw.sweep(net, X, Y, over=over, sampling="paired", epochs=2, optimizer="sgd")
    expected = [dict(zip(over, each, strict=True)) for each in zip(*over.values(), strict=True)]
    assert swept.points == expected
    same(swept.runs[0], swept.runs[3])


@pytest.mark.parametrize("engine", ["native", "numpy"])
@pytest.mark.parametrize("empty", [0, 1, 2])
@pytest.mark.parametrize("by", ["row", "class"])
def test_rows_of_weight_0_give_a_run_its_own_structure(engine: str, empty: int, by: str) -> None:
    """One fold leaves out more rows than the others, so its batches are smaller."""
    some = kfold(40, 3, seed=1)
    labels = np.zeros(40, int)
    labels[some[empty].validation[:9]] = 1
    weights = {"sample_weight": 1.0 - labels} if by == "row" else {"class_weight": {0: 1.0, 1: 0.0}}
    common = {"loss": "cross_entropy", "epochs": 3, "batch_size": None, "engine": engine, **weights}

    def made(seed: int) -> tw.Module:
        return tw.Sequential(tw.Dense(2)).init(X[:2], seed=seed)

    over = {"validation": some, "seed": [1, 2, 3]}
    swept = tw.sweep(made, X[:40], labels, over=over, sampling="paired", **common)
    for run, fold, seed in zip(swept.runs, some, [1, 2, 3], strict=True):
        same(run, tw.fit(made(seed), X[:40], labels, validation=fold, seed=seed, **common))


@pytest.mark.parametrize("count", [41, 129])
def test_folds_of_nearly_equal_size_share_a_recording_and_a_program(
    count: int, monkeypatch
) -> None:
    some = kfold(count, 8, test=True)
    assert len({(len(each.training(count)), len(each.validation)) for each in some}) > 1
    recorded, largest = [], some[0].largest
    record = fitting.job_of
    monkeypatch.setattr(tasks, "job_of", lambda *given: recorded.append(given) or record(*given))
    x, y = np.resize(X, (count, X.shape[1])), np.resize(Y, (count, *Y.shape[1:]))
    over = {"validation": some, "seed": [*range(8)]}
    swept = tw.sweep(net, x, y, over=over, sampling="paired", engine="native", **COMMON)
    filled = {len(each.training(count)) % 8 > 0 or len(each.validation) < largest for each in some}
    assert (len(recorded), swept.programs) == (len(filled), 1)


@pytest.mark.parametrize(
    "given",
    [
        {"over": {"seed": [1, 2], "validation": FOLDS}},
        {"over": {"seed": [1, 2], "lr": tw.Range(0.1, 1)}},
        {"over": {"seed": [1, 2]}, "points": 2},
    ],
)
def test_lists_that_cannot_be_paired_are_refused(given) -> None:
    with pytest.raises(SettingError, match="needs lists of equal length, with one value for"):
        tw.sweep(net, X, Y, sampling="paired", epochs=1, **given)
