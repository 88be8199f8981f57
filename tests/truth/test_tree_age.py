"""The article's numbers for the tree-age network of "Adventure of the Neurons".

The weights are a CONSTRUCTED instance: the article shows its own only in pictures.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw

TREE, AGE = np.array([[5.0, 7.0]]), np.array([[5.0]])
EXACT = {"rtol": 1e-14}


@pytest.fixture
def net() -> tw.Sequential:
    layers = [tw.Dense(units, lambda total: total + 0.5, bias=False) for units in (2, 1)]
    net = tw.Sequential(*layers, dtype="float64")
    net.weights = {"0.weight": [[0.2, 1.0], [0.4, 0.5]], "1.weight": [[0.5], [0.4]]}
    return net


def test_prediction_and_loss(net: tw.Sequential) -> None:
    prediction = net(TREE)
    assert_allclose(net.layers[0](TREE).value, [[4.3, 9.0]], **EXACT)
    assert_allclose(prediction.item(), 6.25, **EXACT)
    assert_allclose(tw.mse(prediction, AGE).item(), 1.5625, **EXACT)


@pytest.mark.parametrize("loss", ["mse", "sse"])  # equal on a single row
def test_one_step(net: tw.Sequential, loss: str) -> None:
    run = tw.fit(net, TREE, AGE, loss=loss, optimizer=tw.SGD(lr=0.05), epochs=1)
    assert_allclose(run.history["loss"], [1.5625], **EXACT)
    assert_allclose(net.weights["0.weight"][0, 0], -0.1125, **EXACT)
    assert_allclose(net.predict(TREE).item(), -3.3303, atol=5e-5)


def test_a_relation_that_holds_for_every_instance(net: tw.Sequential) -> None:
    """The article's text implies w1 = 6.25 (eta c) v1 - 0.1125, with c = 2 for the square."""
    w1, v1, eta = 0.2, 0.5, 0.05
    assert_allclose(w1, 6.25 * eta * 2 * v1 - 0.1125, **EXACT)


def test_three_stopping_rules(net: tw.Sequential) -> None:
    settings = {"optimizer": tw.SGD(lr=0.001), "epochs": 10_000}
    run = tw.fit(net, TREE, AGE, stop=tw.MinDecrease(0.05), **settings)
    falls = -np.diff(run.history["loss"])
    assert run.stopped_by == "min_decrease"
    assert (falls[:-1] > 0.05).all() and falls[-1] <= 0.05
    run = tw.fit(net, TREE, AGE, stop=tw.TargetLoss(0.001), **settings)
    assert run.stopped_by == "target_loss"
    assert run.history["loss"][-1] <= 0.001 < run.history["loss"][-2]
    # training on another age makes the validation loss rise while the training loss falls
    run = tw.fit(net, TREE, AGE + 1, stop=tw.EarlyStopping(3), validation=(TREE, AGE), **settings)
    assert run.stopped_by == "early_stopping" and run.best_epoch == 1 and run.epochs == 4
    assert run.history["loss"][-1] < run.history["loss"][0]
    assert run.history["val_loss"][-1] > run.history["val_loss"][0]


def test_the_lesson_prints_the_published_numbers(run_example, numbers_after) -> None:
    printed = run_example("tree_age")
    assert "constructed instance" in printed
    for line in ("prediction 6.2500", "loss 1.5625", "new w1 -0.1125", "new prediction -3.3303"):
        assert f"  {line}" in printed
    assert numbers_after(printed, "new w1 =")[-1] == -0.1125
    for rule in ("min_decrease", "target_loss", "early_stopping"):
        assert f"stopped by {rule}" in printed
