"""The nets that `by_heart.py` trains, after "Grokking Deep Learning", chapters 8 to 10 (A. Trask).

The book draws a mask for the hidden units at each step, with NumPy's generator; so that its numbers
come out, each row brings its mask along with its pixels. Where the book's way back is not that of
the true gradient, `stop_gradient` holds what it does not see.
"""

from dataclasses import dataclass

import numpy as np

import talweg as tw

held = tw.stop_gradient


@dataclass(frozen=True)
class Way:
    """How a net of the book learns."""

    hidden: int
    alpha: float
    batch_size: int = 1
    spread: float = 0.2  # of the first weights
    drops: bool = True
    softmax: bool = False  # and tanh in the place of relu
    updates: int = 1  # of the weights with one batch, whose outputs are computed once
    kernels: bool = False


WAYS = {
    "plain": Way(40, 0.005, drops=False),
    "dropout": Way(100, 0.005),
    "batches": Way(100, 0.001, batch_size=100, updates=100),
    "softmax": Way(100, 0.02, batch_size=100, spread=0.02, softmax=True),
    "convolution": Way(16, 2 / 128, batch_size=128, spread=0.02, softmax=True, kernels=True),
}


class Reader(tw.Module):
    """Rows of pixels, a mask for the hidden units (0 or 2; 1 in use), and the goals, to classes."""

    dtype = "float64"

    def __init__(self, way: Way, height: int, width: int, classes: int) -> None:
        self.way, self.height, self.width, self.classes = way, height, width, classes
        self.places = (height - 3) * (width - 3) if way.kernels else 1  # the book leaves out one
        self.units = way.hidden * self.places

    def shapes(self) -> dict[str, tuple[int, int]]:
        pixels = 9 if self.way.kernels else self.height * self.width
        return {"first": (pixels, self.way.hidden), "second": (self.units, self.classes)}

    def sums(self, pixels: tw.Tensor) -> tw.Tensor:
        first = self.parameter("first", self.shapes()["first"])
        if not self.way.kernels:
            return tw.matmul(pixels, first)
        square = tw.reshape(pixels, (len(pixels), self.height, self.width))
        down, across = self.height - 3, self.width - 3
        parts = [square[:, i : i + down, j : j + across] for i in range(3) for j in range(3)]
        parts = [tw.reshape(each, (len(pixels), self.places, 1)) for each in parts]
        turned = 2 * held(first) - first  # the book adds this gradient where it should subtract
        found = tw.matmul(tw.concatenate(parts, axis=2), turned)
        return tw.reshape(found, (len(pixels), self.units))

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        end = self.height * self.width
        pixels, mask, goals = x[:, :end], x[:, end : end + self.units], x[:, end + self.units :]
        sums, second = self.sums(pixels), self.parameter("second", self.shapes()["second"])
        value = held((tw.tanh if self.way.softmax else tw.relu)(sums) * mask)
        # the book's slopes: that of relu is 1 everywhere, that of tanh is taken after the mask
        slope = tw.minimum(mask, 1.0) * (1 - value * value if self.way.softmax else 1.0)
        layer = value + held(slope) * (sums - held(sums))
        if self.way.updates == 1:
            return tw.matmul(layer, second)
        # what goes back meets the second weights as they are on average over these updates
        gap = goals - tw.matmul(value, second)
        moved = self.way.alpha * (self.way.updates - 1) / 2 / self.way.updates
        later = second + moved * tw.matmul(value.T, gap)
        return tw.matmul(value, second) + tw.matmul(layer - value, held(later))

    def rows(self, X: np.ndarray, y: np.ndarray, passes: int, draws: bool) -> np.ndarray:
        """The pictures of so many passes, each with the mask and the goals that it needs."""
        shape = (passes * len(X), self.units)
        masks = 2.0 * np.random.randint(2, size=shape) if draws else np.ones(shape)
        goals = np.tile(y, (passes, 1))[:, : self.classes * (self.way.updates > 1)]
        return np.hstack([np.tile(X, (passes, 1)), masks, goals])
