"""Runs that have not converged are no minima: which these are, and how they are printed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import talweg as tw

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def corners(**settings: Any) -> tw.Restarts:
    net = tw.Sequential(tw.Dense(2, "tanh"), tw.Dense(1, "sigmoid"))
    given = {"starts": 12, "optimizer": tw.SGD(lr=0.5), "progress": False, **settings}
    return tw.restarts(net, *CORNERS, **given)


def rolled(height: Any, starts: list[float], **settings: Any) -> tw.Restarts:
    """Balls that roll on a curve from given places."""

    def ball(seed: int) -> tw.Sequential:
        net = tw.Sequential(tw.Dense(1, bias=False), dtype="float64")
        net.weights = {"0.weight": [[starts[seed]]]}
        return net

    given: dict[str, Any] = {"loss": lambda place, _: height(place[:, 0]), **settings}
    return tw.restarts(ball, [[1.0]], [0.0], starts=len(starts), progress=False, **given)


def bowl(x: Any) -> Any:
    return x * x


def slope(x: Any) -> Any:
    """A bowl whose walls rise in straight lines."""
    return tw.sqrt(1 + x * x)


def step(x: Any) -> Any:
    """From a plateau at 1, which hardly slopes, down to 0."""
    return tw.sigmoid(4 * x)


# the curve, where the balls start, the run, and the places of those that have not converged
ROLLS: dict[str, tuple[Any, list[float], dict[str, Any], list[int]]] = {
    "at the bottom": (bowl, [1.0, -2.0], {"optimizer": tw.SGD(lr=0.1), "epochs": 100}, []),
    "on the way": (bowl, [1.0, -2.0], {"optimizer": tw.SGD(lr=0.003), "epochs": 100}, [0, 1]),
    "two epochs": (bowl, [1.0, -2.0], {"optimizer": tw.SGD(lr=0.1), "epochs": 2}, [0, 1]),
    "one epoch": (bowl, [1.0, -2.0], {"optimizer": tw.SGD(lr=0.1), "epochs": 1}, [0, 1]),
    "one is still on its way": (
        slope, [1.0, 30.0, -1.0, 2.0], {"optimizer": tw.SGD(lr=0.1), "epochs": 100}, [1],
    ),
    "to and fro": (bowl, [1.0, -1.1], {"optimizer": tw.Lion(lr=0.9), "epochs": 100}, [0, 1]),
    "a search": (bowl, [1.0, -2.0], {"optimizer": tw.LBFGS(), "batch_size": None}, []),
    "on a plateau": (step, [1.2, -9.0], {"optimizer": tw.SGD(lr=0.02), "epochs": 40}, [0]),
    "cut by time": (
        bowl, [1.0, -2.0],
        {"optimizer": tw.SGD(lr=1e-9), "epochs": 10**7, "stop": tw.TimeBudget(0.01)}, [],
    ),
    "stopped early": (
        bowl, [1.0, -2.0],
        {"optimizer": tw.SGD(lr=0.003), "epochs": 500, "stop": tw.TargetLoss(0.5)}, [0, 1],
    ),
    "on the interpreter": (
        bowl, [1.0, -2.0],
        {"optimizer": tw.SGD(lr=0.003), "epochs": 100, "engine": "numpy"}, [0, 1],
    ),
    "while the validation loss falls": (
        bowl, [1.0, -2.0],
        {"optimizer": tw.SGD(lr=0.003), "epochs": 100, "validation": ([[1.0]], [0.0])}, [0, 1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROLLS)
def test_a_run_whose_loss_still_falls_is_no_minimum(name: str) -> None:
    height, starts, settings, unconverged = ROLLS[name]
    found = rolled(height, starts, **settings)
    if name == "cut by time":  # where it hardly moves; what counts is that nothing is assumed
        unconverged = found.unconverged
    assert found.unconverged == unconverged
    counted = sorted(place for each in found.minima for place in each.indices)
    assert counted == [place for place in range(len(starts)) if place not in unconverged]
    assert ("unconverged" in str(found)) == bool(unconverged)


@pytest.mark.parametrize("epochs", [5, 30, 100])
@pytest.mark.parametrize("optimizer", [tw.SGD(lr=0.5), tw.SGD(lr=0.1, momentum=0.9)], ids=str)
def test_a_few_epochs_reach_no_minimum(epochs: int, optimizer: Any) -> None:
    found = corners(epochs=epochs, optimizer=optimizer)
    assert len(found.unconverged) >= 11 and len(found.minima) <= 1


def test_converged_runs_reach_minima() -> None:
    found = corners(epochs=8000)
    assert found.unconverged == [] and len(found.minima) >= 2
    assert found.minima[0].loss < 0.01 < found.minima[1].loss


def test_unconverged_runs_are_printed() -> None:
    found = corners(epochs=30)
    lines = str(found).splitlines()
    assert lines[0].split() == ["minimum", "loss", "starts", "share"]
    assert lines[1].split() == ["-", f"{found.losses.min():.6g}", "12", "100%", "unconverged"]
    assert lines[2].startswith("12 starts: 10 % ")
    assert lines[3] == "0% of the starts were solved"
    assert lines[4].startswith("unconverged: the loss had not settled after 30 epochs")
    assert "epochs (say 120)" in lines[5] and "LBFGS" in lines[6]
    assert max(map(len, lines)) <= 80
    assert found.minima == [] and found.solved == 0 and found.enough == np.inf
    assert found.spread["best"] == found.losses.min() and found.best is found.sweep.best


def test_the_best_minimum_is_unknown_if_an_unconverged_run_is_lower() -> None:
    def two(x: Any) -> Any:
        """A bowl at 1 with its bottom at 0, and a slope down from 0 on the other side."""
        return tw.where(x > 0, (x - 1) * (x - 1), 1 + 0.2 * x)

    settings = {"optimizer": tw.SGD(lr=0.05), "epochs": 100}
    found = rolled(two, [0.5, 1.5, -5.0], **settings)
    assert found.unconverged == [2] and found.losses[2] < 0 < 1e-3
    assert [each.indices for each in found.minima] == [[0, 1]]
    assert found.solved == 0 and "0% of the starts were solved" in str(found)
    known = rolled(two, [0.5, 1.5, -5.0], solved=0.01, **settings)
    assert known.solved == 1.0
