"""Three gates of your own, one for each way to run natively.

A gate is one record: its shape rule, its value in NumPy, a backward rule for each input, and its
cost. Backward rules are written with gates, so a gradient is a graph and second derivatives come
for free. Both engines run these gates; a gate that only the interpreter needs to run can leave out
`native=`, `composition=` and the lowering.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import talweg as tw
from talweg import gates
from talweg.engine.native.llvm.values import number, type_of
from talweg.engine.native.lowering import (
    Frame,
    KernelForm,
    Lowering,
    Node,
    OwnKernel,
    Size,
    View,
    element_count,
    register,
)
from talweg.gates import Cost, Gate, Operand, Spec

# 1. An elementwise gate --------------------------------------------------------------------------
# `elementwise` handles shapes, broadcasting and cost. `native` emits the code for one element, or
# for one vector of elements.
# d softsign / dx = 1 / (1 + |x|)^2 = (1 - |out|)^2

softsign = gates.elementwise(
    "softsign",
    "x / (1 + |x|)",
    lambda x: x / (1 + np.abs(x)),
    backward=(lambda g, out, x: g * (1 - abs(out)) ** 2,),
    slopes=("(1 - |out|)^2",),
    operations=6,
    native=lambda f, x: f.divide(x, f.add(number(1, x.type), f.math("absolute", x))),
)

# 2. A gate composed of others --------------------------------------------------------------------
# Squared distances (N, H) from each row of x (N, D) to each center c (H, D):
# out[n, h] = sum over d of (x[n, d] - c[h, d])^2.


def distance_shape(x: Spec, c: Spec) -> Spec:
    if len(x.shape) != 2 or len(c.shape) != 2 or x.shape[1] != c.shape[1]:
        raise tw.ShapeError(f"distance: rows {x.shape} and centers {c.shape}, (N, D) and (H, D)")
    if x.dtype != c.dtype:
        raise tw.DtypeError(f"distance: rows of {x.dtype} and centers of {c.dtype}")
    return Spec((x.shape[0], c.shape[0]), x.dtype)


def distance_value(x: np.ndarray, c: np.ndarray) -> np.ndarray:
    gap = x[:, None, :] - c
    return (gap * gap).sum(axis=2)


def distance_composition(x: Operand, c: Operand) -> Operand:
    gap = gates.reshape(x, shape=(x.shape[0], 1, x.shape[1])) - c
    return gates.reduce_sum(gap * gap, axes=(2,), keepdims=False)


def back_to_rows(g: Operand, out: Operand, x: Operand, c: Operand) -> Operand:
    """d out[n, h] / d x[n, d] = 2 (x[n, d] - c[h, d]), weighted by g and summed over h."""
    return 2 * (x * tw.sum(g, axis=1, keepdims=True) - tw.matmul(g, c))


def back_to_centers(g: Operand, out: Operand, x: Operand, c: Operand) -> Operand:
    """The same with rows and centers exchanged."""
    return back_to_rows(gates.transpose(g, axes=(1, 0)), out, c, x)


def distance_cost(x: Spec, c: Spec, *, output: Spec) -> Cost:
    return Cost(3 * output.size * x.shape[1], x.nbytes + c.nbytes + output.nbytes)


distance = Gate(
    name="distance",
    kind="contract",  # "elementwise" and "index" have effects; other kinds are labels
    formula="|x - c|^2",
    shape=distance_shape,
    value=distance_value,
    backward=(back_to_rows, back_to_centers),
    slopes=("2 (x - c)", "2 (c - x)"),
    cost=distance_cost,
    composition=distance_composition,
)

# 3. A gate with a kernel -------------------------------------------------------------------------
# The moving average of each row of x (N, T): out[n, t] = k out[n, t - 1] + (1 - k) x[n, t], which
# starts at 0. The gradient is the moving average of g from the last t to the first.


def smooth_value(x: np.ndarray, *, keep: float, reverse: bool) -> np.ndarray:
    out, last = np.empty_like(x), np.zeros(len(x), x.dtype)
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        out[:, t] = last = keep * last + (1 - keep) * x[:, t]
    return out


smooth = Gate(
    name="smooth",
    kind="scan",
    formula="k out[t - 1] + (1 - k) x[t]",
    shape=lambda x, *, keep, reverse: x,
    value=smooth_value,
    backward=(lambda g, out, x, *, keep, reverse: smooth(g, keep=keep, reverse=not reverse),),
    slopes=("the moving average of g, backward in t",),
    cost=lambda x, *, output, **settings: Cost(3 * x.size, 2 * x.nbytes),
)


@dataclass(frozen=True, eq=False)
class Smooth(OwnKernel):
    """A loop over the rows of this call, and within it one over t that carries the average."""

    x: View
    out: View
    keep: float
    reverse: bool

    def reads(self) -> list[View]:
        return [self.x]

    def writes(self) -> list[View]:
        return [self.out]

    def operations(self) -> Size:
        return element_count((Size(3), *self.x.shape))

    def emit(self, frame: Frame) -> None:
        f, type = frame.f, type_of(self.x.dtype)
        x, out = frame.start(self.x), frame.start(self.out)
        low, high = frame.part_of(self.x.shape[0], self.row_axis is not None)
        steps = frame.size(self.x.shape[1])
        with f.loop(low, high) as row, f.loop(0, steps, 1, [number(0, type)]) as step:
            t = f.minus(f.minus(steps, 1), step.index) if self.reverse else step.index
            old = f.multiply(number(self.keep, type), step.values[0])
            new = f.load(type, f.at(x, frame.offset(self.x, row.index, t), type))
            average = f.add(old, f.multiply(number(1 - self.keep, type), new))
            f.store(average, f.at(out, frame.offset(self.out, row.index, t), type))
            step.carry(average)

    def __str__(self) -> str:
        return "smooth"


def smooth_kernel(node: Node, row_axis: int | None, inputs: Sequence[View], out: View) -> Smooth:
    keep, reverse = node.settings["keep"], node.settings["reverse"]
    return Smooth(row_axis, inputs[0], out, keep, reverse)


def smooth_rows(node: Node, axes: Sequence[int | None]) -> int | None:
    """A row of the result needs only the same row of x, if the first axis of x is the row axis."""
    return 0 if axes[0] == 0 else None


register(smooth, Lowering(KernelForm(smooth_kernel), smooth_rows))


class Bumps(tw.Module):
    """exp(-|x - c|^2): each unit responds near its own center c, which it learns."""

    def __init__(self, units: int) -> None:
        self.units = units

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        centers = self.parameter("centers", (self.units, x.shape[1]), tw.Uniform(-1, 1))
        return tw.exp(-distance(x, centers))


def check() -> None:
    """Compare the first and second derivatives of the gates with finite differences."""
    random = np.random.default_rng(0)
    x, c = random.standard_normal((4, 2)), random.standard_normal((3, 2))
    tw.check_gradients(softsign, x, order=2)
    tw.check_gradients(distance, x, c, order=2)
    tw.check_gradients(lambda x: smooth(x, keep=0.8, reverse=False) ** 2, x, order=2)
    print("softsign, distance and smooth agree with finite differences, to the second order")


def train(engine: str = "native") -> tuple[tw.Run, float]:
    """Classify points as on a ring or off it."""
    X = np.random.default_rng(1).uniform(-1.5, 1.5, (400, 2))
    radius = np.hypot(*X.T)
    y = ((radius > 0.5) & (radius < 1.2)).astype(int)
    net = tw.Sequential(Bumps(16), tw.Dense(8, softsign), tw.Dense(1))
    settings = {"loss": "binary_cross_entropy", "optimizer": tw.Adam(lr=0.03), "epochs": 100}
    run = tw.fit(net, X, y, **settings, seed=0, progress=False, engine=engine)
    accuracy = np.mean((net.predict(X)[:, 0] > 0) == (y == 1))
    return run, float(accuracy)


def main() -> None:
    check()
    print("\nA wrong backward rule is found and named:\n")
    wrong = gates.elementwise(
        "wrong", "x^3", lambda x: x**3, backward=(lambda g, out, x: g * x * x,), slopes=("x^2",)
    )
    try:
        tw.check_gradients(wrong, np.array([1.0, 2.0]))
    except tw.GradientError as error:
        print(textwrap.indent(textwrap.fill(str(error), 76), "  "))
    run, accuracy = train()
    print("\nA layer of bumps and a softsign layer learn to recognize a ring:\n")
    print(run.net.summary())
    print(f"\nloss {run.history['loss'][0]:.3f} -> {run.history['loss'][-1]:.3f},", end=" ")
    print(f"accuracy {accuracy:.1%} after {run.epochs} epochs")


if __name__ == "__main__":
    main()
