"""The rows that the runs learn from: the same bits on every processor."""

from __future__ import annotations

import numpy as np

N = 41  # leaves a short batch behind batches of 8
RANDOM = np.random.default_rng(12)
X = RANDOM.normal(size=(N, 3))
GAP = X[:, 0] - X[:, 1]
Y = np.stack([GAP / np.sqrt(1 + GAP * GAP), X[:, 2] * X[:, 0]], axis=1)
Y += 0.1 * RANDOM.normal(size=Y.shape)
CLASSES = (X[:, 0] > 0) + (X[:, 1] > 0.3).astype(np.int64)
BITS = (Y > 0).astype(float)
CODES = RANDOM.integers(0, 5, (N, 2)).astype(float)
IMAGES = RANDOM.random((N, 6))
WIDE = RANDOM.normal(size=(N, 150))
SERIES = RANDOM.normal(size=(N, 4, 3))
WEIGHTS = np.linspace(0.25, 3.0, N) * (np.arange(N) % 5 != 2)
