"""Runs whose rows are drawn by a sampler that learns from each step which to draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from talweg.engine.numpy.loop import Loop
from talweg.engine.run.batches import Batch
from talweg.engine.run.program import WATCHED, Rows
from talweg.errors import SettingError
from talweg.gates import Array
from talweg.nn import Module
from talweg.optim import FullBatch, Optimizer
from talweg.random import DRAWN_ROWS, generator
from talweg.train.methods.sampling_groups import PREFIX, SHARES, Groups
from talweg.train.run.rows import mixes_rows


def refuse_settings(
    rule: Optimizer | FullBatch, net: Module, rows: Rows, settings: Mapping[str, Any]
) -> None:
    """A SettingError for what does not go with rows that are drawn one by one."""
    if isinstance(rule, FullBatch):
        raise SettingError(
            f"fit: {type(rule).__name__} looks at all rows at once, so none are drawn; leave "
            "the sampler out, or take a rule such as tw.SGD()"
        )
    if not settings["shuffle"]:
        raise SettingError("fit: a sampler draws rows at random; leave shuffle=False out")
    if mixes_rows(net, rows):
        raise SettingError(
            "fit: the net mixes the rows of a batch (a mean over axis 0, say), so weighing each "
            "row by how rarely it is drawn would change what is learnt; leave the sampler out"
        )


class Sampling(Loop):
    """A run that draws its rows with replacement: an epoch has as many steps as one in order."""

    def __init__(self, *given: Any) -> None:
        self.shares: list[Array] = []  # at the end of each epoch
        super().__init__(*given)

    def _batches(self, epoch: int) -> Iterable[Batch]:
        size = self.program.batch_size
        place = list(self.program.state).index(f"{PREFIX}shares")
        random = generator(self.program.seed, DRAWN_ROWS, epoch)
        for luck in random.random((self.steps, 2, size)):
            yield self._drawn(self.state[place], luck)
        self.shares.append(self.state[place])

    def _drawn(self, shares: Array, luck: Array) -> Batch:
        """So many rows, and their groups, which a step takes beside the others' inputs."""
        rows, groups = self.rows, self.program.groups
        assert isinstance(groups, Groups)
        places, found, ratio = groups.draw(shares, luck)
        weights = rows.weights[places] * ratio.astype(rows.weights.dtype)
        count = np.asarray(len(places) * rows.mean_weight, weights.dtype)
        return rows.x[places], rows.y[places], weights, count, found  # type: ignore[return-value]

    def _columns(self) -> dict[str, Array]:
        return {**super()._columns(), WATCHED + SHARES: np.array(self.shares)}
