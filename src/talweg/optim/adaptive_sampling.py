"""Adaptive importance sampling: the probabilities of rows are learned while the network trains.

Bouchard, Trouillon, Perez & Gaidon, Online Learning to Sample (arXiv 1506.09016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg import gates
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.graph.functions import one_hot, softmax
from talweg.numerics import log
from talweg.settings import Checked, Constraint, Number, setting

MEMORY = 0.01
"""The weight of the latest step in the running mean of |d|^2, which covers some 100 steps."""
LONGEST = 0.5
"""The largest change of a tau in one step. A rare row may have 1,000 times the mean of |d|^2: on a
table with 5 % of one class, one unbounded step made the sampler draw only that class forever."""
_LEAST = 1e-300
"""The smallest mean of |d|^2, for a network that fits all rows exactly."""


class _Strata(Constraint):
    def allows(self, value: Any) -> bool:
        if isinstance(value, str):
            return value in ("rows", "classes")
        return bool(np.ndim(value) == 1 and np.asarray(value).dtype.kind in "iubUO")

    def __str__(self) -> str:
        return "'rows', 'classes' or an array with the stratum of each row"


@dataclass(frozen=True, eq=False)
class AdaptiveSampling(Checked):
    """Importance sampling with learned probabilities, which reduces gradient variance (AW-SGD).

    The rows are divided into strata k, each with a fraction p_k of the rows: the "classes", each of
    the "rows", or those of an array with a stratum for each row. A draw picks a stratum with the
    probability q = (1 - exploration) softmax(tau) + exploration p, and a row in it. The loss of the
    row has the weight p_k / q_k, at most 1 / exploration, so the expected gradient is that of all
    rows for any q.

    The variance of the step's gradient d is E|d|^2 - |E d|^2, and only the first term depends on
    q. Each step descends along its gradient, estimated by b draws as d = h_1 + ... + h_b:

        tau <- tau + lr sum_i ((2 h_i . d - |d|^2) / m - (2 / b - 1)) grad log q(k_i)

    m is the mean of |d|^2 over about 100 previous steps, so `lr` does not depend on the scale of
    the loss; the baseline 2 / b - 1 leaves the mean unchanged and reduces noise. With b = 1 this is
    the update of the paper, tau <- tau + lr |d|^2 grad log q. No step changes a tau by more than
    0.5. q starts at p and, apart from exploration, approaches q_k proportional to p_k times the
    root mean square of the gradients in k.

    >>> X, y = np.eye(4), [0, 0, 0, 1]
    >>> net = tw.Sequential(tw.Dense(2))
    >>> settings = {"loss": "cross_entropy", "batch_size": 1, "optimizer": tw.SGD(lr=0.1)}
    >>> run = tw.fit(net, X, y, sampler=tw.AdaptiveSampling(strata="classes"), **settings)
    >>> (run.watched["sampling/shares"][-1] > [0.5, 0.25]).tolist()  # the classes have 3/4 and 1/4
    [True, True]
    """

    strata: Any = setting("rows", _Strata())
    lr: float = setting(0.02, Number(above=0))
    exploration: float = setting(0.1, Number(above=0, below=1))

    def init(self, shares: Array) -> dict[str, Array]:
        """The state before the first step; `shares` (K) are the fractions p of the rows."""
        given = np.asarray(shares, np.float64)
        return {
            "tau": log(given),
            "shares": given.copy(),
            "given": given.copy(),
            "level": np.zeros(()),
            "steps": np.zeros(()),
        }

    def update(
        self, state: Mapping[str, Tensor], groups: Tensor, products: Tensor
    ) -> dict[str, Tensor]:
        """The state after a step that drew from the strata `groups` (B) with the h_i . d (B)."""
        count, square = products.size, products.sum()
        level, steps = state["level"], state["steps"]
        excess = (2.0 * products - square) / gates.maximum(level, _LEAST) - (2.0 / count - 1.0)
        slope = self.slope(state["tau"], state["given"], groups, excess)
        move = gates.where(steps > 0, self.lr, 0.0) * slope  # m needs a previous step
        scale = LONGEST / gates.maximum(abs(move).max(), LONGEST)
        tau = state["tau"] + scale * move
        weight = gates.maximum(1.0 / (steps + 1.0), MEMORY)
        return {
            "tau": tau,
            "shares": self.shares(tau, state["given"]),
            "given": state["given"],
            "level": level + weight * (square - level),
            "steps": steps + 1.0,
        }

    def shares(self, tau: Tensor, given: Tensor) -> Tensor:
        """q (K) for tau (K) and the fractions p (K)."""
        mixed: Tensor = (1.0 - self.exploration) * softmax(tau) + self.exploration * given
        return mixed

    def slope(self, tau: Tensor, given: Tensor, groups: Tensor, amounts: Tensor) -> Tensor:
        """sum_i amounts_i grad log q(k_i), (K), for the drawn strata k (B).

        grad log q_k = (1 - exploration) s_k (e_k - s) / q_k, where s = softmax(tau).
        """
        soft = softmax(tau)
        drawn = one_hot(groups, tau.size, "float64")
        total = (amounts.reshape(-1, 1) * drawn).sum(0)
        pull = total * (1.0 - self.exploration) * soft / self.shares(tau, given)
        slope: Tensor = pull - soft * pull.sum()
        return slope
