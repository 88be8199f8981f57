"""The validation rows of a sweep: a share that is held out is the same for all runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.random import SPLIT, generator

RANDOM = np.random.default_rng(2)
N = 24
X = RANDOM.normal(size=(N, 3))
Y = X[:, :1] + RANDOM.normal(size=(N, 1))
COMMON: dict[str, Any] = {"epochs": 4, "validation": 0.25, "restore_best": False, "progress": False}


def build(hidden: int = 3) -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, "tanh"), tw.Dense(1), dtype="float64")


def rows_of(seed: int, share: float = 0.25) -> np.ndarray:
    """The rows that `fit` holds out by this seed."""
    return np.sort(generator(seed, SPLIT).permutation(N)[: round(share * N)])


def assert_judged_by(rows: np.ndarray, runs: Sequence[tw.Run]) -> None:
    assert len(runs) > 1
    for run in runs:
        loss = np.mean((run.net.predict(X[rows]) - Y[rows]) ** 2)
        assert_allclose(run.history["val_loss"][-1], loss, rtol=1e-12)


SEEDS = range(5, 9)
SWEEPS: dict[str, tuple[int, dict[str, Any]]] = {
    "seeds": (0, {"over": {"seed": SEEDS}}),
    "the sweep's own seed": (7, {"over": {"seed": SEEDS}, "seed": 7}),
    "seeds and structures": (0, {"over": {"seed": SEEDS, "hidden": [2, 40]}}),
    "seeds and rates": (3, {"over": {"seed": SEEDS, "lr": [0.01, 0.1]}, "seed": 3}),
    "single runs": (0, {"over": {"seed": SEEDS, "hidden": [60]}}),
    "interpreted": (0, {"over": {"seed": SEEDS}, "engine": "numpy"}),
    "drawn": (1, {"over": {"lr": tw.Range(0.01, 0.1), "seed": SEEDS}, "points": 6, "seed": 1}),
    "weighed rows": (0, {"over": {"seed": SEEDS}, "sample_weight": np.ones(N)}),
    "a NumPy share": (0, {"over": {"seed": SEEDS}, "validation": np.float32(0.25)}),
    "a share that is swept": (0, {"over": {"validation": [0.25, 0.25], "seed": SEEDS}}),
    "rows with a seed of their own": (
        9, {"over": {"seed": SEEDS}, "validation": tw.Holdout(0.25, 9)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SWEEPS)
def test_the_seed_of_the_sweep_draws_the_validation_rows(name: str) -> None:
    seed, given = SWEEPS[name]
    assert_judged_by(rows_of(seed), tw.sweep(build, X, Y, **{**COMMON, **given}).runs)


def test_validation_rows_stay_the_same_with_halving_and_after_a_resume(tmp_path: Path) -> None:
    given = {
        **COMMON,
        "over": {"seed": SEEDS},
        "halving": tw.SuccessiveHalving(1, factor=2),
        "seed": 4,
    }
    given["checkpoint"] = tmp_path / "a.sweep"
    for resume in (False, True):
        assert_judged_by(rows_of(4), tw.sweep(build, X, Y, resume=resume, **given).runs)


def test_the_first_seed_of_restarts_draws_the_validation_rows() -> None:
    found = tw.restarts(build, X, Y, starts=3, seed=6, **COMMON)
    assert_judged_by(rows_of(6), found.runs)


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_a_run_of_fit_with_a_holdout_has_the_bits_of_the_sweep(engine: str) -> None:
    sweep = tw.sweep(build, X, Y, over={"seed": [8, 9]}, seed=2, engine=engine, **COMMON)
    for seed, run in zip([8, 9], sweep.runs, strict=True):
        given = {**COMMON, "validation": tw.Holdout(0.25, seed=2), "engine": engine}
        alone = tw.fit(build(), X, Y, seed=seed, **given)
        assert_array_equal(alone.net.weights.flat, run.net.weights.flat)
        assert_array_equal(alone.history["val_loss"], run.history["val_loss"])


def test_a_run_of_fit_holds_out_the_rows_of_its_own_seed() -> None:
    runs = [tw.fit(build(), X, Y, seed=5, **COMMON) for _ in range(2)]
    assert_judged_by(rows_of(5), runs)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"share": "0.2"}, "share must be a number"),
        ({"share": 0.2, "seed": -1}, "seed must be"),
        ({"share": 0.2, "seed": 1.5}, "seed must be"),
    ],
)
def test_bad_holdouts_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(tw.SettingError, match=f"Holdout: {words}"):
        tw.Holdout(**given)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 0.001, 0.999])
def test_a_share_that_leaves_no_rows_is_refused(share: float) -> None:
    with pytest.raises(tw.SettingError, match="leaves no row for training or none for validation"):
        tw.fit(build(), X, Y, validation=tw.Holdout(share))
