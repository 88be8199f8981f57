"""The tasks of a sweep: `build` makes each network, and equal structures share a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.errors import SettingError
from talweg.nn import Module
from talweg.train.run.job import refuse_part
from talweg.train.search.net_signature import Modules, forward_signature, likeness
from talweg.train.search.search_space import Build, Point
from talweg.train.search.tasks import Recorder, Task, errors_named


def tasks_of(build: Build, X: Any, y: Any, points: Sequence[Point]) -> list[Task]:
    """A task for each point; none is trained before all are prepared."""
    maker = _Maker(build, Recorder(X, y))
    return [maker.task(point) for point in points]


@dataclass(frozen=True)
class _Lead:
    """The first run of a structure; later runs may be copies of it."""

    task: Task
    forward: tuple[Any, ...]
    likeness: Any


class _Maker:
    """Makes the networks, in the order of the points, and their tasks."""

    def __init__(self, build: Build, recorder: Recorder) -> None:
        self.build, self.recorder = build, recorder
        self.leads: dict[Any, _Lead] = {}
        self.parts: set[int] = set()

    def task(self, point: Point) -> Task:
        with errors_named(point.name):
            net, modules = self._net(point)
            structure = point.structure, self.recorder.structure(point.settings)
            lead = self.leads.get(structure)
            if lead and self._is_like(lead, net, modules, point):
                return self.recorder.copy(lead.task, point.name, net, point.settings)
            task = self.recorder.recorded(point.name, net, point.settings)
            forward = forward_signature(net, self.recorder.rows(net))
            self.leads.setdefault(structure, _Lead(task, forward, likeness(modules)))
            return task

    def _net(self, point: Point) -> tuple[Module, Modules]:
        net = self.build(**point.build)
        if not isinstance(net, Module):
            raise SettingError(
                f"build must return a network such as tw.Sequential(...), but returned {net!r}"
            )
        refuse_part(net)
        modules = net.named_modules()
        parts = {id(part) for _, part in modules}
        if parts & self.parts:
            raise SettingError(
                "build must return a new network on each call, but it returned a "
                f"{type(net).__name__} again, or a part of it"
            )
        self.parts |= parts
        return net, modules

    def _is_like(self, lead: _Lead, net: Module, modules: Modules, point: Point) -> bool:
        """Whether the network, initialized here if it was not, computes the same as that of `lead`.

        False for weights that are not finite, which the recording of the run refuses.
        """
        mine, x, seed = likeness(modules), self.recorder.rows(net), point.settings["seed"]
        is_alike = mine is not None and mine == lead.likeness
        if not net.is_initialized and is_alike:
            net.init_as(lead.task.job.net, x[:2], seed=seed)
        elif not net.is_initialized:
            net.init(x[:2], seed=seed)
        if not is_alike and forward_signature(net, x) != lead.forward:
            return False
        return bool(np.isfinite(net.weights.flat).all())
