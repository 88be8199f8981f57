"""Contestants for the real tables with default settings: talweg, and peers in standard pipelines.

`python -m benchmarks.contestants.by_default CONTESTANT TABLE SPLIT FOLDER` prints one fit as JSON.
Only `fit` is timed, not imports or the preparation that a user does beforehand.
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


class Answer(NamedTuple):
    """A contestant's predictions for the test rows, and the seconds of `fit`.

    `predicted` holds numbers or classes (N,), or numbers (N, K) for K targets; for classification,
    `probabilities` (N, C) belong to the C `classes`.
    """

    predicted: Any
    probabilities: Any
    classes: Any
    seconds: float


def talweg(dealt: Dealt, seed: int) -> Answer:
    """`TableModel` on a pandas frame."""
    import talweg as tw
    from talweg.engine.native.llvm import compiler
    from talweg.engine.native.runtime import launch

    assert (
        launch and compiler.is_available()
    )  # import what talweg imports on first use, such as LLVM
    inputs, model = dealt.inputs(dealt.test), tw.TableModel(target=dealt.targets)
    start = time.perf_counter()
    model.fit(dealt.train, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    predicted = model.predict(inputs)
    if model.task != "classification":
        return Answer(predicted, None, None, seconds)
    return Answer(predicted, model.predict_proba(inputs), model.classes, seconds)


def multilayer(dealt: Dealt, seed: int) -> Answer:
    """scikit-learn's MLP: numbers imputed and standardized, categories imputed and one-hot encoded.

    Its regressor gets a standardized target, without which it would be at a disadvantage. One-hot
    columns are dense: on 6,000 rows of adult it takes 25 s instead of 52, with the same score.
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


def histogram(dealt: Dealt, seed: int) -> Answer:
    """scikit-learn's gradient boosting, with pandas categories and missing cells as they are."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    classes = dealt.task == "classification"
    trees = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    model = trees(categorical_features="from_dtype", random_state=seed)
    return _fitted(_for_each_target(model, dealt), dealt, *_with_categories(dealt))


def lightgbm(dealt: Dealt, seed: int) -> Answer:
    """LightGBM without output, with pandas categories and missing cells as they are."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    trees = LGBMClassifier if dealt.task == "classification" else LGBMRegressor
    model = trees(random_state=seed, verbose=-1)
    return _fitted(_for_each_target(model, dealt), dealt, *_with_categories(dealt))


CONTESTANTS: dict[str, Callable[[Dealt, int], Answer]] = {
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
    """Training and test inputs, with texts as categories of the training rows."""
    train, test = dealt.inputs(dealt.train), dealt.inputs(dealt.test)
    words = train.select_dtypes(exclude="number").columns
    train = train.astype(dict.fromkeys(words, "category"))
    return train, test.astype({word: train[word].dtype for word in words})


def _fitted(model: Any, dealt: Dealt, train: Any, test: Any) -> Answer:
    warnings.simplefilter("ignore")  # the MLP warns that its default of 200 epochs may be too few
    wanted = dealt.wanted(dealt.train)
    start = time.perf_counter()
    model.fit(train, wanted)
    seconds = time.perf_counter() - start
    if dealt.task != "classification":
        return Answer(model.predict(test), None, None, seconds)
    return Answer(model.predict(test), model.predict_proba(test), model.classes_, seconds)


def measured(contestant: str, table: str, split: int, folder: Path) -> dict[str, Any]:
    """The measurements of this process; memory is read before the scores import scikit-learn."""
    load = os.getloadavg()[0]  # the load of the last minute shows whether other programs ran
    dealt = deal(table, split, folder)
    before = peak_megabytes()
    answer = CONTESTANTS[contestant](dealt, split)
    measured = {
        "seconds": answer.seconds,
        "megabytes": peak_megabytes(),
        "before": before,
        "load": load,
    }
    rows = {"train_rows": len(dealt.train), "test_rows": len(dealt.test)}
    about = {"version": version(LIBRARIES[contestant]), "when": time.strftime("%Y-%m-%d")}
    return {**_scores(dealt, answer), **measured, **rows, **about}


def _scores(dealt: Dealt, answer: Answer) -> dict[str, float]:
    """R2 and RMSE, averaged over the targets, or accuracy, log loss and, for two classes, the area
    under the ROC curve."""
    from sklearn import metrics

    true = dealt.wanted(dealt.test)
    if dealt.task == "regression":
        error = metrics.root_mean_squared_error(true, answer.predicted)
        return {"score": metrics.r2_score(true, answer.predicted), "error": float(error)}
    scores = {
        "score": float((true == answer.predicted).mean()),
        "log_loss": metrics.log_loss(true, answer.probabilities, labels=answer.classes),
    }
    if len(answer.classes) == 2:
        scores["area"] = metrics.roc_auc_score(
            true == answer.classes[1], answer.probabilities[:, 1]
        )
    return scores


if __name__ == "__main__":
    contestant, table, split, folder = sys.argv[1:]
    print(json.dumps(measured(contestant, table, int(split), Path(folder))))
