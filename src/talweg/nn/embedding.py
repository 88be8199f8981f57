"""The embedding layer: a learned vector for each category."""

from __future__ import annotations

from typing import Any

from talweg.graph import Tensor
from talweg.graph.functions import cast, take
from talweg.nn.initializers import Normal, as_initializer
from talweg.nn.module import Module
from talweg.settings import Constraint, Number, check

_CONSTRAINTS: dict[str, Constraint] = {
    # the rows of a network are float32 by default, which holds integers exactly up to here
    "num_embeddings": Number(at_least=1, at_most=2**24, whole=True),
    "embedding_dim": Number(at_least=1, whole=True),
}


class Embedding(Module):
    """The rows of a table W (num_embeddings, embedding_dim) at integer codes.

    Codes (N,) give (N, embedding_dim), and codes (N, K) give (N, K, embedding_dim); in a
    `Sequential`, `lambda rows: rows.reshape(len(rows), -1)` joins the K vectors of a row. Codes lie
    between 0 and num_embeddings - 1. Floats are truncated, since the rows of a network are floats.
    Other codes give NaN, so that the run ends with an error that names them. The cost of a step
    grows with the number of rows that it looks up and of weights that it updates. `init` is an
    initializer, its name, a number, or an array of initial values; by default W starts from N(0,
    1), as in PyTorch. Bengio et al., A neural probabilistic language model (2003).

    >>> layer = Embedding(3, 2, init=[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    >>> layer.init(np.zeros(1)).predict([2, 0]).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, *, init: Any = None) -> None:
        sizes = {"num_embeddings": num_embeddings, "embedding_dim": embedding_dim}
        given = check("Embedding", sizes, _CONSTRAINTS)
        self.num_embeddings, self.embedding_dim = given["num_embeddings"], given["embedding_dim"]
        self.initializer = as_initializer(Normal(1.0) if init is None else init)

    def __call__(self, codes: Tensor) -> Tensor:
        shape = (self.num_embeddings, self.embedding_dim)
        table = self.parameter("weight", shape, self.initializer)
        rows: Tensor = take(table, cast(codes, "int64") if codes.dtype.kind == "f" else codes)
        return rows

    def __repr__(self) -> str:
        return f"Embedding({self.num_embeddings}, {self.embedding_dim})"
