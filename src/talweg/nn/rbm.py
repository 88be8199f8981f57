"""Restricted Boltzmann machines, trained by contrastive divergence."""

from __future__ import annotations

from typing import Any

from talweg import gates
from talweg.graph import Tensor
from talweg.graph.functions import mean, sum as total
from talweg.nn.noise import standard_normal
from talweg.nn.reconstruction import ReconstructionModel
from talweg.settings import Constraint, Flag, Number, check

_CONSTRAINTS: dict[str, Constraint] = {
    "k": Number(at_least=1, whole=True),
    "persistent": Flag(),
    "chains": Number(at_least=1, whole=True),
    "sample_visible": Flag(),
}
_UNITS = {("sigmoid", "sigmoid"), ("sigmoid", "identity"), ("identity", "sigmoid")}
"""(visible, hidden) units that are possible: with identity on both sides, E has no lower bound."""


class RBM(ReconstructionModel):
    """A restricted Boltzmann machine: p(v, h) = exp(-E) / Z with E = -v W h - a v - b h.

    A step descends along the gradient of F(v) - F(v_k), where F(v) = -log sum_h exp(-E) is the free
    energy and v_k is the row after `k` rounds of Gibbs sampling, taken as a constant. This raises
    the probability of the data relative to samples of the model (CD-k). With `persistent`, v_k
    comes from `chains` Markov chains that continue from step to step (PCD). Sigmoid units are
    binary; identity units are Gaussian with variance 1, with (v - a)^2 / 2 in place of -a v in E,
    or h^2 / 2 more. Gaussian visible units need rows with mean 0 and variance 1, and a small lr.

    Hidden units are sampled; their probabilities enter the gradient. Visible units are sampled with
    `sample_visible` or `persistent`; otherwise they stay probabilities, which is less noisy.
    `tw.fit(rbm, X, X, loss=rbm.loss)` reports the squared error of the reconstruction after one
    round. Hinton, Training products of experts by minimizing contrastive divergence (2002);
    Tieleman, Training RBMs using approximations to the likelihood gradient (2008).

    >>> X = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    >>> rbm = RBM(4)
    >>> run = tw.fit(rbm, X, X, loss=rbm.loss, optimizer=tw.SGD(lr=0.5), epochs=500)
    >>> rbm.predict(X).round()
    array([[1., 1., 0., 0.],
           [0., 0., 1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        units: int | None = None,
        activation: Any = "sigmoid",
        *,
        k: int = 1,
        persistent: bool = False,
        chains: int = 100,
        sample_visible: bool = False,
        **settings: Any,
    ) -> None:
        given = {"k": k, "persistent": persistent, "chains": chains}
        given = check("RBM", {**given, "sample_visible": sample_visible}, _CONSTRAINTS)
        super().__init__(units, activation, **settings)
        self.k, self.chains = given["k"], given["chains"]
        self.persistent, self.sample_visible = given["persistent"], given["sample_visible"]

    def __call__(self, v: Tensor) -> Tensor:
        self.begin_call(v)
        inputs = v.shape[1]
        reconstruction = self.reconstruct(self.hidden(v), inputs)
        if self.persistent:
            chain = self.parameter("chain", (self.chains, inputs), "uniform")
        if not self.is_training:
            return reconstruction
        if self.persistent:
            _, sample = self._gibbs(chain)
            self.training().assigned[self.path_of("chain")] = sample
            model_energy = mean(self.free_energy(sample))
        else:
            reconstruction, sample = self._gibbs(v)
            model_energy = self.free_energy(sample)
        self.training().penalties.append(self.free_energy(v) - model_energy)
        reported: Tensor = gates.stop_gradient(reconstruction)
        return reported

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = -a v - sum log(1 + exp(v W + b)) for each row: -log sum_h exp(-E).

        Gaussian hidden units have (v W + b)^2 / 2 in place of the logarithm.
        """
        sums, bias = self.hidden_sums(v), self.visible_bias(v.shape[1])
        is_gaussian = self.activation.name == "identity"
        hidden = 0.5 * (sums * sums) if is_gaussian else gates.softplus(sums)
        visible = 0.5 * ((v - bias) * (v - bias)) if self.visible == "identity" else -v * bias
        energy: Tensor = total(visible, 1) - total(hidden, 1)
        return energy

    def _gibbs(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """The visible units as means after one round, and after `k` rounds as a constant."""
        means: list[Tensor] = []
        for _ in range(self.k):
            hidden = self._sampled(self.hidden(v), self.activation.name)
            means.append(self.reconstruct(hidden, v.shape[1]))
            is_sampled = self.sample_visible or self.persistent
            v = self._sampled(means[-1], self.visible) if is_sampled else means[-1]
        return means[0], gates.stop_gradient(v)

    def _sampled(self, means: Tensor, activation: str) -> Tensor:
        """Units with these means: binary, or Gaussian with variance 1."""
        if activation == "identity":
            return means + standard_normal(self, means)
        is_on = gates.greater(means, self.uniform(means.shape, means.dtype))
        units: Tensor = gates.cast(is_on, dtype=means.dtype)
        return units

    def check_units(self) -> None:
        """Raise a SettingError if units cannot be sampled, or their energy has no lower bound."""
        if (self.visible, self.activation.name) not in _UNITS:
            self.refuse(
                f"has {self.visible!r} visible and {self.activation.name!r} hidden units, but "
                "only sigmoid units can be sampled, or identity units on one of the two sides"
            )
