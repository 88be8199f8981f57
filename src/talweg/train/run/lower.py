"""The forms of a run on its way from Python to machine code, for reading."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from talweg.errors import SettingError
from talweg.graph import Graph
from talweg.nn import Module
from talweg.optim import optimizer_hint
from talweg.settings import check, refuse_unknown
from talweg.train.run.fit import fit
from talweg.train.run.job import RULES, job_of, refuse_part

_PARAMETERS = inspect.signature(fit).parameters.values()
DEFAULTS = {
    parameter.name: parameter.default
    for parameter in _PARAMETERS
    if parameter.kind is parameter.KEYWORD_ONLY
}


@dataclass(frozen=True)
class Lowered:
    """A step as a graph of gates and as a plan of kernels, and the whole run as LLVM IR.

    `expected` lists the operations and bytes of each kernel, and an estimate of its time.
    """

    graph: Graph
    plan: str
    expected: str
    ir: str

    def __str__(self) -> str:
        return f"{self.graph}\n\n{self.plan}\n\n{self.expected}"


def lower(net: Module, X: Any, y: Any, **settings: Any) -> Lowered:
    """What `fit` would compile for these rows and settings, without training.

    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> forms = lower(tw.Sequential(tw.Dense(1, bias=False)), X, 2 * X, optimizer="sgd")
    >>> print(forms.plan.splitlines()[1])
      0: nest []: divide cast
    """
    from talweg.engine.native.build import build
    from talweg.engine.native.llvm.compiler import host

    refuse_unknown("lower()", settings, [*DEFAULTS], optimizer_hint)
    refuse_part(net)
    given = check("lower", {**DEFAULTS, **settings}, RULES)
    job = job_of(net, X, y, {**given, "engine": "native"})
    program = job.recorder.for_any_rows(job.program)
    if program.method is not None:
        raise SettingError(
            f"lower: {program.method.name} chooses its evaluations during the run, so it has no "
            "step to compile; use an optimizer such as tw.SGD()"
        )
    made = build(program, host())
    plan = made.plans.step
    return Lowered(program.step, str(plan), plan.expected(program.schedule.batch_size), made.text)
