"""Adaptive weighted SGD: which rows are drawn how often is learnt while the net is trained.

Bouchard, Trouillon, Perez & Gaidon, Online Learning to Sample (arXiv 1506.09016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from talweg import gates
from talweg.gates import Array
from talweg.graph import Tensor
from talweg.graph.functions import one_hot, softmax
from talweg.settings import Checked, Constraint, Number, setting

MEMORY = 0.01
"""The weight of the newest step in the running mean of |d|^2: it looks back some 100 steps."""
LONGEST = 0.5
"""The most that a step moves a tau. A rare row may have 1,000 times the mean of |d|^2: on a table
with 5 % of one class, a step without bound then drew nothing but that class, and stayed there."""
_LEAST = 1e-300
"""What stands for a mean of |d|^2 that is 0, as where a net fits all rows."""


class _Groups(Constraint):
    def allows(self, value: Any) -> bool:
        if isinstance(value, str):
            return value in ("rows", "classes")
        return bool(np.ndim(value) == 1 and np.asarray(value).dtype.kind in "iubUO")

    def __str__(self) -> str:
        return "'rows', 'classes' or an array with the group of each row"


@dataclass(frozen=True, eq=False)
class AdaptiveSampling(Checked):
    """Rows drawn with probabilities that are learnt, so that gradients vary less (AW-SGD).

    Of the groups k, each with the share p_k of the rows, one is drawn with the probability
    q = (1 - exploration) softmax(tau) + exploration p, and in it a row; its loss weighs p_k / q_k,
    at most 1 / exploration. As q is known, the expected gradient stays that of all rows, whatever q
    is. `strata` says what the groups are: the "classes", each of the "rows", or an array with a
    group a row.

    The variance of the step's gradient d is E|d|^2 - |E d|^2, and only its first part depends on
    q. So each step goes down its slope, of which b draws with d = h_1 + ... + h_b give

        tau <- tau + lr sum_i ((2 h_i . d - |d|^2) / m - (2 / b - 1)) grad log q(k_i)

    m is the mean of |d|^2 over some 100 steps before, so that `lr` has nothing to do with the units
    of the loss; what is subtracted changes no mean, and quiets it. With b = 1 it is the rule
    of the paper, tau <- tau + lr |d|^2 grad log q. No step moves a tau by more than 0.5. It begins
    with q = p, and ends with q_k in proportion to p_k times the root of the mean square of the
    gradients in k, but for the exploration.

    >>> X, y = np.eye(4), [0, 0, 0, 1]
    >>> net = tw.Sequential(tw.Dense(2))
    >>> settings = {"loss": "cross_entropy", "batch_size": 1, "optimizer": tw.SGD(lr=0.1)}
    >>> run = tw.fit(net, X, y, sampler=tw.AdaptiveSampling(strata="classes"), **settings)
    >>> (run.watched["sampling/shares"][-1] > [0.5, 0.25]).tolist()  # of the classes: 3/4 and 1/4
    [True, True]
    """

    trained_by: ClassVar[str] = "drawn rows"
    strata: Any = setting("rows", _Groups())
    lr: float = setting(0.02, Number(above=0))
    exploration: float = setting(0.1, Number(above=0, below=1))

    def init(self, shares: Array) -> dict[str, Array]:
        """What is remembered, before the first step; `shares` (K) are those of the rows."""
        given = np.asarray(shares, np.float64)
        return {
            "tau": np.log(given),
            "shares": given.copy(),
            "given": given.copy(),
            "level": np.zeros(()),
            "steps": np.zeros(()),
        }

    def update(
        self, state: Mapping[str, Tensor], groups: Tensor, products: Tensor
    ) -> dict[str, Tensor]:
        """The state after a step that drew from `groups` (B) and found the h_i . d (B)."""
        count, square = products.size, products.sum()
        level, steps = state["level"], state["steps"]
        excess = (2.0 * products - square) / gates.maximum(level, _LEAST) - (2.0 / count - 1.0)
        slope = self.slope(state["tau"], state["given"], groups, excess)
        way = gates.where(steps > 0, self.lr, 0.0) * slope  # m is of steps before
        held = LONGEST / gates.maximum(abs(way).max(), LONGEST)
        tau = state["tau"] + held * way
        weight = gates.maximum(1.0 / (steps + 1.0), MEMORY)
        return {
            "tau": tau,
            "shares": self.shares(tau, state["given"]),
            "given": state["given"],
            "level": level + weight * (square - level),
            "steps": steps + 1.0,
        }

    def shares(self, tau: Tensor, given: Tensor) -> Tensor:
        """q (K) for tau (K) and the groups' own shares p (K)."""
        mixed: Tensor = (1.0 - self.exploration) * softmax(tau) + self.exploration * given
        return mixed

    def slope(self, tau: Tensor, given: Tensor, groups: Tensor, amounts: Tensor) -> Tensor:
        """sum_i amounts_i grad log q(k_i), (K), for the groups k (B) that were drawn.

        grad log q_k = (1 - exploration) s_k (e_k - s) / q_k, where s = softmax(tau).
        """
        soft = softmax(tau)
        drawn = one_hot(groups, tau.size, "float64")
        total = (amounts.reshape(-1, 1) * drawn).sum(0)
        pull = total * (1.0 - self.exploration) * soft / self.shares(tau, given)
        slope: Tensor = pull - soft * pull.sum()
        return slope
