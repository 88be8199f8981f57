"""Backpropagation through small circuits, with every number printed.

The circuits and numbers of Stanford's CS231n notes (cs231n.github.io/optimization-2). Values flow
forward through the gates, then the gradient flows back from the output: each gate multiplies it by
its local derivative (the chain rule), and gradients that reach a value along two paths add up.

Each function builds one circuit and returns its output.
Give a path as the first argument to draw the chart.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart


def variables(**values: float) -> list[tw.Tensor]:
    """A named variable for each number."""
    return [tw.tensor(value, name=name) for name, value in values.items()]


def product() -> tw.Tensor:
    """f = x y: each factor's gradient is the other factor."""
    x, y = variables(x=4.0, y=-3.0)
    return (x * y).named("f")


def larger() -> tw.Tensor:
    """f = max(x, y): the gradient goes to the larger input."""
    x, y = variables(x=4.0, y=2.0)
    return tw.maximum(x, y).named("f")


def product_of_sum() -> tw.Tensor:
    """f = (x + y) z: the sum passes its gradient unchanged to both inputs."""
    x, y, z = variables(x=-2.0, y=5.0, z=-4.0)
    q = (x + y).named("q")
    return (q * z).named("f")


def weighted_sum() -> tw.Tensor:
    """w0 x0 + w1 x1 + w2, used by both neurons."""
    w0, x0, w1, x1, w2 = variables(w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0)
    products = (w0 * x0).named("w0x0") + (w1 * x1).named("w1x1")
    return (products.named("sum") + w2).named("dot")


def sigmoid_neuron() -> tw.Tensor:
    """f = 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))): the sigmoid in its parts."""
    power = tw.exp((weighted_sum() * -1).named("minus")).named("exp")
    return (1 / (power + 1).named("den")).named("f")


def sigmoid_gate() -> tw.Tensor:
    """The same neuron with the sigmoid as one gate, whose derivative is f (1 - f)."""
    return tw.sigmoid(weighted_sum()).named("f")


def staged() -> tw.Tensor:
    """f = (x + sigmoid(y)) / (sigmoid(x) + (x + y)^2): several paths lead to x and y."""
    x, y = variables(x=3.0, y=-4.0)
    num = (x + tw.sigmoid(y).named("sigy")).named("num")
    xpy = (x + y).named("xpy")
    den = (tw.sigmoid(x).named("sigx") + (xpy**2).named("sqr")).named("den")
    return (num * (1 / den).named("inv")).named("f")


def routed() -> tw.Tensor:
    """f = 2 (x y + max(z, w)): add distributes, max routes, multiply swaps."""
    x, y, z, w = variables(x=3.0, y=-4.0, z=2.0, w=-1.0)
    total = ((x * y).named("xy") + tw.maximum(z, w).named("max")).named("sum")
    return (2 * total).named("f")


def matrices() -> tuple[tw.Tensor, tw.Tensor, tw.Tensor]:
    """D = W X with W (5, 10) and X (10, 3), backpropagated from a given gradient of D."""
    random = np.random.default_rng(0)
    W = tw.tensor(random.standard_normal((5, 10)), name="W")
    X = tw.tensor(random.standard_normal((10, 3)), name="X")
    D = (W @ X).named("D")
    D.backward(gradient=random.standard_normal((5, 3)))
    return W, X, D


CIRCUITS = [product, larger, product_of_sum, sigmoid_neuron, sigmoid_gate, staged, routed]


def main(picture: str | None = None) -> None:
    for circuit in CIRCUITS:
        print(f"{circuit.__doc__}\n\n{tw.trace(circuit())}\n\n")
    W, X, D = matrices()
    print("D = W X, matrices: the shapes determine how the gradients multiply.\n")
    print("  dW = dD X^T:", np.allclose(W.grad, D.grad @ X.value.T), W.grad.shape)
    print("  dX = W^T dD:", np.allclose(X.grad, W.value.T @ D.grad), X.grad.shape)

    trace, names = tw.trace(sigmoid_neuron()), ["dot", "minus", "exp", "den", "f"]
    at = np.arange(1, len(names) + 1)
    lines = {
        "value, forward": (at, [float(trace[name].value) for name in names]),
        "gradient, backward": (at, [float(trace[name].gradient) for name in names]),
    }
    chart = line_chart(lines, title="The sigmoid in its parts", x_label="gate", y_label="number")
    caption = "Gates: sum, times -1, exp, plus 1, reciprocal. Read the gradient from the right."
    drawing.write(picture, "Circuits", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
