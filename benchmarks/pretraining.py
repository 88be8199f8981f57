"""Layer-wise pretraining on MNIST.

python -m benchmarks.pretraining [--part classifier] [--seed 0] [--folder ../shared/data/mnist]

It compares a pretrained classifier with the same network from a random start, and an autoencoder
with principal components. The classifier's recipe was chosen on the last 10,000 training images,
held out from training: 1.38 % were wrong. The random start has the same recipe, with additional
epochs for the CPU time of pretraining (wall time would include other programs).
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
"""Epochs per layer and then of the whole network, for the classifier and the autoencoder."""
MACHINE = tw.RBM(weight_penalty=tw.L2(1e-4))
COMMON: dict[str, Any] = {"batch_size": 100, "threads": 2, "progress": False}


class Taken(NamedTuple):
    """Wall time and CPU time of one part, in seconds."""

    seconds: float
    busy: float

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s ({self.busy:.0f} s of one core)"


def timed(work: Callable[[], Any]) -> tuple[Any, Taken]:
    start, busy = time.perf_counter(), time.process_time()
    result = work()
    return result, Taken(time.perf_counter() - start, time.process_time() - busy)


def momentum(done: float) -> float:
    """0.5 while the weights still change fast, then 0.9: Hinton, A practical guide (2010), 9."""
    return 0.5 if done < 3 else 0.9


def classifier(X: Any, seed: int) -> tw.Sequential:
    hidden = [tw.Dense(units, "sigmoid") for units in HIDDEN]
    return tw.Sequential(*hidden, tw.Dense(10)).init(X[:1], seed=seed)


def tuned(net: tw.Sequential, X: Any, y: Any, epochs: int, seed: int) -> tw.Run:
    optimizer = tw.Adam(lr=tw.CosineDecay(1e-3))
    settings: dict[str, Any] = {"loss": "cross_entropy", "optimizer": optimizer, "seed": seed}
    return tw.fit(net, X, y, epochs=epochs, **settings, **COMMON)


def digits(folder: Path, seed: int) -> None:
    """The test errors of the pretrained network and of the same one from a random start."""
    per_layer, epochs = DIGITS
    X, y, test_X, test_y = data(folder)

    def report(name: str, net: tw.Module, epochs: int, taken: Taken) -> None:
        wrong = float((net.predict(test_X).argmax(1) != test_y).mean())
        print(f"{name:<13} {epochs:>3} epochs  test error {wrong:.2%}  {taken}", flush=True)

    net, optimizer = classifier(X, seed), tw.SGD(lr=0.1, momentum=momentum)
    more: dict[str, Any] = {"method": MACHINE, "optimizer": optimizer, "epochs": per_layer}
    pretraining, before = timed(lambda: tw.pretrain(net, X, seed=seed, **more, **COMMON))
    for layer, run in zip(pretraining.layers, pretraining.runs, strict=True):
        loss = run.history["loss"][-1]
        print(f"layer {layer}: {run.epochs} epochs of CD-1, squared error {loss:.2f}")
    _, after = timed(lambda: tuned(net, X, y, epochs, seed))
    whole = Taken(before.seconds + after.seconds, before.busy + after.busy)
    print(f"pretraining {before}, fine-tuning {after}")
    report("pretrained", net, epochs, whole)
    in_the_same_time = round(epochs * whole.busy / after.busy)
    net = classifier(X, seed)
    _, taken = timed(lambda: tuned(net, X, y, in_the_same_time, seed))
    report("random start", net, in_the_same_time, taken)


def squared(prediction: Any, target: Any) -> Any:
    """The squared error per image."""
    return tw.sum((prediction - target) ** 2.0, 1)


def components(X: Any, test_X: Any, count: int) -> float:
    """The squared error per image of a reconstruction from principal components."""
    mean = X.mean(0)
    kept = np.linalg.svd(np.cov(X, rowvar=False))[2][:count]
    gaps = test_X - mean
    return float(((gaps - gaps @ kept.T @ kept) ** 2).sum(1).mean())


def images(folder: Path, seed: int) -> None:
    """The squared error per test image, with an autoencoder and with principal components."""
    per_layer, epochs = IMAGES
    X, _, test_X, _ = data(folder)
    *inner, code = ENCODER
    encoder = tw.Sequential(*(tw.Dense(units, "sigmoid") for units in inner), tw.Dense(code))
    rules = [tw.SGD(lr=lr, momentum=momentum) for lr in (*(0.1 for _ in inner), 0.001)]
    more: dict[str, Any] = {"method": MACHINE, "optimizer": rules, "epochs": per_layer}
    layers = range(len(ENCODER))
    pretraining, before = timed(
        lambda: tw.pretrain(encoder, X, layers=layers, seed=seed, **more, **COMMON)
    )
    whole = pretraining.unfold()

    def report(name: str, error: float) -> None:
        print(f"{name:<30} squared error per test image {error:6.2f}", flush=True)

    def test_error() -> float:
        return float(((whole.predict(test_X) - test_X) ** 2).sum(1).mean())

    sizes = "-".join(map(str, (784, *ENCODER)))
    report(f"{code} principal components", components(X, test_X, code))
    report(f"{sizes}, pretrained", test_error())
    optimizer = tw.Adam(lr=tw.CosineDecay(1e-3))
    settings: dict[str, Any] = {"loss": squared, "optimizer": optimizer, "seed": seed}
    _, after = timed(lambda: tw.fit(whole, X, X, epochs=epochs, **settings, **COMMON))
    report(f"{sizes}, fine-tuned", test_error())
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
