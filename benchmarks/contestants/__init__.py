"""The contestants by name. Each is a class, imported only in the process that runs it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.contestants.contestant import Contestant, NotComparable

_CLASSES = {
    "talweg": "with_talweg:Talweg",
    "talweg's interpreter": "with_talweg:Interpreter",
    "talweg watching": "with_talweg:Watching",
    "NumPy": "by_hand:ByHand",
    "PyTorch": "with_torch:Eager",
    "torch.compile": "with_torch:Compiled",
    "JAX step": "with_jax:Step",
    "JAX loop": "with_jax:Loop",
    "scikit-learn": "with_sklearn:Multilayer",
    "ONNX Runtime": "with_onnx:Session",
}
PEERS = ["NumPy", "PyTorch", "torch.compile", "JAX step", "JAX loop", "scikit-learn"]
PREDICTORS = ["NumPy", "PyTorch", "JAX step", "scikit-learn", "ONNX Runtime"]


def contestant(name: str) -> type[Any]:
    """The class of a contestant, whose module imports its library."""
    module, _, attribute = _CLASSES[name].partition(":")
    made: type[Any] = getattr(import_module(f"benchmarks.contestants.{module}"), attribute)
    return made


__all__ = ["PEERS", "PREDICTORS", "Contestant", "NotComparable", "contestant"]
