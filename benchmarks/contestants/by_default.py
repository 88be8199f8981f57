"""Who learns the real tables, each by its defaults: talweg, and peers in standard pipelines.

`python -m benchmarks.contestants.by_default CONTESTANT TABLE SPLIT FOLDER` prints one fit as JSON.
Only `fit` is timed: imports come before it, and so does whatever a user prepares beforehand.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.processes import peak_megabytes
from benchmarks.real_tables import Dealt, deal


class Said(NamedTuple):
    """What a contestant says of the test rows, and the seconds of `fit`.

    `predicted` are numbers or labels (N,), numbers (N, K) for K targets; `shares` are the
    probabilities (N, C) of the C `labels`, where the task has classes.
    """

    predicted: Any
    shares: Any
    labels: Any
    seconds: float


def talweg(dealt: Dealt, seed: int) -> Said:
    """`TableModel` with the names of the targets, on a frame."""
    import talweg as tw
    from talweg.engine.native.llvm import compiler
    from talweg.engine.native.runtime import launch

    assert launch and compiler.is_available()  # what is imported when first used, LLVM among it
    inputs, model = dealt.inputs(dealt.test), tw.TableModel(target=dealt.targets)
    start = time.perf_counter()
    model.fit(dealt.train, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    predicted = model.predict(inputs)
    if model.task != "classification":
        return Said(predicted, None, None, seconds)
    return Said(predicted, model.predict_proba(inputs), model.classes, seconds)


def multilayer(dealt: Dealt, seed: int) -> Said:
    """scikit-learn's MLP: numbers filled and standardised, words filled and one-hot.

    Its regressor is given a standardised target, without which it would be handicapped, and its
    words are dense: on 6,000 rows of adult it then takes 25 s instead of 52, to the same score.
    """
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    inputs = dealt.inputs(dealt.train)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot)
    encoder = ColumnTransformer(
        [
            ("numbers", numbers, inputs.select_dtypes("number").columns),
            ("words", words, inputs.select_dtypes(exclude="number").columns),
        ]
    )
    if dealt.task == "classification":
        net: Any = MLPClassifier(random_state=seed)
    else:
        net = TransformedTargetRegressor(
            MLPRegressor(random_state=seed), transformer=StandardScaler()
        )
    return _fitted(make_pipeline(encoder, net), dealt, inputs, dealt.inputs(dealt.test))


def histogram(dealt: Dealt, seed: int) -> Said:
    """scikit-learn's gradient boosting: words as pandas categories, missing cells as they are."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    classes = dealt.task == "classification"
    trees = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    model = trees(categorical_features="from_dtype", random_state=seed)
    return _fitted(_for_each_target(model, dealt), dealt, *_with_categories(dealt))


def lightgbm(dealt: Dealt, seed: int) -> Said:
    """LightGBM: words as pandas categories, missing cells as they are; silent."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    trees = LGBMClassifier if dealt.task == "classification" else LGBMRegressor
    model = trees(random_state=seed, verbose=-1)
    return _fitted(_for_each_target(model, dealt), dealt, *_with_categories(dealt))


CONTESTANTS: dict[str, Callable[[Dealt, int], Said]] = {
    "talweg": talweg,
    "MLP": multilayer,
    "HistGradientBoosting": histogram,
    "LightGBM": lightgbm,
}
LIBRARIES = {
    "talweg": "talweg",
    "MLP": "scikit-learn",
    "HistGradientBoosting": "scikit-learn",
    "LightGBM": "lightgbm",
}


def _for_each_target(model: Any, dealt: Dealt) -> Any:
    from sklearn.multioutput import MultiOutputRegressor

    return model if len(dealt.targets) == 1 else MultiOutputRegressor(model)


def _with_categories(dealt: Dealt) -> tuple[Any, Any]:
    """Training and test inputs, words as the categories of the training rows."""
    train, test = dealt.inputs(dealt.train), dealt.inputs(dealt.test)
    words = train.select_dtypes(exclude="number").columns
    train = train.astype(dict.fromkeys(words, "category"))
    return train, test.astype({each: train[each].dtype for each in words})


def _fitted(model: Any, dealt: Dealt, train: Any, test: Any) -> Said:
    warnings.simplefilter("ignore")  # that 200 epochs may not be enough: it is the default
    wanted = dealt.wanted(dealt.train)
    start = time.perf_counter()
    model.fit(train, wanted)
    seconds = time.perf_counter() - start
    if dealt.task != "classification":
        return Said(model.predict(test), None, None, seconds)
    return Said(model.predict(test), model.predict_proba(test), model.classes_, seconds)


def measured(contestant: str, table: str, split: int, folder: Path) -> dict[str, Any]:
    """What this process finds: memory is taken before the scores, which load scikit-learn."""
    load = os.getloadavg()[0]  # what else ran in the last minute tells what seconds are worth
    dealt = deal(table, split, folder)
    before = peak_megabytes()
    said = CONTESTANTS[contestant](dealt, split)
    measured = {
        "seconds": said.seconds,
        "megabytes": peak_megabytes(),
        "before": before,
        "load": load,
    }
    rows = {"train_rows": len(dealt.train), "test_rows": len(dealt.test)}
    about = {"version": version(LIBRARIES[contestant]), "when": time.strftime("%Y-%m-%d")}
    return {**_scores(dealt, said), **measured, **rows, **about}


def _scores(dealt: Dealt, said: Said) -> dict[str, float]:
    """R2 and the error in the target's unit, both means over the targets; or accuracy, log loss
    and, for two classes, the area under the ROC curve."""
    from sklearn import metrics

    true = dealt.wanted(dealt.test)
    if dealt.task == "regression":
        error = metrics.root_mean_squared_error(true, said.predicted)
        return {"score": metrics.r2_score(true, said.predicted), "error": float(error)}
    found = {
        "score": float((true == said.predicted).mean()),
        "log_loss": metrics.log_loss(true, said.shares, labels=said.labels),
    }
    if len(said.labels) == 2:
        found["area"] = metrics.roc_auc_score(true == said.labels[1], said.shares[:, 1])
    return found


if __name__ == "__main__":
    contestant, table, split, folder = sys.argv[1:]
    print(json.dumps(measured(contestant, table, int(split), Path(folder))))
