"""A neural network in eleven lines of Python, in talweg, number for number.

Andrew Trask's two networks (iamtrask.github.io, 2015-07-12) learn tables of four rows by full-batch
gradient descent. His update, w += input.T @ (error * slope), is a step of gradient descent with
lr = 1 on half the sum of squared errors: `loss="half_sse"` and `tw.SGD(lr=1.0)` are all it takes.
"""

import numpy as np

import talweg as tw

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
FIRST_COLUMN = np.array([0, 0, 1, 1])
EXCLUSIVE_OR = np.array([0, 1, 1, 0])


def network(*units: int) -> tw.Sequential:
    """Sigmoid layers without biases, with the starting weights that the article draws."""
    layers = [tw.Dense(each, "sigmoid", bias=False) for each in units]
    net = tw.Sequential(*layers, dtype="float64")
    np.random.seed(1)
    sizes = zip([3, *units], units, strict=False)
    net.weights = {f"{i}.weight": 2 * np.random.random(size) - 1 for i, size in enumerate(sizes)}
    return net


def train(net: tw.Sequential, y: np.ndarray, epochs: int) -> tw.Run:
    return tw.fit(
        net,
        X,
        y,
        loss="half_sse",
        optimizer=tw.SGD(lr=1.0),
        epochs=epochs,
        batch_size=None,
        metrics=["mae"],
    )


def print_outputs(net: tw.Sequential, y: np.ndarray) -> None:
    print(f"{'input':>12}{'wanted':>9}   output")
    for x, wanted, output in zip(X, y, net.predict(X)[:, 0], strict=True):
        print(f"{x!s:>12}{wanted:>9}   {output:.8f}")


def two_layers() -> None:
    print("Two layers: three inputs straight to one sigmoid unit, 10,000 steps")
    net = network(1)
    train(net, FIRST_COLUMN, epochs=9_999)
    print_outputs(net, FIRST_COLUMN)  # the article's outputs are those that its last step saw
    train(net, FIRST_COLUMN, epochs=1)  # goes on from the weights as they are
    print("final weights:", ", ".join(f"{each:.8f}" for each in net.weights.flat))
    print("The first column alone decides: its weight grew, and the last balances it.")


def three_layers() -> None:
    print("Three layers: four hidden units, which can tell 'one or the other, not both'")
    net = network(4, 1)
    run = train(net, EXCLUSIVE_OR, epochs=60_000)
    print(f"{'step':>8}   mean |error|")
    for step in range(0, 60_000, 10_000):
        print(f"{step:>8}   {run.history['mae'][step]:.12g}")
    print_outputs(net, EXCLUSIVE_OR)
    print("No single column decides: the hidden units had to find the combination.")


def main() -> None:
    two_layers()
    print()
    three_layers()


if __name__ == "__main__":
    main()
