"""Single runs: every optimizer, schedule, loss, activation and layer, and the settings of `fit`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import talweg as tw
from benchmarks.same_bits_cases.data import (
    BITS,
    CLASSES,
    CODES,
    IMAGES,
    SERIES,
    WEIGHTS,
    WIDE,
    N,
    X,
    Y,
)
from benchmarks.same_bits_cases.networks import (
    Attention,
    MixedRows,
    between,
    dense,
    embedded,
    initialized,
    penalized,
    quartic,
)
from benchmarks.same_bits_cases.parts import Array, Parts, run_parts
from talweg.nn.bins import Bins


def fit(
    net: Callable[[], tw.Module] = dense,
    x: Array = X,
    y: Array = Y,
    *,
    engine: str,
    dtype: str,
    **settings: Any,
) -> tw.Run:
    """A short run of a new network from fixed starting weights."""
    model = net()
    model.dtype = dtype
    model.init(x, seed=1)
    given = {"epochs": 4, "batch_size": 8, "seed": 5, "progress": False, **settings}
    return tw.fit(model, x, y, engine=engine, **given)


def fit_case(
    net: Callable[[], tw.Module] = dense, x: Array = X, y: Array = Y, **settings: Any
) -> Callable[..., Parts]:
    return lambda **where: run_parts(fit(net, x, y, **settings, **where))


OPTIMIZERS: dict[str, Any] = {
    "sgd": tw.SGD(lr=0.1),
    "sgd momentum nesterov": tw.SGD(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": tw.Adam(lr=0.02),
    "adam amsgrad decay": tw.Adam(lr=0.02, amsgrad=True, weight_decay=0.1),
    "adamw": tw.AdamW(lr=0.02),
    "adagrad": tw.AdaGrad(lr=0.1),
    "adadelta": tw.AdaDelta(eps=1e-4),
    "rmsprop": tw.RMSProp(lr=0.003),
    "rmsprop centered": tw.RMSProp(lr=0.002, momentum=0.8, centered=True),
    "adamax": tw.Adamax(lr=0.05),
    "nadam": tw.NAdam(lr=0.02),
    "radam": tw.RAdam(lr=0.02, beta2=0.9),
    "lion": tw.Lion(lr=0.005),
    "muon": tw.Muon(lr=0.02),
    "clip norm": tw.SGD(lr=0.1, clip_norm=0.1),
    "clip value": tw.Adam(lr=0.02, clip_value=0.01),
    "decoupled decay": tw.NAdam(lr=0.02, weight_decay=0.1, decoupled_weight_decay=True),
}
SCHEDULES: dict[str, Any] = {
    "step decay": tw.StepDecay(0.1, step_size=2, factor=0.5),
    "exponential": tw.ExponentialDecay(0.1, 0.8),
    "inverse scaling": tw.InverseScaling(0.1),
    "cosine": tw.CosineDecay(0.1, epochs=2, restarts=True),
    "one cycle": tw.OneCycle(0.2),
    "warm up": tw.LinearWarmup(tw.CosineDecay(0.1), epochs=2),
    "function": lambda done: 0.1 / (1 + 0.3 * done),
    "plateau": tw.ReduceOnPlateau(0.2, factor=0.5, patience=0, threshold=0.1, watch="loss"),
}
LOSSES: dict[str, Array] = {
    **dict.fromkeys(("mse", "sse", "half_sse", "mae", "huber"), Y),
    "binary_cross_entropy": BITS,
    "cross_entropy": CLASSES,
}
ACTIVATIONS = [
    *("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu"),
    *("softplus", "softmax"),
]
LAYERS: dict[str, Any] = {
    "dropout": between(tw.Dropout, 0.3),
    "drop connect": between(tw.DropConnect, 5, "tanh", rate=0.3),
    "noise": between(tw.GaussianNoise, 0.1),
    "noisy dense": between(tw.NoisyDense, 5, "tanh", stddev=0.1),
    "batch norm": between(tw.BatchNorm),
    "layer norm": between(tw.LayerNorm),
    "bins": lambda: tw.Sequential(Bins.from_rows(X, 5), tw.Dense(4, "relu"), tw.Dense(2)),
    "ensemble": lambda: tw.Ensemble(dense("relu"), dense("tanh")),
    "penalties and max norm": penalized,
    "initializers": initialized,
    "wide": partial(dense, "relu", hidden=130),
}
FULL_BATCH: dict[str, Any] = {
    "bfgs": tw.BFGS(),
    "lbfgs": tw.LBFGS(history_size=3),
    "annealing": tw.SimulatedAnnealing(temperature=5.0, restart_after=2, move_fraction=0.5),
}
STOPS: dict[str, Any] = {
    "max epochs": tw.MaxEpochs(3),
    "target loss": tw.TargetLoss(0.4),
    "min decrease": tw.MinDecrease(0.05),
    "patience": tw.EarlyStopping(2),
    "both": tw.MaxEpochs(4) & tw.TargetLoss(0.6, watch="mae"),
    "either": [tw.TargetLoss(-1.0), tw.MaxEpochs(5) | tw.EarlyStopping(1, min_delta=0.05)],
}
ROUGH: dict[str, Any] = {"optimizer": tw.SGD(lr=0.4, momentum=0.5), "epochs": 9}
VALIDATED: dict[str, Any] = {**ROUGH, "validation": 0.3, "metrics": ["mae"]}
CLASSIFIED: dict[str, Any] = {"loss": "cross_entropy", "metrics": ["accuracy", "cross_entropy"]}
THREE_CLASSES = partial(dense, outputs=3)
FITS: dict[str, Callable[..., Parts]] = {
    **{f"optimizer/{name}": fit_case(optimizer=rule) for name, rule in OPTIMIZERS.items()},
    **{
        f"schedule/{name}": fit_case(optimizer=tw.SGD(lr=lr), epochs=6)
        for name, lr in SCHEDULES.items()
    },
    "schedule/plateau and one cycle": fit_case(
        optimizer=tw.SGD(
            lr=tw.OneCycle(0.1),
            momentum=tw.ReduceOnPlateau(0.9, factor=0.5, patience=0, threshold=0.5, watch="loss"),
        ),
        epochs=6,
    ),
    **{
        f"loss/{name}": fit_case(
            THREE_CLASSES if y is CLASSES else dense,
            y=y,
            loss=name,
            metrics=["accuracy"],
            sample_weight=WEIGHTS,
            optimizer=tw.SGD(lr=0.02),
        )
        for name, y in LOSSES.items()
    },
    "loss/make_huber": fit_case(loss=tw.Huber(0.5)),
    "loss/make_cross_entropy": fit_case(THREE_CLASSES, y=CLASSES, loss=tw.CrossEntropy(0.1)),
    "loss/own": fit_case(
        loss=quartic, metrics=tw.Metric("own", lambda p, t: tw.exp(-abs(p[:, 0] - t[:, 1])))
    ),
    **{f"activation/{name}": fit_case(partial(dense, name)) for name in ACTIVATIONS},
    **{f"layer/{name}": fit_case(net, validation=0.2) for name, net in LAYERS.items()},
    "layer/embedding": fit_case(embedded, x=CODES, validation=0.2),
    "layer/large": fit_case(lambda: tw.Sequential(*map(tw.Dense, (140, 70, 2))), x=WIDE),
    "layer/attention": fit_case(Attention, x=SERIES, validation=0.2),
    "layer/mixed rows": fit_case(MixedRows, x=X[:40], y=Y[:40], optimizer=tw.SGD(lr=0.02)),
    "layer/ensemble of logits": fit_case(
        lambda: tw.Ensemble(THREE_CLASSES(), THREE_CLASSES(), logits=True), y=CLASSES, **CLASSIFIED
    ),
    "layer/rbm": fit_case(lambda: tw.RBM(4), x=IMAGES, y=IMAGES, loss=tw.RBM(4).loss),
    "layer/rbm persistent": fit_case(
        lambda: tw.RBM(4, k=2, persistent=True, chains=7), x=IMAGES, y=IMAGES, loss=tw.RBM(4).loss
    ),
    "layer/denoising autoencoder": fit_case(
        lambda: tw.DenoisingAutoencoder(4, tied=False),
        x=IMAGES,
        y=IMAGES,
        loss=tw.DenoisingAutoencoder(4).loss,
    ),
    **{
        f"full batch/{name}": fit_case(
            optimizer=rule, batch_size=None, validation=0.2, epochs=6, metrics=["mae"]
        )
        for name, rule in FULL_BATCH.items()
    },
    **{f"stop/{name}": fit_case(stop=rule, **VALIDATED) for name, rule in STOPS.items()},
    "run/keep best": fit_case(restore_best=True, **VALIDATED),
    "run/keep best of all rows": fit_case(restore_best=True, **ROUGH),
    "run/keep last": fit_case(restore_best=False, **VALIDATED),
    "run/holdout": fit_case(validation=tw.Holdout(0.2, seed=3)),
    "run/fold": fit_case(validation=tw.kfold(N, 3, seed=1)[1]),
    "run/validated on many rows": fit_case(
        validation=(np.resize(X, (1500, 3)), np.resize(Y, (1500, 2))), epochs=2
    ),
    "run/row weights": fit_case(sample_weight=WEIGHTS, validation=0.3),
    "run/class weights": fit_case(
        THREE_CLASSES, y=CLASSES, class_weight="balanced", sample_weight=WEIGHTS, **CLASSIFIED
    ),
    "run/rates": fit_case(lr_multipliers={"0": 0.1}, optimizer=tw.RMSProp(weight_decay=0.01)),
    "run/frozen layer": fit_case(lr_multipliers={"0": 0.0}),
    "run/batch of 1": fit_case(batch_size=1, epochs=2),
    "run/full batch": fit_case(batch_size=None, epochs=6),
    "run/in order": fit_case(shuffle=False),
    "run/watching epochs": fit_case(watch="epoch", batch_size=3),
    "run/watching steps": fit_case(watch="step", validation=0.3),
    "run/diverging": fit_case(optimizer=tw.SGD(lr=1e25), epochs=20),
    "run/adaptive sampling of classes": fit_case(
        THREE_CLASSES, y=CLASSES, sampler=tw.AdaptiveSampling(strata="classes"), **CLASSIFIED
    ),
    "run/adaptive sampling of rows": fit_case(
        sampler=tw.AdaptiveSampling(), optimizer=tw.SGD(lr=0.05)
    ),
}
