"""The age of a tree from its width and its length: one step by hand, and three rules of stopping.

After "Adventure of the Neurons" by Sergen Cansiz. The article's starting weights are only in its
pictures; the ones here are a CONSTRUCTED instance that gives every number of its text: prediction
6.25, loss 1.5625, new w1 -0.1125, new prediction -3.33. All biases are 0.5 and stay so.
A path as first argument gets the picture.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

TREE, AGE = np.array([[5.0, 7.0]]), np.array([[5.0]])  # width and length; years
HIDDEN = np.array([[0.2, 1.0], [0.4, 0.5]])  # a column for each hidden neuron
OUTPUT = np.array([[0.5], [0.4]])
RATE = 0.05


def with_half(total: tw.Tensor) -> tw.Tensor:
    """The identity, after a bias of 0.5 that is no parameter and so never learns."""
    return total + 0.5


def network() -> tw.Sequential:
    layers = [tw.Dense(units, with_half, bias=False) for units in (2, 1)]
    net = tw.Sequential(*layers, dtype="float64")
    net.weights = {"0.weight": HIDDEN, "1.weight": OUTPUT}
    return net


def loss_by_hand() -> tw.Tensor:
    """The loss of the one tree, every weight a number of its own."""
    width, length = TREE[0]
    (w1, w2), (w3, w4) = HIDDEN.T
    first = {"w1": w1, "w2": w2, "w3": w3, "w4": w4, "v1": OUTPUT[0, 0], "v2": OUTPUT[1, 0]}
    w = {name: tw.tensor(value, name=name) for name, value in first.items()}
    h1 = (w["w1"] * width + w["w2"] * length + 0.5).named("h1")
    h2 = (w["w3"] * width + w["w4"] * length + 0.5).named("h2")
    age = (h1 * w["v1"] + h2 * w["v2"] + 0.5).named("age")
    gap = (age - AGE.item()).named("gap")
    return (gap * gap).named("loss")


def by_hand() -> None:
    print("One step by hand (a constructed instance, not the article's own weights)\n")
    loss = loss_by_hand()
    loss.backward()
    print(tw.trace(loss))
    w1 = loss.find("w1")
    print("\nThe chain rule for w1, factor by factor:")
    print("  dloss/dage * dage/dh1 * dh1/dw1 = 2 * 1.25 * 0.5 * 5 =", f"{w1.grad:g}")
    print(f"  new w1 = {w1.item():g} - {RATE} * {w1.grad:g} = {w1.item() - RATE * w1.grad:.4f}")


def one_step(net: tw.Module, loss: str = "mse", engine: str | None = None) -> tw.Run:
    settings = {"optimizer": tw.SGD(lr=RATE), "epochs": 1, "batch_size": None}
    return tw.fit(net, TREE, AGE, loss=loss, engine=engine, **settings)


def by_fit() -> None:
    print("\nThe same step by tw.fit")
    net = network()
    print(f"  prediction {net.predict(TREE).item():.4f}")
    run = one_step(net)
    print(f"  loss {run.history['loss'][0]:.4f}")
    print(f"  new w1 {net.weights['0.weight'][0, 0]:.4f}")
    print(f"  new prediction {net.predict(TREE).item():.4f}: the step was too long; 5 was wanted")


def forest(trees: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Made-up trees: width and length from 0 to 1, and an age that scatters by a year."""
    random = np.random.default_rng(seed)
    sizes = random.uniform(0, 1, (trees, 2))
    return sizes, 2 + 3 * sizes[:, 0] + 4 * sizes[:, 1] ** 2 + random.normal(0, 1, trees)


def print_end(title: str, run: tw.Run) -> None:
    print(f"  {title}: stopped by {run.stopped_by} in epoch {run.epochs} of 10,000,")
    print(f"    because {run.stop_reason}")


def three_rules() -> tw.Run:
    print("\nThree rules of stopping")
    one = {"loss": "mse", "optimizer": tw.SGD(lr=0.001), "epochs": 10_000, "batch_size": None}
    run = tw.fit(network(), TREE, AGE, stop=tw.MinDecrease(0.05), **one)
    print_end("a least decrease", run)
    run = tw.fit(network(), TREE, AGE, stop=tw.TargetLoss(0.001), **one)
    print_end("a target", run)

    wide = tw.Sequential(tw.Dense(32, "tanh", init=tw.Normal(2.0)), tw.Dense(1))
    few, many = forest(trees=15, seed=1), forest(trees=200, seed=2)
    rule = tw.EarlyStopping(200)
    run = tw.fit(wide, *few, optimizer=tw.SGD(lr=0.02), epochs=10_000, stop=rule, validation=many)
    print_end("a rising validation loss", run)
    for name in ("loss", "val_loss"):
        best, last = run.history[name][[run.best_epoch - 1, -1]]
        print(f"    {name:<9} {best:.3f} in epoch {run.best_epoch}, {last:.3f} at the end")
    print(f"    the weights in the net are those after epoch {run.best_epoch}")
    return run


def main(picture: str | None = None) -> None:
    by_hand()
    by_fit()
    history = three_rules().history
    at = np.arange(0, len(history["loss"]), 2)
    lines = {"training": (at, history["loss"][at]), "validation": (at, history["val_loss"][at])}
    chart = line_chart(lines, title="When to stop", x_label="epoch", y_label="loss")
    caption = "The training loss falls on; the validation loss has turned, which is when to stop."
    drawing.write(picture, "The age of a tree", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
