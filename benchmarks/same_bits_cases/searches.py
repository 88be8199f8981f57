"""More than one run: a checkpoint, predictions, pretraining, sweeps, restarts, a rate test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import talweg as tw
from benchmarks.same_bits_cases.data import (
    CODES,
    IMAGES,
    SERIES,
    N,
    X,
    Y,
)
from benchmarks.same_bits_cases.fits import LAYERS, SCHEDULES, VALIDATED, fit
from benchmarks.same_bits_cases.networks import Attention, dense, embedded
from benchmarks.same_bits_cases.parts import Parts, run_parts


def resumed(**where: Any) -> Parts:
    """A run that halts after three epochs and goes on from its file."""
    settings = {
        **VALIDATED,
        "optimizer": tw.Adam(lr=tw.CosineDecay(0.1)),
        "watch": "epoch",
    }
    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.run"
        halted = fit(**settings, stop=tw.MaxEpochs(3), checkpoint=file, **where)
        run = fit(**settings, stop=tw.MaxEpochs(8), checkpoint=file, resume=True, **where)
    return {"halted": halted.history, **run_parts(run)}


def two_threads(**where: Any) -> Parts:
    """Matrix products that two threads share; one thread gives the same bits in native code."""
    return run_parts(fit(partial(dense, hidden=300), batch_size=None, epochs=2, threads=2, **where))


def predictions(engine: str, dtype: str) -> Parts:
    """Forward passes for one row, few rows and many."""
    nets = {"dense": (dense, X), "embedded": (embedded, CODES), "attention": (Attention, SERIES)}
    nets |= {"bins": (LAYERS["bins"], X), "batch norm": (LAYERS["batch norm"], X)}
    found = {}
    for name, (make, x) in nets.items():
        net = make()
        net.dtype = dtype
        net.init(x, seed=3)
        rows = [np.resize(x, (n, *x.shape[1:])).astype(dtype) for n in (1, 7, 400)]
        native = engine == "native"
        found[name] = [net.predict(r) if native else net.apply(net.weights, r).array for r in rows]
    return found


def pretrained(method: Any, **where: Any) -> Parts:
    net = tw.Sequential(tw.Dense(5, "sigmoid"), tw.Dense(4, "sigmoid"), tw.Dense(2))
    net.dtype = where.pop("dtype")
    found = tw.pretrain(
        net,
        IMAGES,
        method=method,
        optimizer=tw.SGD(lr=0.1),
        epochs=3,
        batch_size=8,
        seed=2,
        **where,
    )
    run = tw.fit(net, IMAGES, Y, epochs=2, progress=False, **where)
    return {"layers": [run_parts(layer_run) for layer_run in found.runs], **run_parts(run)}


def swept(engine: str, dtype: str, **settings: Any) -> tw.Sweep:
    def build(hidden: int = 4, rate: float = 0.0) -> tw.Module:
        layers = [tw.Dense(hidden, "tanh"), tw.Dropout(rate), tw.Dense(2)]
        return tw.Sequential(*layers, dtype=dtype)

    given = {"epochs": 5, "batch_size": 8, "optimizer": "sgd", "threads": 2, **settings}
    return tw.sweep(build, X, Y, engine=engine, progress=False, **given)


def sweep_parts(sweep: tw.Sweep) -> Parts:
    return {
        "weights": [run.net.weights.flat for run in sweep.runs],
        "history": [run.history for run in sweep.runs],
        "ends": ", ".join(f"{r.stopped_by} {r.epochs} {r.best_epoch}" for r in sweep.runs),
        "best": list(sweep.best_point.values()),
        "rungs": sweep.rungs,
    }


def sweep_case(**settings: Any) -> Callable[..., Parts]:
    return lambda **where: sweep_parts(swept(**settings, **where))


def restarted(engine: str, dtype: str) -> Parts:
    found = tw.restarts(
        tw.Sequential(tw.Dense(2, "tanh"), tw.Dense(1, "sigmoid"), dtype=dtype),
        np.array([[0, 0], [0, 1], [1, 0], [1, 1]]),
        np.array([0, 1, 1, 0]),
        starts=5,
        optimizer=tw.SGD(lr=1.0, momentum=0.9),
        epochs=500,
        threads=2,
        batch_size=None,
        engine=engine,
        progress=False,
    )
    clusters = [[cluster.count, cluster.loss] for cluster in found.minima]
    return {"losses": found.losses, "clusters": clusters, **sweep_parts(found.sweep)}


def rate_test(engine: str, dtype: str) -> Parts:
    net = tw.Sequential(tw.Dense(6, "tanh"), tw.Dense(2), dtype=dtype)
    found = tw.lr_find(net, X, Y, optimizer="sgd", batch_size=8, engine=engine, seed=1)
    curve = [found.lrs, found.losses, found.smoothed_losses]
    return {
        "curve": curve,
        "trials": [found.tried_lrs, found.final_losses],
        "rate": f"{found.suggestion!r}",
    }


RATES = [0.01, 0.1, 0.3, 0.5, 0.9]
HALVING = tw.SuccessiveHalving(2, factor=2)
SEARCHES: dict[str, Callable[..., Parts]] = {
    "run/resumed from a checkpoint": resumed,
    "run/two threads": two_threads,
    "predict": predictions,
    "pretrain/rbm": partial(pretrained, tw.RBM()),
    "pretrain/denoising autoencoder": partial(pretrained, tw.DenoisingAutoencoder()),
    "sweep/replicas": sweep_case(over={"lr": RATES}, validation=0.2),
    "sweep/replicas of adam": sweep_case(
        over={"lr": RATES, "seed": range(2)}, optimizer="adam", metrics=["mae"]
    ),
    "sweep/replicas with dropout": sweep_case(over={"rate": [0.3], "seed": range(5)}),
    "sweep/replicas of which one diverges": sweep_case(over={"lr": [*RATES, 1e25]}),
    "sweep/replicas with a plateau": sweep_case(
        over={"seed": range(5)}, optimizer=tw.SGD(lr=SCHEDULES["plateau"]), restore_best=True
    ),
    "sweep/hidden sizes": sweep_case(over={"hidden": [3, 5, 9], "lr": [0.1, 0.3]}),
    "sweep/ranges": sweep_case(over={"lr": tw.Range(0.01, 1.0, log=True)}, points=6, seed=4),
    "sweep/halving": sweep_case(over={"lr": RATES}, halving=HALVING, validation=0.2),
    "sweep/folds": sweep_case(over={"validation": tw.kfold(N, 4, seed=2)}),
    "sweep/stopping": sweep_case(over={"lr": RATES}, stop=tw.EarlyStopping(1), validation=0.2),
    "restarts": restarted,
    "find_rate": rate_test,
}
