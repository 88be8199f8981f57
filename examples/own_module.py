"""A module of your own: a skip connection, shared weights, and modules inside modules.

A module creates its parts in `__init__` and uses them in `__call__`. You register nothing and give
no input sizes: talweg finds the parts in the attributes and infers the shapes from the data.
"""

import numpy as np

import talweg as tw


class Skip(tw.Module):
    """x + inner(x): a skip connection carries the input around the layer."""

    def __init__(self, units: int) -> None:
        self.inner = tw.Dense(units, "tanh")

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return x + self.inner(x)


class Twice(tw.Module):
    """One part applied twice: it has one set of weights, and the gradients of both uses add up."""

    def __init__(self, part: tw.Module) -> None:
        self.part = part

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return self.part(self.part(x))


class Scale(tw.Module):
    """A module with a parameter: one factor per column."""

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return x * self.parameter("factor", (x.shape[-1],), init="ones")


class Tower(tw.Module):
    """Modules in attributes, lists and dictionaries; a path names each parameter."""

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
    print("Each parameter has a path; all of them share one flat vector\n")
    for name, values in net.weights.items():
        print(f"  {name:<28}{values.shape!s:<9}{values.size:>3} numbers")
    print(f"  {'weights.flat':<37}{net.weights.flat.size:>3} numbers\n")
    print(net.summary())

    print("\nThe shared part is listed once; its gradient is the sum over both uses")
    loss = tw.mse(net(X), y)
    loss.backward()
    shared = loss.find("blocks.1.part.inner.weight")
    print(f"  {shared.name}: gradient {shared.grad.shape}, |g| {np.abs(shared.grad).max():.3g}")

    run = tw.fit(net, X, y, optimizer="adam", epochs=200, seed=0)
    print(f"\nTraining took the loss from {run.history['loss'][0]:.3f} to", end=" ")
    print(f"{run.history['loss'][-1]:.4f}. A part also works by itself:")
    print("  a row of 8 columns gives the shape", net.blocks[0](np.zeros((1, 8))).shape)


if __name__ == "__main__":
    main()
