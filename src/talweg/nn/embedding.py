"""The embedding layer: each level of a category is a row of numbers that is learnt."""

from __future__ import annotations

from typing import Any

from talweg.graph import Tensor
from talweg.graph.functions import cast, take
from talweg.nn.initializers import Normal, as_initializer
from talweg.nn.module import Module
from talweg.settings import Constraint, Number, check

_RULES: dict[str, Constraint] = {
    # float32, which the rows of a net are by default, holds whole numbers up to here
    "num_embeddings": Number(at_least=1, at_most=2**24, whole=True),
    "embedding_dim": Number(at_least=1, whole=True),
}


class Embedding(Module):
    """The rows of a table W (num_embeddings, embedding_dim) at given codes.

    Codes (N,) give (N, embedding_dim), codes (N, K) give (N, K, embedding_dim).

    In a `Sequential`, `lambda rows: rows.reshape(len(rows), -1)` sets K rows side by side. Codes
    are whole numbers from 0 to num_embeddings - 1, also as floats, since the rows of a net are
    floats (fractions are cut off); others give NaN, so that a run ends and says so. A step costs as
    much as the rows that it takes and the weights that it updates. `init` is an initialiser, its
    name, a number, or an array of starting values; by default W starts from N(0, 1), as PyTorch's
    does. Bengio et al., A neural probabilistic language model (2003).

    >>> layer = Embedding(3, 2, init=[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    >>> layer.init(np.zeros(1)).predict([2, 0]).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, *, init: Any = None) -> None:
        sizes = {"num_embeddings": num_embeddings, "embedding_dim": embedding_dim}
        given = check("Embedding", sizes, _RULES)
        self.num_embeddings, self.embedding_dim = given["num_embeddings"], given["embedding_dim"]
        self.start = as_initializer(Normal(1.0) if init is None else init)

    def __call__(self, codes: Tensor) -> Tensor:
        table = self.parameter("weight", (self.num_embeddings, self.embedding_dim), self.start)
        rows: Tensor = take(table, cast(codes, "int64") if codes.dtype.kind == "f" else codes)
        return rows

    def __repr__(self) -> str:
        return f"Embedding({self.num_embeddings}, {self.embedding_dim})"
