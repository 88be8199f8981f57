"""Denoising autoencoders: hidden units from which a corrupted row can be restored."""

from __future__ import annotations

from typing import Any

from talweg import gates
from talweg.graph import Tensor
from talweg.graph.functions import sum as total
from talweg.nn.losses import Loss, logits_of
from talweg.nn.reconstruction import ReconstructionModel, squared_error
from talweg.settings import Constraint, Flag, Number, check

_CONSTRAINTS: dict[str, Constraint] = {
    "corruption": Number(at_least=0, below=1),
    "tied": Flag(),
}


def _summed_cross_entropy(prediction: Tensor, target: Tensor) -> Tensor:
    logits = logits_of(prediction, "sigmoid")
    rows: Tensor = total(gates.softplus(logits) - logits * target, -1)
    return rows


summed_cross_entropy = Loss("cross_entropy", _summed_cross_entropy, target_kind="binary")
"""-t log(p) - (1 - t) log(1 - p), summed over outputs from 0 to 1, averaged over rows."""


class DenoisingAutoencoder(ReconstructionModel):
    """Restores v (N, D) from a corrupted copy: visible(h V + a), with h = activation(v' W + b).

    In training, v' is v with a fraction `corruption` of its elements set to 0, different ones in
    each step; otherwise v' is v. V is the transpose of W if `tied`, else a separate parameter.
    Train it with `tw.fit(model, X, X, loss=model.loss)`: cross entropy for sigmoid visible units,
    squared error for identity, tanh and relu, both summed over a row. Vincent et al., Extracting
    and composing robust features with denoising autoencoders (2008); corruption 0 is a plain
    autoencoder.

    >>> X = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    >>> model = DenoisingAutoencoder(2)
    >>> run = tw.fit(model, X, X, loss=model.loss, optimizer=tw.Adam(lr=0.1), epochs=100)
    >>> model.predict([[1, 0, 0, 0]]).round()
    array([[1., 1., 0., 0.]], dtype=float32)
    """

    visible_activations = ("sigmoid", "identity", "tanh", "relu")

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
        given = check("DenoisingAutoencoder", given, _CONSTRAINTS)
        super().__init__(units, activation, **settings)
        self.corruption, self.tied = float(given["corruption"]), given["tied"]

    @property
    def loss(self) -> Loss:
        is_sigmoid = self.visible == "sigmoid"
        return summed_cross_entropy if is_sigmoid else squared_error(self.visible)

    def __call__(self, v: Tensor) -> Tensor:
        self.begin_call(v)
        return self.reconstruct(self.hidden(self._corrupted(v)), v.shape[1])

    def decoder_weight(self, inputs: int) -> Tensor:
        """W^T, or V, (H, inputs)."""
        if self.tied:
            return super().decoder_weight(inputs)
        return self.parameter("visible_weight", (self.units or 0, inputs), self.initializer)

    def _corrupted(self, v: Tensor) -> Tensor:
        if not (self.corruption and self.is_training):
            return v
        kept = gates.greater_equal(self.uniform(v.shape, v.dtype), self.corruption)
        corrupted: Tensor = gates.where(kept, v, 0.0)
        return corrupted
