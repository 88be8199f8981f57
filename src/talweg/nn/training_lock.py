"""The lock on a network in training: one run at a time, and the old weights after an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from talweg.errors import SettingError
from talweg.nn.module import Module

_locked: dict[int, object] = {}  # a mark of the run, by the id of the network that it trains
if hasattr(os, "register_at_fork"):  # the threads that train do not exist in a forked child
    os.register_at_fork(after_in_child=_locked.clear)


@contextmanager
def training_lock(net: Module) -> Iterator[None]:
    """Refuse other runs of the network meanwhile, and restore it after an error.

    Of two runs of one network, the one that ends last would overwrite what the other has learned.
    After an error the network has its old weights, or none if it had none.
    """
    mark = object()
    if _locked.setdefault(id(net), mark) is not mark:  # setdefault is atomic, so threads are safe
        raise SettingError(
            f"Another run is training this {type(net).__name__} now. Wait until it has ended, or "
            "train a copy: copy.deepcopy(net)."
        )
    try:
        with _restored_on_error(net):
            yield
    finally:
        _locked.pop(id(net), None)


@contextmanager
def _restored_on_error(net: Module) -> Iterator[None]:
    networks = [(module, module._network) for _, module in net.named_modules()]
    weights = net._weights
    values = None if weights is None else weights.flat.copy()
    try:
        yield
    except BaseException:
        net._weights = weights
        for module, network in networks:
            module._network = network
        if weights is not None:
            weights.flat[:] = values
        raise
