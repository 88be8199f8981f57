"""MNIST, pretrained layer by layer: a classifier beside the same net from a random start, and an
autoencoder beside principal components.

python -m benchmarks.pretraining [--part classifier] [--seed 0] [--folder ../shared/data/mnist]

The classifier's recipe was tried on the last 10,000 training images, without learning from them:
1.38 % were wrong. The random start has the same recipe, and as many epochs more as pretraining took
time: that of the processor, since the clock also counts what other programs do.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import talweg as tw
from benchmarks.mnist import data

HIDDEN = (500, 500, 500)
ENCODER = (500, 250, 30)
DIGITS, IMAGES = (10, 20), (4, 12)
"""Epochs of each layer by itself, and then of the whole net, for the classifier and the encoder."""
MACHINE = tw.RBM(weight_penalty=tw.L2(1e-4))
COMMON: dict[str, Any] = {"batch_size": 100, "threads": 2, "progress": False}


class Taken(NamedTuple):
    """The time of one part by the clock, and by the processor's two cores together."""

    seconds: float
    busy: float

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s ({self.busy:.0f} s of one core)"


def timed(work: Callable[[], Any]) -> tuple[Any, Taken]:
    start, busy = time.perf_counter(), time.process_time()
    found = work()
    return found, Taken(time.perf_counter() - start, time.process_time() - busy)


def momentum(done: float) -> float:
    """Half at first, as long as weights go far: Hinton, A practical guide (2010), 9."""
    return 0.5 if done < 3 else 0.9


def classifier(X: Any, seed: int) -> tw.Sequential:
    hidden = [tw.Dense(units, "sigmoid") for units in HIDDEN]
    return tw.Sequential(*hidden, tw.Dense(10)).init(X[:1], seed=seed)


def tuned(net: tw.Sequential, X: Any, y: Any, epochs: int, seed: int) -> tw.Run:
    rule = tw.Adam(lr=tw.CosineDecay(1e-3))
    settings: dict[str, Any] = {"loss": "cross_entropy", "optimizer": rule, "seed": seed}
    return tw.fit(net, X, y, epochs=epochs, **settings, **COMMON)


def digits(folder: Path, seed: int) -> None:
    """The errors of the pretrained net and of the same net from a random start."""
    prepared, epochs = DIGITS
    X, y, test_X, test_y = data(folder)

    def tell(name: str, net: tw.Module, epochs: int, taken: Taken) -> None:
        wrong = float((net.predict(test_X).argmax(1) != test_y).mean())
        print(f"{name:<13} {epochs:>3} epochs  test error {wrong:.2%}  {taken}", flush=True)

    net, rule = classifier(X, seed), tw.SGD(lr=0.1, momentum=momentum)
    more: dict[str, Any] = {"method": MACHINE, "optimizer": rule, "epochs": prepared}
    found, before = timed(lambda: tw.pretrain(net, X, seed=seed, **more, **COMMON))
    for place, run in zip(found.layers, found.runs, strict=True):
        loss = run.history["loss"][-1]
        print(f"layer {place}: {run.epochs} epochs of CD-1, squared error {loss:.2f}")
    _, after = timed(lambda: tuned(net, X, y, epochs, seed))
    whole = Taken(before.seconds + after.seconds, before.busy + after.busy)
    print(f"pretraining {before}, fine-tuning {after}")
    tell("pretrained", net, epochs, whole)
    as_many = round(epochs * whole.busy / after.busy)
    net = classifier(X, seed)
    _, taken = timed(lambda: tuned(net, X, y, as_many, seed))
    tell("random start", net, as_many, taken)


def squared(prediction: Any, target: Any) -> Any:
    """The squared error of an image."""
    return tw.sum((prediction - target) ** 2.0, 1)


def components(X: Any, test_X: Any, count: int) -> float:
    """The squared error of an image that is left by principal components."""
    mean = X.mean(0)
    kept = np.linalg.svd(np.cov(X, rowvar=False))[2][:count]
    gaps = test_X - mean
    return float(((gaps - gaps @ kept.T @ kept) ** 2).sum(1).mean())


def images(folder: Path, seed: int) -> None:
    """The squared error of a test image, by an autoencoder and by principal components."""
    prepared, epochs = IMAGES
    X, _, test_X, _ = data(folder)
    *inner, code = ENCODER
    encoder = tw.Sequential(*(tw.Dense(units, "sigmoid") for units in inner), tw.Dense(code))
    rules = [tw.SGD(lr=lr, momentum=momentum) for lr in (*(0.1 for _ in inner), 0.001)]
    more: dict[str, Any] = {"method": MACHINE, "optimizer": rules, "epochs": prepared}
    places = range(len(ENCODER))
    found, before = timed(
        lambda: tw.pretrain(encoder, X, layers=places, seed=seed, **more, **COMMON)
    )
    whole = found.unfold()

    def tell(name: str, error: float) -> None:
        print(f"{name:<30} squared error of a test image {error:6.2f}", flush=True)

    def left() -> float:
        return float(((whole.predict(test_X) - test_X) ** 2).sum(1).mean())

    sizes = "-".join(map(str, (784, *ENCODER)))
    tell(f"{code} principal components", components(X, test_X, code))
    tell(f"{sizes}, pretrained", left())
    rule = tw.Adam(lr=tw.CosineDecay(1e-3))
    settings: dict[str, Any] = {"loss": squared, "optimizer": rule, "seed": seed}
    _, after = timed(lambda: tw.fit(whole, X, X, epochs=epochs, **settings, **COMMON))
    tell(f"{sizes}, fine-tuned", left())
    print(f"pretraining {before}, fine-tuning {epochs} epochs {after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("classifier", "autoencoder"))
    parser.add_argument("--folder", type=Path, default=Path("../shared/data/mnist"))
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    if settings.part != "autoencoder":
        digits(settings.folder, settings.seed)
    if settings.part != "classifier":
        images(settings.folder, settings.seed)


if __name__ == "__main__":
    main()
