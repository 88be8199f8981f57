"""The networks of an ensemble: which rows each trains and is tested on, and predictions."""

import os
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.data.model import bins_trial, learning, training_data
from talweg.data.model.targets.base import Predicted
from talweg.data.model.trained_table import TrainedTable, outputs_of
from talweg.graph.functions import softmax
from talweg.nn.bins import Bins
from talweg.train.search.executor import Executor
from talweg.train.search.tasks import Task

ROWS = 80
RANDOM = np.random.default_rng(3)
SIZE = np.arange(ROWS) * 0.5  # tells which row it is
SHADE = RANDOM.choice(["dark", "light"], ROWS)
PRICE = RANDOM.permutation(np.arange(ROWS) * 2.0 - ROWS + 1)  # sums of whole numbers are exact
KIND = np.where(RANDOM.random(ROWS) < 0.3, "rare", "usual")
HOUSES = {"size": SIZE, "shade": SHADE, "price": PRICE}
KINDS = {"size": SIZE, "shade": SHADE, "kind": KIND}
TEAM = {"epochs": 5, "hidden": (6,), "n_estimators": 8, "bins": 6, "batch_size": 16}


def fitted(target: str, table: object = None, seed: int = 0, **settings: object) -> TrainedTable:
    table = table or (HOUSES if target == "price" else KINDS)
    return tw.TableModel(target, **{**TEAM, **settings}).fit(table, seed=seed).trained


@pytest.fixture(scope="module")
def team() -> TrainedTable:
    return fitted("price")


@pytest.fixture(scope="module")
def voters() -> TrainedTable:
    return fitted("kind", n_estimators=3)


@pytest.fixture(params=["team", "voters"])
def trained(request) -> TrainedTable:
    return request.getfixturevalue(request.param)


def rows_of(trained: TrainedTable, member: int) -> np.ndarray:
    """The rows of the table that a network is tested on."""
    sizes = trained.unseen.table.columns["size"]
    return np.rint(np.asarray(sizes, float)[trained.unseen.member == member] * 2).astype(int)


@pytest.fixture
def tries_bins(monkeypatch) -> None:
    """A trial decides on bins, whatever the size of the table."""
    real = training_data.recipe_for
    monkeypatch.setattr(
        training_data, "recipe_for", lambda *given, **task: replace(real(*given, **task), bins=None)
    )


def members_of(trained: TrainedTable) -> list[tw.Module]:
    """A network for each member, with its weights."""
    nets = [trained.blueprint.one() for _ in trained.unseen.members.weights]
    for net, weights in zip(nets, trained.unseen.members.weights, strict=True):
        net.weights.flat[:] = weights
    return nets


# Test rows --------------------------------------------------------------------------------------


def test_eight_networks_are_tested_on_every_row_once(team, voters) -> None:
    rows = [rows_of(team, member) for member in range(8)]
    assert sorted(np.concatenate(rows)) == list(range(ROWS))
    assert {len(each) for each in rows} == {10}
    some = np.concatenate([rows_of(voters, member) for member in range(3)])
    assert len(some) == len({*some}) == len(voters.held_out.true) == 30


def test_a_row_is_predicted_by_the_network_that_never_saw_it(trained) -> None:
    unseen, coding = trained.unseen, trained.target
    x, nets = trained.encoder.encode(unseen.table), members_of(trained)
    assert len(nets) == trained.blueprint.members
    for member, net in enumerate(nets):
        own = unseen.member == member
        found, expected = trained.held_out.outputs[own], outputs_of(net, coding, x[own])
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        others = outputs_of(nets[member - 1], coding, x[own])
        assert not np.allclose(found, others, rtol=1e-3)


def test_scores_are_those_of_out_of_fold_predictions(trained) -> None:
    held = trained.held_out
    table = trained.unseen.table
    assert trained.scores == trained.target.scores(Predicted(held.true, held.outputs, held.prior))
    cells = table.columns[table.find(trained.target.name)]
    np.testing.assert_allclose(
        held.true,
        trained.target.decode(trained.target.encode(cells))
        if trained.task == "regression"
        else trained.target.encode(cells),
    )


def test_a_prediction_is_the_mean_of_all_networks(team, voters) -> None:
    x = team.encoder.encode(team.table(HOUSES))
    said = [outputs_of(net, team.target, x) for net in members_of(team)]
    np.testing.assert_allclose(team.predict(HOUSES), np.mean(said, axis=0), rtol=1e-5, atol=1e-6)
    x = voters.encoder.encode(voters.table(KINDS))
    shares = [softmax(net.predict(x).astype(float)) for net in members_of(voters)]
    found = voters.predict_proba(KINDS)
    np.testing.assert_allclose(found, np.mean(shares, axis=0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-12)


# Training -------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", [0, 3, 7])
def test_a_network_learns_nothing_from_its_test_rows(team, member: int) -> None:
    """Other targets of these rows, with the same mean and scale, change no bit of its weights."""
    rows, other = rows_of(team, member), PRICE.copy()
    other[rows] = np.roll(PRICE[rows], 1)
    assert (other != PRICE).any()
    again = fitted("price", {**HOUSES, "price": other})
    assert again.target == team.target
    stops_by_them = (member - 1) % 8
    weights = (team.unseen.members.weights, again.unseen.members.weights)
    same = [np.array_equal(*pair) for pair in zip(*weights, strict=True)]
    del same[stops_by_them]  # which may keep another epoch or not
    assert same.index(True) == member - (stops_by_them < member) and sum(same) == 1


def test_networks_start_differently_and_train_on_different_rows(team) -> None:
    weights = team.unseen.members.weights
    assert len({each.tobytes() for each in weights}) == 8
    assert len(team.training["members"]) == 8
    assert team.parts == {"training": 60, "validation": 10, "test": 10}


@pytest.mark.parametrize("trial", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_same_seed_gives_the_same_bits_on_any_threads(request, monkeypatch, trial) -> None:
    settings = {"n_estimators": 3} if trial else {}
    if trial:
        request.getfixturevalue("tries_bins")
    table = {name: np.tile(each, 6) for name, each in HOUSES.items()}
    found = []
    for count in (1, 2):
        monkeypatch.setattr("talweg.train.search.bracket.cores", lambda count=count: count)
        found.append(fitted("price", table, **settings))
    one, two = (each.net.weights.flat.tobytes() for each in found)
    assert one == two
    assert fitted("price", table, seed=1, **settings).net.weights.flat.tobytes() != one
    assert found[0].held_out.outputs.tobytes() == found[1].held_out.outputs.tobytes()


def test_more_networks_leave_the_first_ones_unchanged(team) -> None:
    few = fitted("price", n_estimators=2)
    np.testing.assert_array_equal(few.unseen.members.weights, team.unseen.members.weights[:2])


def test_a_single_network_is_the_first(team) -> None:
    alone = fitted("price", n_estimators=1)
    assert isinstance(alone.net, tw.Sequential) and isinstance(team.net, tw.Ensemble)
    np.testing.assert_allclose(alone.net.weights.flat, team.unseen.members.weights[0], rtol=1e-5)
    assert len(alone.held_out.true) == 10 and {*alone.unseen.member} == {0}


# Bins -----------------------------------------------------------------------------------------


def test_no_bins_and_many() -> None:
    none, many = fitted("price", bins=0, n_estimators=1), fitted("price", bins=48, n_estimators=1)
    assert none.blueprint.bins is None
    assert list(many.blueprint.bins.edges) == [0]  # places of unknown, missing and shades need none
    assert len(many.blueprint.bins.means[0]) == 48
    assert many.blueprint.size - none.blueprint.size == 48 * 6
    assert many.predict(HOUSES).shape == (ROWS,)


def test_a_table_without_numbers_has_no_bins() -> None:
    table = {"shade": SHADE, "price": PRICE}
    assert fitted("price", table, n_estimators=2).blueprint.bins is None


def first_of(run: tw.Run) -> object:
    return run.net.layers[0]


@pytest.mark.parametrize("wins", [Bins, tw.Dense])
def test_the_trial_chooses_the_kind_with_the_lower_loss(tries_bins, monkeypatch, wins) -> None:
    """Three networks, of which two have been trained already by the trial."""
    asked: list[tuple[int, ...]] = []
    real = learning.train_members

    def counted(members: Iterable[Task], *given: Any) -> list[tw.Run | None]:
        members, bar = [*members], given[-1]  # one bar, which knows what was and what is to come
        asked.append((sum(each.runs for each in bar.earlier), len(members), bar.later))
        return real(members, *given)

    def loss(runs: dict[int, tw.Run]) -> float:
        return 0.0 if all(isinstance(first_of(run), wins) for run in runs.values()) else 1.0

    monkeypatch.setattr(learning, "train_members", counted)
    monkeypatch.setattr(bins_trial, "validation_loss", loss)
    found = fitted("price", n_estimators=3)
    assert asked == [(0, 4, 1), (4, 1, 0)]
    assert (found.blueprint.bins is not None) is (wins is Bins)
    assert found.unseen.members.weights.shape == (3, found.blueprint.size // 3)


def test_the_loss_of_a_trial_is_that_of_the_best_epochs() -> None:
    def run(best: int, *losses: float) -> SimpleNamespace:
        return SimpleNamespace(best_epoch=best, history={"val_loss": np.array(losses)})

    assert bins_trial.validation_loss({0: run(2, 5.0, 1.0, 7.0), 1: run(1, 3.0)}) == 2.0
    assert bins_trial.validation_loss({0: run(2, 5.0, 1.0), 1: run(0)}) == np.inf
    assert bins_trial.validation_loss({}) == np.inf


# Failures ------------------------------------------------------------------------------


class Exploding(learning.EnsembleTrainer):
    """The third network starts so far off that its numbers do not stay finite."""

    def net(self, bins: int, seed: int) -> tw.Module:
        net = super().net(bins, seed)
        if seed == self.seeds[2]:
            net.weights.flat[:] = 1e30
        return net


def test_a_network_that_diverges_is_left_out(team, monkeypatch) -> None:
    monkeypatch.setattr(learning, "EnsembleTrainer", Exploding)
    with pytest.warns(tw.TrainingWarning, match="1 of 8 runs stopped being finite"):
        found = fitted("price")
    assert found.blueprint.members == len(found.training["members"]) == 7
    assert found.training["left_out"] == 1
    good = [0, 1, 3, 4, 5, 6, 7]
    np.testing.assert_array_equal(found.unseen.members.weights, team.unseen.members.weights[good])
    for place, member in enumerate(good):
        assert sorted(rows_of(found, place)) == sorted(rows_of(team, member))
    assert np.isfinite(found.predict(HOUSES)).all()
    assert len(found.held_out.true) == 70


@pytest.mark.filterwarnings("ignore::talweg.errors.TrainingWarning")
def test_a_model_is_left_if_all_networks_diverge() -> None:
    found = fitted("price", optimizer=tw.SGD(lr=1e30))
    assert found.blueprint.members == 8 and found.training["left_out"] == 0
    assert found.predict(HOUSES).shape == (ROWS,)


def interrupted(monkeypatch, **settings: object) -> TrainedTable:
    """A model that Ctrl-C interrupted during training."""

    teams: list[Executor] = []

    def press() -> None:
        while not any(each.epoch for team in teams for each in team.controls):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    real = Executor._train

    def one(self: Executor, *given: object) -> object:
        teams.append(self)
        return real(self, *given)

    monkeypatch.setattr(Executor, "_train", one)
    threading.Thread(target=press, daemon=True).start()
    endless = {"epochs": 10**7, "patience": 10**7, **settings}
    return fitted("price", {name: np.tile(each, 6) for name, each in HOUSES.items()}, **endless)


@pytest.mark.slow
@pytest.mark.parametrize("trial", [False, True])
def test_ctrl_c_keeps_the_networks_that_have_begun(request, monkeypatch, trial) -> None:
    if trial:
        request.getfixturevalue("tries_bins")
    found = interrupted(monkeypatch)
    told = found.training["members"]
    assert 1 <= found.blueprint.members == len(told) <= 2
    assert {each["stopped_by"] for each in told} == {"interrupted"}
    assert np.isfinite(found.predict(HOUSES)).all()


def test_networks_that_never_began_do_not_shift_the_others(team, monkeypatch) -> None:
    """Only the third network and the sixth are left: each keeps its own test rows."""
    real = learning.train_members

    def partly(*given: Any) -> list[tw.Run | None]:
        return [run if index in (2, 5) else None for index, run in enumerate(real(*given))]

    monkeypatch.setattr(learning, "train_members", partly)
    found = fitted("price")
    np.testing.assert_array_equal(found.unseen.members.weights, team.unseen.members.weights[[2, 5]])
    for place, member in enumerate((2, 5)):
        assert sorted(rows_of(found, place)) == sorted(rows_of(team, member))
