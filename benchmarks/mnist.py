"""MNIST with a 784-256-128-10 network: talweg and PyTorch with the same network and schedule.

python -m benchmarks.mnist [--epochs 12] [--folder ../shared/data/mnist] [--peer]
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np

SIZES = (784, 256, 128, 10)
BATCH = 128
RATES = (1e-3, 3e-4, 1e-4)
"""Adam's learning rate in the first half, the third quarter, and the last quarter."""


def read(folder: Path, name: str, skip: int) -> Any:
    """The numbers of an idx file, after its header."""
    with gzip.open(folder / name) as file:
        return np.frombuffer(file.read(), np.uint8, offset=skip)


def data(folder: Path) -> tuple[Any, Any, Any, Any]:
    """Training and test images as rows of numbers from 0 to 1, and their labels."""
    images = [read(folder, f"{part}-images-idx3-ubyte.gz", 16) for part in ("train", "t10k")]
    labels = [read(folder, f"{part}-labels-idx1-ubyte.gz", 8) for part in ("train", "t10k")]
    X, test_X = (part.reshape(-1, 784).astype(np.float32) / 255 for part in images)
    y, test_y = (part.astype(np.int64) for part in labels)
    return X, y, test_X, test_y


def parts(epochs: int) -> list[tuple[int, float]]:
    """(epochs, learning rate) of each part of the schedule."""
    quarter = max(1, epochs // 4)
    counts = (epochs - 2 * quarter, quarter, quarter)
    return [pair for pair in zip(counts, RATES, strict=True) if pair[0] > 0]


def by_talweg(X: Any, y: Any, test_X: Any, test_y: Any, epochs: int) -> tuple[float, float]:
    """(seconds, accuracy on the test rows)."""
    import talweg as tw

    start = time.perf_counter()
    layers = [tw.Dense(size, "relu") for size in SIZES[1:-1]]
    net = tw.Sequential(*layers, tw.Dense(SIZES[-1])).init(X, seed=0)
    for seed, (count, lr) in enumerate(parts(epochs)):
        run = tw.fit(
            net,
            X,
            y,
            loss="cross_entropy",
            optimizer=tw.Adam(lr=lr),
            epochs=count,
            batch_size=BATCH,
            seed=seed,
            progress=False,
        )
        print(run)
    seconds = time.perf_counter() - start
    return seconds, float((net.predict(test_X).argmax(1) == test_y).mean())


def by_torch(X: Any, y: Any, test_X: Any, test_y: Any, epochs: int) -> tuple[float, float]:
    """The same in PyTorch, eager with its fused optimizer, rows sliced from one tensor."""
    import torch

    torch.manual_seed(0)
    start = time.perf_counter()
    layers: list[Any] = []
    for inputs, outputs in itertools.pairwise(SIZES):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    rows, labels = torch.from_numpy(X), torch.from_numpy(y)
    for count, lr in parts(epochs):
        optimizer = torch.optim.Adam(net.parameters(), lr=lr, fused=True)
        for _ in range(count):
            for batch in torch.randperm(len(rows)).split(BATCH):
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(net(rows[batch]), labels[batch])
                loss.backward()
                optimizer.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        predicted = net(torch.from_numpy(test_X)).argmax(1).numpy()
    return seconds, float((predicted == test_y).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--folder", type=Path, default=Path("../shared/data/mnist"))
    parser.add_argument("--peer", action="store_true", help="also train with PyTorch")
    settings = parser.parse_args()
    arrays = data(settings.folder)
    for name, train in {"talweg": by_talweg, "PyTorch": by_torch}.items():
        if name == "talweg" or settings.peer:
            seconds, accuracy = train(*arrays, settings.epochs)
            print(f"{name}: {settings.epochs} epochs in {seconds:.1f} s, test {accuracy:.2%}")


if __name__ == "__main__":
    main()
