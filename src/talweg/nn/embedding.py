"""The embedding layer: each level of a category is a row of numbers that is learnt."""

from __future__ import annotations

from typing import Any

from talweg.graph import Tensor
from talweg.graph.functions import cast, take
from talweg.nn.initializers import Normal, as_initializer
from talweg.nn.module import Module
from talweg.settings import Number, Rule, check

_RULES: dict[str, Rule] = {
    # float32, which the rows of a net are by default, holds whole numbers up to here
    "levels": Number(at_least=1, at_most=2**24, whole=True),
    "size": Number(at_least=1, whole=True),
}


class Embedding(Module):
    """The rows of a table W (levels, size) at codes: (N,) gives (N, size), (N, K) (N, K, size).

    In a `Sequential`, `lambda rows: rows.reshape(len(rows), -1)` sets K rows side by side. Codes
    are whole numbers from 0 to levels - 1, also as floats, since the rows of a net are floats
    (fractions are cut off); others give NaN, so that a run ends and says so. A step costs as much
    as the rows that it takes and the weights that it updates. `init` is an initialiser, its name, a
    number, or an array of starting values; by default W starts from N(0, 1), as PyTorch's does.
    Bengio et al., A neural probabilistic language model (2003).

    >>> layer = Embedding(3, 2, init=[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    >>> layer.init(np.zeros(1)).predict([2, 0]).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """

    def __init__(self, levels: int, size: int, *, init: Any = None) -> None:
        given = check("Embedding", {"levels": levels, "size": size}, _RULES)
        self.levels, self.size = given["levels"], given["size"]
        self.start = as_initializer(Normal(1.0) if init is None else init)

    def __call__(self, codes: Tensor) -> Tensor:
        table = self.parameter("weight", (self.levels, self.size), self.start)
        rows: Tensor = take(table, cast(codes, "int64") if codes.dtype.kind == "f" else codes)
        return rows

    def __repr__(self) -> str:
        return f"Embedding({self.levels}, {self.size})"
