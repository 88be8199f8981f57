"""Restricted Boltzmann machines: hidden units that explain rows, found by drawing from both."""

from __future__ import annotations

from typing import Any

from talweg import gates
from talweg.graph import Tensor
from talweg.graph.functions import mean, sum as total
from talweg.nn.noise import normal
from talweg.nn.reconstruction import ReconstructionModel
from talweg.settings import Constraint, Flag, Number, check

_RULES: dict[str, Constraint] = {
    "k": Number(at_least=1, whole=True),
    "persistent": Flag(),
    "chains": Number(at_least=1, whole=True),
    "sample_visible": Flag(),
}
_KINDS = {("sigmoid", "sigmoid"), ("sigmoid", "identity"), ("identity", "sigmoid")}
"""(visible, hidden) units: with numbers on both sides, E has no least value."""


class RBM(ReconstructionModel):
    """A restricted Boltzmann machine: p(v, h) = exp(-E) / Z with E = -v W h - a v - b h.

    A step goes down F(v) - F(v_k), where F(v) = -log sum_h exp(-E) is the free energy, and v_k,
    the row after `k` rounds of drawing hidden and then visible units, is held fixed. So rows gain
    in probability over what the machine makes of them (CD-k). With `persistent`, v_k are `chains`
    that go on from step to step. Sigmoid units are 0 or 1; identity units are numbers of
    variance 1, with (v - a)^2 / 2 in the place of -a v in E, or h^2 / 2 more. Rows of such
    numbers want mean 0 and variance 1, and a small lr.

    Hidden units are drawn, and counted as probabilities. Visible ones are drawn with
    `sample_visible` or `persistent`; else they stay probabilities, which is less noisy.
    `tw.fit(rbm, X, X, loss=rbm.loss)` reports the squared error of rows after one round. Hinton,
    Training products of experts by minimizing contrastive divergence (2002); Tieleman, Training
    RBMs using approximations to the likelihood gradient (2008).

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
        given = check("RBM", {**given, "sample_visible": sample_visible}, _RULES)
        super().__init__(units, activation, **settings)
        self.k, self.chains = given["k"], given["chains"]
        self.persistent, self.sample_visible = given["persistent"], given["sample_visible"]

    def __call__(self, v: Tensor) -> Tensor:
        self.begin(v)
        shown, inputs = self.seen(self.hidden(v), v.shape[1]), v.shape[1]
        if self.persistent:
            chain = self.parameter("chain", (self.chains, inputs), "uniform")
        if not self.is_training:
            return shown
        if self.persistent:
            _, after = self._rounds(chain)
            self.training().assigned[self.path_of("chain")] = after
            against = mean(self.free_energy(after))
        else:
            shown, after = self._rounds(v)
            against = self.free_energy(after)
        self.training().penalties.append(self.free_energy(v) - against)
        fixed: Tensor = gates.stop_gradient(shown)  # it is only reported
        return fixed

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = -a v - sum log(1 + exp(v W + b)), one number a row: -log sum_h exp(-E).

        Hidden units that are numbers have (v W + b)^2 / 2 in the place of the logarithm.
        """
        sums, bias = self.hidden_sums(v), self.visible_bias(v.shape[1])
        is_linear = self.activation.name == "identity"
        explained = 0.5 * (sums * sums) if is_linear else gates.softplus(sums)
        own = 0.5 * ((v - bias) * (v - bias)) if self.visible == "identity" else -v * bias
        energy: Tensor = total(own, 1) - total(explained, 1)
        return energy

    def _rounds(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """The visible units after one round, as means, and after `k`; no gradient flows."""
        shown: list[Tensor] = []
        for _ in range(self.k):
            shown.append(self.seen(self._drawn(self.hidden(v), self.activation.name), v.shape[1]))
            is_drawn = self.sample_visible or self.persistent
            v = self._drawn(shown[-1], self.visible) if is_drawn else shown[-1]
        return shown[0], gates.stop_gradient(v)

    def _drawn(self, means: Tensor, kind: str) -> Tensor:
        """Units with these means: 0 or 1, or numbers of variance 1."""
        if kind == "identity":
            return means + normal(self, means)
        are_on = gates.greater(means, self.uniform(means.shape, means.dtype))
        drawn: Tensor = gates.cast(are_on, dtype=means.dtype)
        return drawn

    def refuse_units(self) -> None:
        """What cannot be drawn, or has no least energy."""
        if (self.visible, self.activation.name) not in _KINDS:
            self.refuse(
                f"has {self.visible!r} visible and {self.activation.name!r} hidden units, but can "
                "draw only sigmoid ones, and identity ones on one side"
            )
