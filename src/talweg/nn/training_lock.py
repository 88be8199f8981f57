"""A network while it is trained: by one run at a time, and as it was before where that fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from talweg.errors import SettingError
from talweg.nn.module import Module

_trained_now: dict[int, object] = {}  # the nets by their ids, each with a mark of its run
if hasattr(os, "register_at_fork"):  # the threads that train them are not in the child
    os.register_at_fork(after_in_child=_trained_now.clear)


@contextmanager
def training_lock(net: Module) -> Iterator[None]:
    """While entered, another run that wants the net is refused, since the one to end last would
    overwrite what the other has learnt; an error leaves the net as it was: its weights, or none.
    """
    mark = object()
    if _trained_now.setdefault(id(net), mark) is not mark:  # one step of Python's, and so safe
        raise SettingError(
            f"Another run is training this {type(net).__name__} now. Wait until that has ended, or "
            "train a copy: copy.deepcopy(net)."
        )
    try:
        with _restored_on_error(net):
            yield
    finally:
        _trained_now.pop(id(net), None)


@contextmanager
def _restored_on_error(net: Module) -> Iterator[None]:
    homes = [(module, module._home) for _, module in net.named_modules()]
    weights = net._weights
    values = None if weights is None else weights.flat.copy()
    try:
        yield
    except BaseException:
        net._weights = weights
        for module, home in homes:
            module._home = home
        if weights is not None:
            weights.flat[:] = values
        raise
