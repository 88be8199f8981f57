"""What prediction and the summary need from a network, so that they do not import `Module`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from talweg.gates import Shape
from talweg.graph import Tensor
from talweg.nn.weights import Weights


class Network(Protocol):
    """A module that owns its weights."""

    dtype: str
    row_shape: Shape

    @property
    def network(self) -> Any:
        """The network that the module is a part of, or the module itself."""

    @property
    def weights(self) -> Weights:
        """The parameters by name."""

    def apply(self, weights: Mapping[str, Any], X: Any) -> Tensor:
        """The output for given parameters."""

    def named_modules(self) -> list[tuple[str, Any]]:
        """Every module of the network with its path."""
