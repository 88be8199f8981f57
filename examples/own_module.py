"""A module of your own: a skip connection, a shared part, and modules inside modules.

A module makes its parts in `__init__` and uses them in `__call__`. Nothing is registered, no shape
is given: the parts are found by their attributes, the shapes come from the data.
"""

import numpy as np

import talweg as tw


class Skip(tw.Module):
    """x + inner(x): what comes in goes round the layer as well as through it."""

    def __init__(self, units: int) -> None:
        self.inner = tw.Dense(units, "tanh")

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return x + self.inner(x)


class Twice(tw.Module):
    """The same part used twice: one set of weights, and the gradients of both uses add up."""

    def __init__(self, part: tw.Module) -> None:
        self.part = part

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return self.part(self.part(x))


class Scale(tw.Module):
    """A parameter of its own: one factor for each column."""

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return x * self.parameter("factor", (x.shape[-1],), init="ones")


class Tower(tw.Module):
    """Modules in modules, in lists and in dictionaries: a path names each parameter."""

    def __init__(self, units: int) -> None:
        self.start = tw.Dense(units)
        self.blocks = [Skip(units), Twice(Skip(units))]
        self.ends = {"scale": Scale(), "out": tw.Dense(1)}

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        x = self.start(x)
        for block in self.blocks:
            x = block(x)
        return self.ends["out"](self.ends["scale"](x))


def main() -> None:
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, (200, 3))
    y = np.sin(3 * X[:, 0]) * X[:, 1] + X[:, 2]

    net = Tower(8).init(X, seed=0)
    print("Each parameter has a path; all lie side by side in one vector\n")
    for name, values in net.weights.items():
        print(f"  {name:<28}{values.shape!s:<9}{values.size:>3} numbers")
    print(f"  {'weights.flat':<37}{net.weights.flat.size:>3} numbers\n")
    print(net.summary())

    print("\nThe shared part is there once; its gradient is the sum of its two uses")
    loss = tw.mse(net(X), y)
    loss.backward()
    shared = loss.find("blocks.1.part.inner.weight")
    print(f"  {shared.name}: gradient {shared.grad.shape}, |g| {np.abs(shared.grad).max():.3g}")

    run = tw.fit(net, X, y, optimizer="adam", epochs=200, seed=0)
    print(f"\nTraining took the loss from {run.history['loss'][0]:.3f} to", end=" ")
    print(f"{run.history['loss'][-1]:.4f}; the skip alone, used by itself:")
    print(" ", net.blocks[0](np.zeros((1, 8))).shape, "from a row of 8 columns")


if __name__ == "__main__":
    main()
