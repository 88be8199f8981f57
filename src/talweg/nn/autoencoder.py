"""Denoising autoencoders: hidden units from which a row can be restored that was damaged."""

from __future__ import annotations

from typing import Any

from talweg import gates
from talweg.graph import Tensor
from talweg.graph.functions import sum as total
from talweg.nn.losses import Loss, logits_of
from talweg.nn.reconstruction import ReconstructionModel, squared_error
from talweg.settings import Constraint, Flag, Number, check

_RULES: dict[str, Constraint] = {"corruption": Number(at_least=0, below=1), "tied": Flag()}


def _bits(prediction: Tensor, target: Tensor) -> Tensor:
    logits = logits_of(prediction, "sigmoid")
    rows: Tensor = total(gates.softplus(logits) - logits * target, -1)
    return rows


bits_error = Loss("cross_entropy", _bits, target_kind="binary")
"""-t log(p) - (1 - t) log(1 - p), the sum over outputs from 0 to 1, a mean over rows."""


class DenoisingAutoencoder(ReconstructionModel):
    """What restores v (N, D) from a damaged copy: visible(h V + a), h = activation(v' W + b).

    In training v' is v with a share `corruption` of its numbers set to 0, others in each step; else
    it is v. V is the transpose of W, or where not `tied` weights of its own. Train it by
    `tw.fit(pair, X, X, loss=pair.loss)`: cross entropy for sigmoid visible units, and squared
    error for identity, tanh and relu, both added up over a row. Vincent et al., Extracting and
    composing robust features with denoising autoencoders (2008); corruption 0 is the plain one.

    >>> X = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    >>> pair = DenoisingAutoencoder(2)
    >>> run = tw.fit(pair, X, X, loss=pair.loss, optimizer=tw.Adam(lr=0.1), epochs=100)
    >>> pair.predict([[1, 0, 0, 0]]).round()
    array([[1., 1., 0., 0.]], dtype=float32)
    """

    seeing = ("sigmoid", "identity", "tanh", "relu")

    def __init__(
        self,
        units: int | None = None,
        activation: Any = "sigmoid",
        *,
        corruption: float = 0.25,
        tied: bool = True,
        **settings: Any,
    ) -> None:
        given = {"corruption": corruption, "tied": tied}
        given = check("DenoisingAutoencoder", given, _RULES)
        super().__init__(units, activation, **settings)
        self.corruption, self.tied = float(given["corruption"]), given["tied"]

    @property
    def loss(self) -> Loss:
        return bits_error if self.visible == "sigmoid" else squared_error(self.visible)

    def __call__(self, v: Tensor) -> Tensor:
        self.begin(v)
        return self.seen(self.hidden(self._damaged(v)), v.shape[1])

    def way_back(self, inputs: int) -> Tensor:
        """W^T, or V, (H, inputs)."""
        if self.tied:
            return super().way_back(inputs)
        return self.parameter("visible_weight", (self.units or 0, inputs), self.start)

    def _damaged(self, v: Tensor) -> Tensor:
        if not (self.corruption and self.is_training):
            return v
        kept = gates.greater_equal(self.uniform(v.shape, v.dtype), self.corruption)
        damaged: Tensor = gates.where(kept, v, 0.0)
        return damaged
