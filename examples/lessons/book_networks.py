"""The networks that `overfitting.py` trains, after "Grokking Deep Learning", chapters 8 to 10.

The book (A. Trask) draws a dropout mask in each step from NumPy's generator. To reproduce its
numbers, each row carries its own mask beside its pixels. Where the book's backward pass differs
from the true gradient, `stop_gradient` hides the parts that the book leaves out.
"""

from dataclasses import dataclass

import numpy as np

import talweg as tw

constant = tw.stop_gradient


@dataclass(frozen=True)
class Recipe:
    """How the book trains one network."""

    hidden: int
    alpha: float
    batch_size: int = 1
    spread: float = 0.2  # of the initial first weights
    dropout: bool = True
    softmax: bool = False  # with tanh hidden units instead of relu
    updates: int = 1  # weight updates per batch, all with the same outputs
    convolution: bool = False


RECIPES = {
    "plain": Recipe(40, 0.005, dropout=False),
    "dropout": Recipe(100, 0.005),
    "batches": Recipe(100, 0.001, batch_size=100, updates=100),
    "softmax": Recipe(100, 0.02, batch_size=100, spread=0.02, softmax=True),
    "convolution": Recipe(16, 2 / 128, batch_size=128, spread=0.02, softmax=True, convolution=True),
}


class Reader(tw.Module):
    """Map pixels, masks of the hidden units (0 or 2; 1 at test time) and targets to classes."""

    dtype = "float64"

    def __init__(self, recipe: Recipe, height: int, width: int, classes: int) -> None:
        self.recipe, self.height, self.width, self.classes = recipe, height, width, classes
        # the book leaves out the last window of each row and column
        self.windows = (height - 3) * (width - 3) if recipe.convolution else 1
        self.units = recipe.hidden * self.windows

    def shapes(self) -> dict[str, tuple[int, int]]:
        pixels = 9 if self.recipe.convolution else self.height * self.width
        return {"first": (pixels, self.recipe.hidden), "second": (self.units, self.classes)}

    def sums(self, pixels: tw.Tensor) -> tw.Tensor:
        first = self.parameter("first", self.shapes()["first"])
        if not self.recipe.convolution:
            return tw.matmul(pixels, first)
        image = tw.reshape(pixels, (len(pixels), self.height, self.width))
        down, across = self.height - 3, self.width - 3
        shifted = [image[:, i : i + down, j : j + across] for i in range(3) for j in range(3)]
        windows = [tw.reshape(part, (len(pixels), self.windows, 1)) for part in shifted]
        negated = 2 * constant(first) - first  # the book adds this gradient instead of subtracting
        sums = tw.matmul(tw.concatenate(windows, axis=2), negated)
        return tw.reshape(sums, (len(pixels), self.units))

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        end = self.height * self.width
        pixels, mask, targets = x[:, :end], x[:, end : end + self.units], x[:, end + self.units :]
        sums, second = self.sums(pixels), self.parameter("second", self.shapes()["second"])
        value = constant((tw.tanh if self.recipe.softmax else tw.relu)(sums) * mask)
        # the book's derivatives: relu's is 1 everywhere, tanh's is taken after the mask
        slope = tw.minimum(mask, 1.0) * (1 - value * value if self.recipe.softmax else 1.0)
        layer = value + constant(slope) * (sums - constant(sums))
        if self.recipe.updates == 1:
            return tw.matmul(layer, second)
        # the backward pass uses the mean of the second weights over these updates
        gap = targets - tw.matmul(value, second)
        step = self.recipe.alpha * (self.recipe.updates - 1) / 2 / self.recipe.updates
        mean_second = second + step * tw.matmul(value.T, gap)
        return tw.matmul(value, second) + tw.matmul(layer - value, constant(mean_second))

    def rows(self, X: np.ndarray, y: np.ndarray, passes: int, draws: bool) -> np.ndarray:
        """The images repeated for each pass, each with its mask and the targets it needs."""
        targets = y[:, : self.classes * (self.recipe.updates > 1)]
        count, pixels = X.shape
        end = pixels + self.units
        rows = np.empty((passes, count, end + targets.shape[1]))
        masks = rows[..., pixels:end]
        rows[..., :pixels], rows[..., end:] = X, targets
        masks[:] = 2 * np.random.randint(2, size=masks.shape) if draws else 1
        return rows.reshape(passes * count, -1)
