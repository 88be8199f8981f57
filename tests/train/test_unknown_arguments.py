"""Unknown and old names are refused with a suggestion, by one mechanism for all that is public."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import talweg as tw

X, Y = np.ones((4, 2)), np.ones(4)


def fit(**settings):
    return tw.fit(tw.Sequential(tw.Dense(1)), X, Y, **settings)


REFUSED = [
    (lambda: fit(keep="best"), "fit() has no argument 'keep'. Did you mean 'restore_best'?"),
    (lambda: fit(rates={}), "fit() has no argument 'rates'. Did you mean 'lr_multipliers'?"),
    (lambda: fit(epoch=3), "fit() has no argument 'epoch'. Did you mean 'epochs'?"),
    (
        lambda: fit(lr=0.1),
        "fit() has no argument 'lr'. It is a setting of the optimizer: give "
        "optimizer=tw.Adam(lr=...).",
    ),
    (lambda: fit(momentum=0.9, optimizer="sgd"), "give optimizer=tw.SGD(momentum=...)."),
    (
        lambda: tw.TableModel("y", members=3),
        "TableModel() has no argument 'members'. Did you mean 'n_estimators'?",
    ),
    (lambda: tw.SGD(learning_rate=1), "SGD() has no argument 'learning_rate'. Did you mean 'lr'?"),
    (lambda: tw.Dense(2, activaton="relu"), "Dense() has no argument 'activaton'. Did you mean 'a"),
    (lambda: tw.EarlyStopping(patince=2), "EarlyStopping() has no argument 'patince'. Did you m"),
    (lambda: tw.kfold(9, seeds=1), "kfold() has no argument 'seeds'. Did you mean 'seed'?"),
    (lambda: tw.pretrain(None, X, epoch=1), "pretrain() has no argument 'epoch'. Did you mean"),
    (lambda: tw.lower(tw.Sequential(tw.Dense(1)), X, Y, lr=1), "lower() has no argument 'lr'. It"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=range(len(REFUSED)))
def test_an_unknown_argument_is_refused_with_a_suggestion(call, message: str) -> None:
    with pytest.raises(tw.SettingError) as refused:
        call()
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Patience", "EarlyStopping"),
        ("Plateau", "ReduceOnPlateau"),
        ("WarmUp", "LinearWarmup"),
        ("Cosine", "CosineDecay"),
        ("Noise", "GaussianNoise"),
        ("Elastic", "L1L2"),
        ("find_rate", "lr_find"),
        ("Adams", "Adam"),
    ],
)
def test_an_old_public_name_suggests_the_new_one(old: str, new: str) -> None:
    with pytest.raises(AttributeError, match=f"Did you mean '{new}'"):
        getattr(tw, old)


def test_a_module_that_takes_any_argument_is_left_alone() -> None:
    class Open(tw.Module):
        def __init__(self, **settings):
            self.settings = settings

    assert Open(anything=1).settings == {"anything": 1}


def test_copies_and_signatures_are_as_before() -> None:
    rule = tw.Adam(0.1)
    assert copy.deepcopy(rule) == pickle.loads(pickle.dumps(rule)) == rule
    assert list(inspect.signature(tw.fit).parameters)[:4] == ["net", "X", "y", "loss"]
