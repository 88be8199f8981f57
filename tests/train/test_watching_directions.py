"""Direction changes of each weight in 60,000 steps, as published in Trask, "A Neural Network in 13
lines of Python, Part 2" (2015-07-27).
"""

import numpy as np
import pytest

import talweg as tw

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1.0]])
Y = [0, 1, 1, 0]
FEW = [[1, 1, 0, 0], [2, 0, 0, 2], [4, 2, 1, 1]], [2, 1, 0, 1]
PUBLISHED = {
    0.001: ([[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 1, 1]], [1, 1, 0, 1]),
    0.01: FEW,
    0.1: FEW,
    1.0: FEW,
    10.0: ([[7, 19, 2, 6], [7, 2, 0, 22], [19, 26, 9, 17]], [22, 15, 4, 15]),
}


@pytest.mark.parametrize("alpha", PUBLISHED)
def test_the_published_changes_of_direction(alpha: float) -> None:
    np.random.seed(1)
    start = [2 * np.random.random(shape) - 1 for shape in ((3, 4), (4, 1))]
    layers = [tw.Dense(each.shape[1], "sigmoid", bias=False) for each in start]
    net = tw.Sequential(*layers, dtype="float64")
    net.weights = {f"{i}.weight": each for i, each in enumerate(start)}
    settings = {"loss": "half_sse", "epochs": 60_000, "batch_size": None}
    rule = tw.SGD(lr=alpha)
    run = tw.fit(net, X, Y, optimizer=rule, watch=["direction_changes"], **settings)
    first, second = PUBLISHED[alpha]
    assert run.direction_changes["0.weight"].tolist() == first
    assert run.direction_changes["1.weight"][:, 0].tolist() == second
    shares = run.watched["0.weight/direction_changes"]
    assert round(shares.sum() * 12) == np.sum(first)


@pytest.mark.parametrize(("engine", "rows"), [("numpy", 600), ("native", 600), ("native", 5300)])
def test_every_step_counts_even_if_few_are_watched(engine: str, rows: int) -> None:
    """Targets that change from row to row turn both weights in each step: 5,300 are watched every
    255th time, in which a byte that counts comes round.
    """
    y = np.where(np.arange(rows) % 2, 1.0, -1.0)
    net = tw.Sequential(tw.Dense(1), dtype="float64").init(np.ones((1, 1)))
    net.weights.update({"0.weight": np.zeros((1, 1)), "0.bias": np.zeros(1)})
    settings = {"epochs": 3, "batch_size": 1, "shuffle": False, "optimizer": tw.SGD(lr=0.1)}
    run = tw.fit(net, np.ones((rows, 1)), y, engine=engine, watch="epoch", **settings)
    assert run.direction_changes["0.weight"].tolist() == [[3 * rows - 1]]
    assert run.direction_changes["0.bias"].tolist() == [3 * rows - 1]
    assert run.watched["0.bias/direction_changes"][1:].tolist() == [1, 1]


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_the_first_step_is_not_a_change(engine: str) -> None:
    for target, way in ((1.0, 1), (-1.0, -1)):  # up all the way, or down
        net = tw.Sequential(tw.Dense(1), dtype="float64").init(np.ones((1, 1)))
        net.weights.update({"0.weight": np.zeros((1, 1)), "0.bias": np.zeros(1)})
        settings = {"epochs": 2, "batch_size": 1, "optimizer": tw.SGD(lr=0.01), "engine": engine}
        run = tw.fit(net, np.ones((9, 1)), np.full(9, target), watch=True, **settings)
        assert run.net.weights["0.weight"][0, 0] * way > 0
        assert not run.direction_changes["0.weight"].any()
        assert run.watched["0.weight/direction_changes"].tolist() == [0, 0]
