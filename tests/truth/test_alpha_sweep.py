"""Trask, "A Neural Network in 13 lines of Python (Part 2)" (2015-07-27): every published error.

Seven alphas with 4 and with 32 hidden units, mean |error| before steps 0, 10,000, .. 50,000, with
12 published digits. They agree to the last one, except where a large alpha amplifies the rounding
of sums, whose order is the engine's own.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw

ALPHAS = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
EXACT = {"rtol": 0, "atol": 1e-11}
STUCK = [0.5] * 5
# alpha: the errors from step 10,000 on, and how near ours must be
PUBLISHED = {
    4: (
        0.496410031903,
        {
            0.001: ([0.495164025493, 0.493596043188, 0.491606358559, 0.489100166544,
                     0.485977857846], EXACT),
            0.01: ([0.457431074442, 0.359097202563, 0.239358137159, 0.143070659013,
                    0.0985964298089], EXACT),
            0.1: ([0.0428880170001, 0.0240989942285, 0.0181106521468, 0.0149876162722,
                   0.0130144905381], EXACT),
            1.0: ([0.00858452565325, 0.00578945986251, 0.00462917677677, 0.00395876528027,
                   0.00351012256786], EXACT),
            10.0: ([0.00312938876301, 0.00214459557985, 0.00172397549956, 0.00147821451229,
                    0.00131274062834], EXACT),
            100.0: ([0.125476983855, 0.125330333528, 0.125267728765, 0.12523107366,
                     0.125206352756], {"rtol": 1e-8}),
            1000.0: (STUCK, EXACT),
        },
    ),
    32: (
        0.496439922501,
        {
            0.001: ([0.491049468129, 0.484976307027, 0.477830678793, 0.46903846539,
                     0.458029258565], EXACT),
            0.01: ([0.356379061648, 0.146939845465, 0.0880156127416, 0.065147819275,
                    0.0529658087026], EXACT),
            0.1: ([0.0305404908386, 0.0190638725334, 0.0147643907296, 0.0123892429905,
                   0.0108421669738], EXACT),
            1.0: ([0.00736052234249, 0.00497251705039, 0.00396863978159, 0.00338641021983,
                   0.00299625684932], EXACT),
            10.0: ([0.00224922117381, 0.00153852153014, 0.00123717718456, 0.00106119569132,
                    0.000942641990774], {"rtol": 1e-2}),
            100.0: (STUCK, EXACT),
            1000.0: (STUCK, EXACT),
        },
    ),
}  # fmt: skip


def network(hidden: int) -> tw.Sequential:
    layers = [tw.Dense(units, "sigmoid", bias=False) for units in (hidden, 1)]
    net = tw.Sequential(*layers, dtype="float64")
    np.random.seed(1)
    first = 2 * np.random.random((3, hidden)) - 1
    net.weights = {"0.weight": first, "1.weight": 2 * np.random.random((hidden, 1)) - 1}
    return net


@pytest.fixture(scope="module")
def sweep() -> tw.Sweep:
    """The published sweep; its last error is that before step 50,000."""
    return tw.sweep(
        network,
        np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]),
        [0, 1, 1, 0],
        over={"hidden": list(PUBLISHED), "lr": ALPHAS},
        loss="half_sse",
        optimizer="sgd",
        epochs=50_001,
        batch_size=None,
        metrics=["mae"],
        engine="native",
        progress=False,
    )


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("hidden", PUBLISHED)
def test_each_published_error(sweep: tw.Sweep, hidden: int, alpha: float) -> None:
    run = sweep.runs[sweep.points.index({"hidden": hidden, "lr": alpha})]
    at_start, errors = PUBLISHED[hidden]
    later, tolerance = errors[alpha]
    assert_allclose(run.history["mae"][0], at_start, **EXACT)
    assert_allclose(run.history["mae"][10_000::10_000], later, **tolerance)


def test_two_programs_serve_all_fourteen_runs(sweep: tw.Sweep) -> None:
    assert (len(sweep.runs), sweep.programs) == (14, 2)
    assert sweep.best_point == {"hidden": 32, "lr": 10.0}


def test_the_example_prints_the_published_errors(run_example, numbers_after) -> None:
    four, more = run_example("alpha_sweep").split("\n32 hidden units\n")
    for (at_start, errors), printed in zip(PUBLISHED.values(), (four, more), strict=True):
        for alpha, (later, tolerance) in errors.items():
            found = numbers_after("\n" + printed, f"\n{alpha:>5g} ")
            assert_allclose(found, [at_start, *later], rtol=tolerance["rtol"], atol=6e-9)
    assert "The least loss has alpha 10 with 32 hidden units." in more
