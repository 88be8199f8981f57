"""Two gates of your own: one in a line or two, one with every rule written out.

A gate is one record: its shape rule, its value in NumPy, a backward rule for each input, and its
cost. Backward rules are written with gates, so a gradient is a graph and second derivatives are
there as well. Nothing is registered: a gate is used where it is named.
"""

import textwrap

import numpy as np

import talweg as tw
from talweg import gates
from talweg.gates import Cost, Gate, Operand, Spec

# One number for each number: `elementwise` knows the shapes, undoes broadcasts, counts the cost.
# d softsign / dx = 1 / (1 + |x|)^2 = (1 - |out|)^2
softsign = gates.elementwise(
    "softsign",
    "x / (1 + |x|)",
    lambda x: x / (1 + np.abs(x)),
    backward=(lambda g, out, x: g * (1 - abs(out)) ** 2,),
    slopes=("(1 - |out|)^2",),
    operations=6,
)

# Any other shape takes a full record. This one measures how far each row of x (N, D) lies from
# each centre c (H, D): out[n, h] = sum over d of (x[n, d] - c[h, d])^2, squared distances (N, H).


def distance_shape(x: Spec, c: Spec) -> Spec:
    if len(x.shape) != 2 or len(c.shape) != 2 or x.shape[1] != c.shape[1]:
        raise tw.ShapeError(f"distance: rows {x.shape} and centres {c.shape}, (N, D) and (H, D)")
    if x.dtype != c.dtype:
        raise tw.DtypeError(f"distance: rows of {x.dtype} and centres of {c.dtype}")
    return Spec((x.shape[0], c.shape[0]), x.dtype)


def distance_value(x: np.ndarray, c: np.ndarray) -> np.ndarray:
    gap = x[:, None, :] - c
    return (gap * gap).sum(axis=2)


def back_to_rows(g: Operand, out: Operand, x: Operand, c: Operand) -> Operand:
    """d out[n, h] / d x[n, d] = 2 (x[n, d] - c[h, d]), weighted by g and summed over h."""
    return 2 * (x * tw.sum(g, axis=1, keepdims=True) - tw.matmul(g, c))


def back_to_centres(g: Operand, out: Operand, x: Operand, c: Operand) -> Operand:
    """The same with rows and centres exchanged."""
    return back_to_rows(gates.transpose(g, axes=(1, 0)), out, c, x)


def distance_cost(x: Spec, c: Spec, *, output: Spec) -> Cost:
    return Cost(3 * output.size * x.shape[1], x.nbytes + c.nbytes + output.nbytes)


distance = Gate(
    name="distance",
    kind="contract",
    formula="|x - c|^2",
    shape=distance_shape,
    value=distance_value,
    backward=(back_to_rows, back_to_centres),
    slopes=("2 (x - c)", "2 (c - x)"),
    cost=distance_cost,
)


class Bumps(tw.Module):
    """exp(-|x - c|^2): each unit answers near its own centre c, and learns where that should be."""

    def __init__(self, units: int) -> None:
        self.units = units

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        centres = self.parameter("centres", (self.units, x.shape[1]), tw.Uniform(-1, 1))
        return tw.exp(-distance(x, centres))


def check() -> None:
    """Compare both gates' rules, and the rules of those rules, with finite differences."""
    random = np.random.default_rng(0)
    x, c = random.standard_normal((4, 2)), random.standard_normal((3, 2))
    tw.check_gradients(softsign, x, order=2)
    tw.check_gradients(distance, x, c, order=2)
    print("softsign and distance agree with finite differences, to the second order")


def train() -> tuple[tw.Run, float]:
    """Tell the points of a ring from those inside and outside of it."""
    X = np.random.default_rng(1).uniform(-1.5, 1.5, (400, 2))
    radius = np.hypot(*X.T)
    y = ((radius > 0.5) & (radius < 1.2)).astype(int)
    net = tw.Sequential(Bumps(16), tw.Dense(8, softsign), tw.Dense(1))
    settings = {"loss": "binary_cross_entropy", "optimizer": tw.Adam(lr=0.03), "epochs": 100}
    # a gate of one's own has no native code unless it brings some: so the interpreter runs it
    run = tw.fit(net, X, y, **settings, seed=0, progress=False, engine="numpy")
    right = np.mean((net.predict(X)[:, 0] > 0) == (y == 1))
    return run, float(right)


def main() -> None:
    check()
    print("\nA wrong rule is named:\n")
    wrong = gates.elementwise(
        "wrong", "x^3", lambda x: x**3, backward=(lambda g, out, x: g * x * x,), slopes=("x^2",)
    )
    try:
        tw.check_gradients(wrong, np.array([1.0, 2.0]))
    except tw.GradientError as error:
        print(textwrap.indent(textwrap.fill(str(error), 76), "  "))
    run, right = train()
    print("\nA layer of bumps and a softsign layer learn to tell a ring from the rest:\n")
    print(run.net.summary())
    print(f"\nloss {run.history['loss'][0]:.3f} -> {run.history['loss'][-1]:.3f},", end=" ")
    print(f"{right:.1%} of the points right after {run.epochs} epochs")


if __name__ == "__main__":
    main()
